"""A text may ask for a reserved word in its own meaning only (C12), in every language pack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text import keyword_tables as tables
from ringfence.text.reply_words import REPLY_VERBS, reply_words, says_how_to_stop

RESERVED = sorted(
    {
        word
        for table in (tables.OPT_OUT, tables.OPT_IN, tables.OPT_IN_YES, tables.HELP)
        for words in table.values()
        for word in words
    }
)
VERBS = sorted({(tongue, verb) for tongue, verbs in REPLY_VERBS.items() for verb in verbs})


def errors(text: str) -> list[str]:
    return [found.said for found in reply_words(text) if found.is_error]


def test_every_language_pack_has_verbs() -> None:
    assert set(tables.OPT_OUT) | set(tables.HELP) | set(tables.OPT_IN) <= set(REPLY_VERBS)


@pytest.mark.proves("C12")
@pytest.mark.parametrize(("tongue", "verb"), VERBS)
def test_every_reserved_word_after_every_verb_is_an_error(tongue: str, verb: str) -> None:
    for word in RESERVED:
        for said in (
            word,
            word.upper(),
            word.capitalize(),
            f'"{word}"',
            f"\u201c{word.upper()}\u201d",
        ):
            for text in (
                f"{verb.capitalize()} {said} 123",
                f"{verb} {said}",
                f"Your visit is tomorrow at 10:00, {verb} {said}.",
                f"Hello.\n{verb.upper()} {said.upper()}",
            ):
                assert errors(text), text


@pytest.mark.proves("C12")
@pytest.mark.parametrize(
    "text",
    [
        "Reply YES to confirm",
        "Reply Yes/No",
        "Reply 1, 2 or stop",
        "Reply NO, YES or STOP",
        "To confirm, reply YES.",
        "Reply YES to opt in",
        "Reply STOP to cancel",
        "Reply STOP to cancel your visit",
        "Reply STOP",
        "Reply STOP to cancel your visit, END to opt out",
        "Text 'cancel' to cancel",
        "Reply with the word quit",
        "Reply 1 for yes, STOP for no",
        "Please reply with HELP if you cannot come",
        "Reply START to start the survey",
        "REPLY STOP TO CONFIRM",
        "Reply\nYES",
        "Reply \uff33\uff34\uff2f\uff30 to keep it",
        "Reply S\u0422\u041eP to keep it",
        "Reply S.T.O.P to keep it",
        "Reply st\u200bop to keep it",
        "Zum Bestätigen STOPP antworten",
        "Mit STOPP antworten, um zu bestätigen",
        "Antworten Sie mit STOPP, um den Termin zu verschieben",
        "Répondez ARRÊT pour confirmer",
        "Responda ALTO para confirmar",
        "Responda com SAIR para confirmar",
        "Rispondi FERMA per confermare",
    ],
)
def test_another_meaning_is_an_error(text: str) -> None:
    assert errors(text)


@pytest.mark.parametrize(
    "text",
    [
        "Reply STOP to opt out.",
        "Reply STOP to opt out, HELP for help.",
        "Reply HELP for help, STOP to opt out",
        "Reply STOP to OPT OUT",
        "REPLY STOP TO OPT OUT",
        "Text STOP to unsubscribe or HELP for info",
        "Text HELP to get help or STOP to opt out",
        "To opt out, reply STOP",
        "Reply UNSUBSCRIBE to unsubscribe",
        "Reply STOP to end messages. Msg&data rates may apply.",
        "Reply START to resubscribe",
        "Antworten Sie mit STOPP, um sich abzumelden.",
        "Um sich abzumelden, antworten Sie STOPP",
        "Mit STOPP abmelden.",
        "Envoyez ARRET pour vous désabonner",
        "Responda BAJA para dejar de recibir mensajes",
        "Responda SAIR para deixar de receber",
        "Rispondi FERMA per disiscriverti",
        "Reply R to cancel, C to confirm",
        "Reply to cancel",
        "REPLY C TO CONFIRM OR R TO CANCEL. THE END",
        "Please stop by at the end of the day",
        "We will help you. Send us a photo",
        "INFO: your parcel is here",
        "Yes, we are open.",
        "Please text us when you start",
    ],
)
def test_its_own_meaning_and_ordinary_words_are_not(text: str) -> None:
    assert reply_words(text) == []


@pytest.mark.parametrize("text", ["STOP = cancel the visit", "CANCEL to cancel", "Cancel: QUIT"])
def test_a_loud_word_without_a_verb_is_a_suspicion(text: str) -> None:
    [found] = reply_words(text)
    assert not found.is_error
    assert found.why


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Sale! Reply STOP to opt out.", True),
        ("Sale! Antworten Sie STOPP, um sich abzumelden.", True),
        ("Sale! Text HELP for help.", False),
        ("Sale! Reply STOP to cancel.", False),
        ("Sale!", False),
        ("Please stop by.", False),
    ],
)
def test_how_to_stop_is_found(text: str, says: bool) -> None:
    assert says_how_to_stop(text) is says


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for found in reply_words(text):
        assert found.word in RESERVED
