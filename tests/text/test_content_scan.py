"""Content findings: links, secrets, SHAFT, reply verbs and hidden characters, hits and misses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text import content_tables as tables
from ringfence.text import keyword_tables, phrases
from ringfence.text.content import Content, host_digest, scan
from ringfence.text.reply_verbs import RESERVED
from ringfence.text.reply_words import reply_words

SAMPLE_CARDS = {
    "visa": "4111111111111111",
    "visa of 13": "4222222222222",
    "mastercard": "5555555555554444",
    "mastercard of the 2 series": "2223003122003222",
    "american express": "378282246310005",
    "discover": "6011111111111117",
    "diners": "30569309025904",
    "jcb": "3530111333300000",
    "unionpay": "6200000000000005",
}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("see https://example.com/a?b=c#d now", ["example.com"]),
        ("HTTP://EXAMPLE.COM", ["example.com"]),
        ("go to example.com today", ["example.com"]),
        ("(example.com).", ["example.com"]),
        ("example.com,shop.example.org", ["example.com", "shop.example.org"]),
        ("example.com and example.com/again", ["example.com"]),
        ("example.unheardof/path", ["example.unheardof"]),
        ("https://intranet/wiki", ["intranet"]),
        ("http://localhost:8080", ["localhost"]),
        ("http:example.com", ["example.com"]),
        ("http:\\\\example.com\\x", ["example.com"]),
        ("https://good.example@evil.example:8443/x", ["evil.example"]),
        ("a@evil.example/x", ["evil.example"]),
        ("https://ev%69l.example", ["evil.example"]),
        ("https://one.example://two.example", ["one.example", "two.example"]),
        ("http://192.0.2.7/x", ["192.0.2.7"]),
        ("ping 192.0.2.7", ["192.0.2.7"]),
        ("http://[2001:db8::1]:80/", ["2001:db8::1"]),
        ("http://3221225991/", ["3221225991"]),
        ("xn--e1afmkfd.example.com", ["xn--e1afmkfd.example.com"]),
        ("b\u00fccher.example.de", ["xn--bcher-kva.example.de"]),
        ("\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", ["xn--e1afmkfd.xn--p1ai"]),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", ["example.com"]),
        ("example\u3002com", ["example.com"]),
        ("exam\u200bple.com", ["example.com"]),
        ("hxxps://bad.example", ["bad.example"]),
        ("bad[.]example[.]com/login", ["bad.example.com"]),
        ("bad(dot)com", ["bad.com"]),
        ("bad dot com", ["bad.com"]),
        ("www.shop.unheardof", ["www.shop.unheardof"]),
        ("Evil.Com", ["evil.com"]),
        ("there.is no space here", ["there.is"]),
    ],
)
def test_a_link_is_found(text: str, hosts: list[str]) -> None:
    assert list(scan(text).hosts) == hosts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "See you there.Is it far?",
        "done.Thanks",
        "Fine...ok",
        "at 9 a.m. or 5 p.m., e.g. Monday, i.e. tomorrow",
        "write to bob@example.com",
        "see report.pdf and v1.2.3, 3.14 or 5.00",
        "version 300.2.3.4",
        "10.30.am",
        "on 24.12.2025",
        "U.S.A.",
        "He said: no. It is: yes",
        "ratio 3:4",
        "the polka dot commander",
    ],
)
def test_what_is_no_link_is_left_alone(text: str) -> None:
    assert scan(text).hosts == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://bit.ly/abc", True),
        ("tinyurl.com/abc", True),
        ("www.bit.ly/abc", True),
        ("b\u0456t.ly/abc", True),  # a Cyrillic letter: a lookalike is worse, not better
        ("bit.ly.example.com", False),
        ("orbit.lyon.example", False),
        ("https://youtu.be/abc", False),
    ],
)
def test_shorteners_are_told_apart(text: str, found: bool) -> None:
    assert bool(scan(text).shorteners) is found


def test_every_shortener_is_found() -> None:
    for host in tables.SHORTENERS:
        assert scan(f"look: {host}/abc").shorteners == (host,)


def test_a_host_has_one_digest_however_it_is_spelled() -> None:
    one = host_digest("example.com")
    assert len(one) == 12
    assert {
        host_digest(spelled) for spelled in ("EXAMPLE.com", "example.com.", "ｅxample．com")
    } == {one}
    assert host_digest("www.example.com") != one
    assert host_digest("b\u00fccher.example") == host_digest("xn--bcher-kva.example")


# Put together here, so that no file of ours holds what a scanner of repositories takes for a secret.
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("aws_key", "AKIA" + "ABCDEFGHIJKLMNOP"),
        ("twilio_key", "SK" + "0123456789abcdef" * 2),
        ("github_token", "ghp_" + "a1B2" * 9),
        ("github_token", "github_pat_" + "a1B2c3" * 6),
        ("gitlab_token", "glpat-" + "a1B2c3" * 4),
        ("model_api_key", "sk-" + "a1B2c3d4" * 5),
        ("model_api_key", "sk-proj-" + "a1B2c3d4" * 5),
        ("model_api_key", "sk-ant-api03-" + "a1B2c3d4" * 5),
        ("stripe_key", "sk_live_" + "a1B2" * 6),
        ("google_api_key", "AIza" + "a1B2c" * 7),
        ("slack_token", "xoxb-" + "1234567890-abcdefghij"),
        ("sendgrid_key", "SG." + "a1B2" * 5 + "." + "c3D4" * 10),
        ("telegram_token", "123456789:AA" + "a1B2" * 8),
        ("registry_token", "npm_" + "a1B2" * 9),
        ("jwt", "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0In0" + ".c2ln"),
        ("url_with_password", "postgres://app:" + "hunter2" + "@db.example/x"),
        ("private_key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("private_key", "-----BEGIN " + "PRIVATE KEY-----"),
        ("bearer_token", "Authorization: Bearer " + "a1B2c3d4" * 4),
        ("password", "password: " + "hunter2"),
        ("password", "the Password is " + "hunter2"),
        ("password", "Passwort lautet " + "geheim99"),
        ("password", "contrase\u00f1a: " + "abcd"),
        ("password", "mot de passe : " + "abcd1"),
        ("password", "senha = " + "abcd1"),
        ("password", "your PIN is " + "1234"),
        ("password", "api_key=" + "abcdef"),
    ],
)
def test_a_secret_is_told_by_kind_only(kind: str, value: str) -> None:
    for text in (value, f"here: {value} ok?", f"({value})", value[:4] + "\u200b" + value[4:]):
        found = scan(text)
        assert kind in found.secrets, text
        assert value not in repr(found.secrets)


@pytest.mark.parametrize(
    "text",
    [
        "the password is required",
        "the password is wrong, try again",
        "forgot your password?",
        "pin it to the wall",
        "the shopping is done",
        "your token is at the desk",
        "ask-me-anything-about-the-weather-today",
        "a bearer of good news",
        "AKIA is no key",
        "https://example.com/a-very-long-path-with-words-only",
    ],
)
def test_talk_about_secrets_is_none(text: str) -> None:
    assert scan(text).secrets == ()


@pytest.mark.parametrize("scheme", SAMPLE_CARDS)
@pytest.mark.parametrize("sign", ["", " ", "-", ".", "\u00a0", "\u2011", "\u200b"])
def test_a_card_number_is_found(scheme: str, sign: str) -> None:
    digits = SAMPLE_CARDS[scheme]
    number = sign.join([digits[at : at + 4] for at in range(0, len(digits), 4)])
    for text in (
        number,
        f"my card is {number}.",
        f"{number} 12/26",
        f"05 {number}",
        f"nr:{number}",
    ):
        assert scan(text).secrets == ("card_number",), text


def test_a_card_number_in_other_digits_is_found() -> None:
    full_width = "".join(chr(ord(digit) + 0xFEE0) for digit in SAMPLE_CARDS["visa"])
    assert scan(full_width).secrets == ("card_number",)


@pytest.mark.parametrize(
    "text",
    [
        "+4111111111111111",  # a phone number's form
        "call +1 202 555 0101 or +1 202 555 0102",
        "202-555-0101 202-555-0102",
        "4111111111111112",  # fails the check digit
        "1234567890123456",
        "0000 0000 0000 0000",
        "id x4111111111111111",
        "99941111111111111111999",  # part of something longer
        "9999999999999995",  # nobody issues such
        "2025-11-21 15:30:00 2025-11-22",
        "411111111111",
    ],
)
def test_other_numbers_are_no_cards(text: str) -> None:
    assert scan(text).secrets == ()


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("hot nudes here", ["sex"]),
        ("free beer and vape deals", ["alcohol", "tobacco"]),
        ("gun show on Sunday", ["firearms"]),
        ("white power", ["hate"]),
        ("w.e.e.d", ["tobacco"]),
        ("v0dka", ["alcohol"]),
        ("cerveza gratis", ["alcohol"]),
        ("Bier und Zigaretten", ["alcohol", "tobacco"]),
        ("du vin rouge", ["alcohol"]),
        ("maconha", ["tobacco"]),
        ("birra", ["alcohol"]),
    ],
)
def test_shaft_words_are_named_by_category(text: str, categories: list[str]) -> None:
    assert list(scan(text).shaft) == categories


@pytest.mark.parametrize(
    "text",
    [
        "glue gun and root beer",
        "alcohol wipes",
        "the begin of Sussex",
        "an alcove, an essay on drums",
        "jump the gun",
        "grass needs mowing",
        "weed the garden",
        "gingerly",
        "le train est en retard",
        "mi hermano vino ayer",
        "ele pede para esperar",
        "Essex",
    ],
)
def test_words_that_only_sound_so_are_not(text: str) -> None:
    assert scan(text).shaft == ()


def test_every_shaft_phrase_finds_itself() -> None:
    for category, listed in tables.SHAFT.items():
        for phrase in filter(None, (one.strip() for one in listed.split(","))):
            assert not phrases.phrase_problem(phrase), phrase
            said = " ".join(token.split("|")[0] for token in phrase.split())
            said = said.replace(" .. ", " ").replace("..", "").replace("*", "")
            assert category in scan(said).shaft, phrase


VERBS = {
    "en": ("Reply {} to confirm", "Reply with {} to confirm.", 'text "{}" to accept'),
    "es": ("Responda {} para confirmar", "envíe {} para confirmar"),
    "fr": ("Répondez {} pour confirmer", "répondez par {} pour confirmer"),
    "de": ("Antworten Sie mit {}, um zu bestätigen", "Sende {} zum Bestätigen"),
    "pt": ("Responda {} para confirmar", "envie {} para confirmar"),
    "it": ("Rispondi {} per confermare", "invia {} per confermare"),
}


@pytest.mark.parametrize("language", VERBS)
def test_every_keyword_of_every_pack_is_found_as_a_reply_verb(language: str) -> None:
    for text in VERBS[language]:
        for word in RESERVED:
            assert scan(text.format(word.upper())).reserved == (word,), text.format(word.upper())


def test_the_keywords_are_those_of_every_pack() -> None:
    packs = (keyword_tables.OPT_OUT, keyword_tables.OPT_IN, keyword_tables.HELP)
    for pack in (*packs, keyword_tables.OPT_IN_YES):
        for words in pack.values():
            assert set(words) <= RESERVED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("please reply yes or no", ["yes"]),
        ("Reply 1 or YES to accept", ["yes"]),
        ("Reply YES/STOP to decide", ["yes", "stop"]),
        ("Reply CONFIRM or CANCEL", ["cancel"]),
        ("Reply CANCEL to cancel your appointment", ["cancel"]),
        ("Reply CANCEL to cancel.", ["cancel"]),  # cancel what?
        ("Reply END to leave. Unsubscribe online", ["end"]),
        ("Reply STOP to cancel your appointment", ["stop"]),
        ("Reply START to begin the quiz", ["start"]),
        ("Reply HELP to call the nurse", ["help"]),
        ("reply ‘yes’ to confirm", ["yes"]),
        ("Répondez ARRÊT pour annuler le rendez-vous", ["arret"]),
        ("Text OPT OUT to leave the draw", ["opt out"]),
    ],
)
def test_a_keyword_for_another_purpose_is_found(text: str, words: list[str]) -> None:
    assert list(scan(text).reserved) == words


@pytest.mark.parametrize("language", VERBS)
def test_templates_are_held_to_no_less_than_free_text(language: str) -> None:
    for text in VERBS[language]:
        for word in RESERVED:
            said = text.format(word.upper())
            assert set(scan(said).reserved) <= {one.word for one in reply_words(said)}, said


@pytest.mark.parametrize(
    "text",
    [
        "Reply STOP to opt out",
        "Reply CANCEL to unsubscribe",
        "Reply STOP to unsubscribe, HELP for help.",
        "Reply HELP for help, STOP to cancel",
        "Text STOP to end messages. Msg&data rates may apply",
        "Reply START to resubscribe",
        "Répondez STOP pour vous désabonner",
        "Responda ALTO para cancelar mensajes",
        "Antworten Sie mit STOPP zum Abmelden",
        "send help please",
        "I'll send info tomorrow",
        "Reply with info about the trip",
        "Thanks for your reply. Stop by anytime",
        "The meeting will end at 5, reply if that works",
        "I will write to cancel the order",
        "the bus stop",
        "Reply C to confirm",
    ],
)
def test_a_keyword_for_its_own_purpose_or_in_talk_is_not(text: str) -> None:
    assert scan(text).reserved == ()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain\r\n\ttext", ()),
        ("caf\u00e9 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f", ()),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u05e9\u200f", ()),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", ()),
        ("bell\x07", ("control",)),
        ("a\x00b", ("control",)),
        ("exe\u202efdp", ("bidi",)),
        ("a\u2066b\u2069", ("bidi",)),
        ("st\u200bop", ("zero_width",)),
        ("st\u200dop", ("zero_width",)),
        ("soft\u00adhyphen", ("zero_width",)),
        ("hi\U000e0068\U000e0069", ("tag",)),
        ("\x01\u202a\ufeff", ("control", "bidi", "zero_width")),
    ],
)
def test_characters_that_are_not_seen_are_named(text: str, kinds: tuple[str, ...]) -> None:
    assert scan(text).hidden == kinds


def test_a_plain_text_has_nothing() -> None:
    assert scan("Your table for two is booked for 7:30 tonight.") == Content()


@given(st.text(max_size=300))
def test_any_text_can_be_scanned(text: str) -> None:
    found = scan(text)
    for listed in (found.hosts, found.shorteners, found.secrets, found.shaft, found.reserved):
        assert len(set(listed)) == len(listed)
    assert all(host.isascii() for host in found.hosts)
    assert set(found.shorteners) <= set(found.hosts)
    for host in found.hosts:
        assert len(host_digest(host)) == 12


@given(st.text(alphabet="ab.:/@[]%-_0159\u0430\u3002? #xn", max_size=60))
def test_any_almost_link_can_be_scanned(text: str) -> None:
    assert all(host == host.lower() and host for host in scan(text).hosts)


@given(st.text(alphabet=" .-0123456789+", max_size=60))
def test_any_digits_can_be_scanned(text: str) -> None:
    assert set(scan(text).secrets) <= {"card_number"}


HOSTILE = [
    "a.",
    "http:",
    "http://",
    "[.]",
    " dot ",
    "1 ",
    "4111 ",
    "reply ",
    "reply yes or ",
    "eyJa",
]
HOSTILE += [
    "://a:",
    "password ",
    "password is ",
    "-----BEGIN ",
    "bearer ",
    "xn--",
    "%",
    "sk-",
    "1.",
    "kill ",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_text_is_scanned_in_good_time(piece: str) -> None:
    assert isinstance(scan(piece * (200_000 // len(piece))), Content)
