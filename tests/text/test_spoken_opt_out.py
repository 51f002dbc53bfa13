"""Whoever says that they want no more calls is understood, and ordinary talk is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text.keywords import LANGUAGES
from ringfence.text.spoken_opt_out import SpokenWish, spoken_wish

PLAIN = {
    "en": (
        "Stop calling me.",
        "stop calling",
        "Please stop calling this number",
        "I said quit phoning me, right now!",
        "Don't call me again.",
        "do not ever contact us again",
        "Never call here again please",
        "Don't call me anymore okay",
        "Take me off your list.",
        "can you please take me off of your calling list",
        "Remove my number from your database",
        "put me on your do not call list",
        "I want to opt out",
        "No more calls, thank you.",
        "I don't want any more calls from you",
        "lose my number",
        "I want you to stop calling me",
        "No. Stop calling me!",
    ),
    "fr": (
        "Ne m'appelez plus.",
        "ne me rappelez plus jamais",
        "Arrêtez de m'appeler !",
        "Retirez-moi de votre liste.",
        "Supprimez mon numéro de vos fichiers",
        "plus d'appels, merci",
    ),
    "es": (
        "No me llame más.",
        "no me llamen",
        "No me vuelvan a llamar, por favor",
        "Deje de llamarme",
        "Quíteme de su lista",
        "no quiero recibir más llamadas",
    ),
    "pt": (
        "Não me ligue mais.",
        "não me liguem de novo",
        "Pare de me ligar!",
        "Tire o meu número da lista",
        "não quero mais chamadas",
    ),
    "de": (
        "Rufen Sie mich nicht mehr an.",
        "ruf mich bitte nie wieder an",
        "Hören Sie bitte auf, mich anzurufen!",
        "Nehmen Sie mich von Ihrer Liste.",
        "Löschen Sie meine Nummer aus Ihrer Kartei",
        "keine Anrufe mehr",
        "Hier bitte nicht mehr anrufen",
    ),
    "it": (
        "Non mi chiami più.",
        "non chiamatemi mai più",
        "Smettete di chiamarmi",
        "Mi cancelli dalla vostra lista... cancellatemi dalla lista",
        "basta telefonate",
    ),
}


@pytest.mark.proves("P3")
@pytest.mark.parametrize(
    ("tongue", "said"), [(tongue, said) for tongue in sorted(PLAIN) for said in PLAIN[tongue]]
)
def test_plain_words_count_at_once(tongue: str, said: str) -> None:
    assert spoken_wish(said) is SpokenWish.NO_CALLS
    assert spoken_wish(said.upper()) is SpokenWish.NO_CALLS
    assert spoken_wish(f"Yes hello. {said.rstrip(' .!')}. Goodbye.") is SpokenWish.NO_CALLS
    assert spoken_wish(said, languages=(tongue,)) is SpokenWish.NO_CALLS


def test_there_are_words_for_every_language_of_the_keywords() -> None:
    assert set(PLAIN) == set(LANGUAGES)


@pytest.mark.parametrize(
    "said",
    [
        "Stop.",
        "stop stop stop",
        "Cancel",
        "leave me alone",
        "You have the wrong number",
        "I'm not interested",
        "stop sending me messages",
        "tell him to stop calling me",
        "I want them to stop calling me",
        "go away",
        "Arrêtez",
        "Basta messaggi",
    ],
)
def test_what_might_mean_it_is_for_a_person(said: str) -> None:
    assert spoken_wish(said) is SpokenWish.SUSPECTED


@pytest.mark.parametrize(
    "said",
    [
        "",
        "   ",
        "Who is this?",
        "Qui est-ce ?",
        "Please don't stop calling me",
        "the bus stops here",
        "Call me back tomorrow",
        "Ruf mich morgen nicht so früh an",
        "my number is five five five",
        "what is on your list",
        "START",
    ],
)
def test_ordinary_talk_is_left_alone(said: str) -> None:
    assert spoken_wish(said) is SpokenWish.NONE


@pytest.mark.parametrize(
    "said",
    [
        "no dejes de llamarme",
        "não pare de me ligar",
        "non smettete di chiamarmi",
        "Don't call me before nine",
        "do not call me tomorrow, Friday is better",
        "you can stop calling it a bug",
        "take me off the train reservation",
    ],
)
def test_what_only_sounds_like_it_ends_nothing_by_itself(said: str) -> None:
    assert spoken_wish(said) is not SpokenWish.NO_CALLS


@pytest.mark.parametrize("tongue", sorted(set(LANGUAGES) - {"en"}))
def test_a_language_nobody_speaks_here_is_not_listened_for(tongue: str) -> None:
    said = PLAIN[tongue][0]
    assert spoken_wish(said, languages=()) is SpokenWish.NONE


def test_somebody_who_says_it_over_and_over_is_not_thought_about_for_ever() -> None:
    tail = " again ever again now right now" * 500
    assert spoken_wish(f"stop calling{tail}") is SpokenWish.NO_CALLS
    assert spoken_wish(f"stop calling{tail} it") is SpokenWish.SUSPECTED
    spanish = " nunca mas otra vez" * 500
    assert spoken_wish(f"no me llame{spanish} hoy") is SpokenWish.SUSPECTED


@given(st.text(max_size=400))
def test_whatever_was_heard_has_an_answer(said: str) -> None:
    assert spoken_wish(said) in SpokenWish
