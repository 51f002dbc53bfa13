"""Forced topics: every listed phrase in every guise, and ordinary talk left alone."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.text import phrases, topics
from ringfence.text.keywords import normalise
from ringfence.text.topics import TOPICS, emergency, find_phrases, find_topics, lists_digest

# Whoever changes a list raises TOPICS_VERSION and writes both here: what was decided by the old
# lists must stay apart from what is decided by the new ones.
PINNED = ("1", "4e1ed3e7fa56")


def _spoken(phrase: str) -> Iterator[str]:
    """A text for each place where `phrase` leaves a choice, the first word taken elsewhere."""
    places = [token.split("|") for token in phrase.replace(" .. ", " quartz ").split()]
    plain = [choices[0] for choices in places]
    for at, choices in enumerate(places):
        for choice in choices:
            yield " ".join([*plain[:at], choice, *plain[at + 1 :]]).replace("*", "")


def _listed() -> list[tuple[str, str, str]]:
    return [(lang, *entry) for lang in topics.LANGUAGES for entry in topics.shipped_phrases(lang)]


SIMPLE = [entry for entry in _listed() if not set("*|.") & set(entry[2])]


def test_the_version_moves_with_the_lists() -> None:
    now = (topics.TOPICS_VERSION, lists_digest())
    assert now == PINNED, "raise TOPICS_VERSION in text/topic_tables and pin it here"


def test_every_language_has_every_topic() -> None:
    for language in topics.LANGUAGES:
        counts = dict.fromkeys(TOPICS, 0)
        for topic, _ in topics.shipped_phrases(language):
            counts[topic] += 1
        assert min(counts.values()) >= 15, (language, counts)


@pytest.mark.parametrize("language", topics.LANGUAGES)
def test_every_phrase_is_one_and_finds_itself(language: str) -> None:
    for phrase in topics.shipped_harmless(language):
        assert not phrases.phrase_problem(phrase), phrase
    for topic, phrase in topics.shipped_phrases(language):
        assert not phrases.phrase_problem(phrase), phrase
        for text in _spoken(phrase):
            assert topic in find_topics(text), (language, topic, phrase, text)


HITS = {
    "family_conflict": {
        "en": [
            "I had a fight with my mother",
            "She filed for divorce",
            "he kicked me out of my house",
        ],
        "es": ["me divorcié ayer", "discutí con mi hermana"],
        "fr": ["mon ex refuse la garde alternée", "dispute avec ma sœur"],
        "de": ["Streit mit meiner Mutter", "die Scheidung läuft"],
        "pt": ["briguei com meu irmão", "pedido de divórcio"],
        "it": ["ho litigato con mio padre", "stiamo parlando di divorzio"],
    },
    "romance": {
        "en": ["I love you so much", "will you marry me?", "We should break up"],
        "es": ["te amo", "¿quieres salir conmigo?"],
        "fr": ["je t'aime", "Je t’aime", "tu me manques"],
        "de": ["Ich liebe dich", "ich vermisse dich so"],
        "pt": ["eu te amo", "quer casar comigo"],
        "it": ["ti amo", "mi manchi"],
    },
    "apology": {
        "en": ["I'm so sorry about yesterday", "sorryyyy", "we apologise", "it was my fault"],
        "es": ["lo siento mucho", "perdóname"],
        "fr": ["je suis désolée", "toutes nos excuses", "desole"],
        "de": ["Es tut mir wirklich leid", "Entschuldigung!"],
        "pt": ["sinto muito", "me desculpa"],
        "it": ["mi dispiace tanto", "chiedo scusa"],
    },
    "health": {
        "en": [
            "your biopsy is back",
            "She is feeling sick",
            "her mom passed away",
            "I am pregnant",
        ],
        "es": ["me duele la espalda", "está embarazada"],
        "fr": ["elle est à l'hôpital", "le médecin rappelle"],
        "de": ["ich bin krank", "Termin beim Arzt"],
        "pt": ["estou doente", "o remédio acabou"],
        "it": ["sono incinta", "il medico ha detto di no"],
    },
    "employment": {
        "en": ["You're fired", "I quit", "your salary from May", "she was laid off"],
        "es": ["carta de renuncia", "me despidieron"],
        "fr": ["il a été licencié", "ma démission"],
        "de": ["Ich kuendige", "Ihnen wurde gekündigt"],
        "pt": ["fui demitido", "aumento de salário"],
        "it": ["mi hanno licenziato", "il mio stipendio"],
    },
    "legal": {
        "en": ["you will hear from my attorney", "I'll sue you", "sign the contract"],
        "es": ["llamaré a mi abogado", "una demanda"],
        "fr": ["l'avocate vous appellera", "parlez à mon avocat", "porter plainte"],
        "de": ["mein Anwalt meldet sich", "vor Gericht"],
        "pt": ["meu advogado", "vou processar vocês"],
        "it": ["l'avvocato chiamerà", "ci vediamo in tribunale"],
    },
    "complaint": {
        "en": ["I demand a refund", "I want to speak to your manager", "this is unacceptable"],
        "es": ["quiero poner una queja", "exijo una solución"],
        "fr": ["je veux un remboursement", "c'est inadmissible"],
        "de": ["ich will mich beschweren", "Geld zurück!"],
        "pt": ["vou fazer uma reclamação", "péssimo atendimento"],
        "it": ["voglio un rimborso", "è vergognoso"],
    },
    "money": {
        "en": ["can you lend me 200 dollars", "what is your routing number", "send him some cash"],
        "es": ["mándame dinero", "la factura"],
        "fr": ["fais-moi un virement", "prête-moi 50 euros"],
        "de": ["überweise mir 50 Euro", "die Rechnung ist offen"],
        "pt": ["manda um pix", "estou cheio de dívidas"],
        "it": ["mandami i soldi", "fammi un bonifico"],
    },
    "emergency": {
        "en": [
            "call 911",
            "my dad is having a heart attack",
            "there is a fire in the kitchen",
            "I can't breathe",
            "my husband has a knife",
            "someone broke into my house",
        ],
        "es": ["llama a la policía", "no respira"],
        "fr": ["appelez le samu", "il y a le feu à la maison"],
        "de": ["Ruf einen Krankenwagen", "Hilfe, es brennt in der Küche"],
        "pt": ["chama a polícia", "ele não está bem, chamem uma ambulância"],
        "it": ["chiama un'ambulanza", "non riesco a respirare"],
    },
    "self_harm": {
        "en": [
            "I want to kill myself",
            "i wanna die",
            "KYS",
            "I’m going to end my life",
            "I don't want to live anymore",
            "I took all of my pills",
            "everyone's better off without me",
        ],
        "es": ["quiero morir", "me quiero matar"],
        "fr": ["je veux mourir", "j'ai envie d'en finir"],
        "de": ["ich will nicht mehr leben", "ich will mich umbringen"],
        "pt": ["quero morrer", "vou me matar"],
        "it": ["voglio morire", "voglio farla finita"],
    },
}


@pytest.mark.parametrize(
    ("topic", "text"),
    [(topic, text) for topic, by in HITS.items() for texts in by.values() for text in texts],
)
def test_a_text_on_a_topic_is_found(topic: str, text: str) -> None:
    assert topic in find_topics(text), find_phrases(text)


def test_the_table_above_has_every_topic_and_language() -> None:
    assert set(HITS) == set(TOPICS)
    assert all(set(by) == set(topics.LANGUAGES) for by in HITS.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "👍",
        "ok",
        "I'm killing it today",
        "my battery died",
        "the phone is dying, talk later",
        "sick beat",
        "the emergency exit is on the left",
        "this is not an emergency",
        "We love your new logo",
        "I assess the class assignment",
        "classic, let's pass on that",
        "I'm dying to see the new movie",
        "That comedy had me dying laughing",
        "shoot me an email",
        "Hi Sue, the car is ready for pick up",
        "Turn right on Court Street",
        "let's meet at the tennis court",
        "page 911 of the log",
        "better safe than a second trip",
        "Your table for two is booked for 7:30 tonight at Luigi's.",
        "Package arrives tomorrow between 9 and 11, shall they leave it at the door?",
        "Your flight BA117 departs at 18:05 from gate B12.",
        "Happy birthday Dana! Hope you have a great day",
        "the meeting ran over, see you at 4pm",
        "Remember to water the plants",
        "we are on fire today",
        "Hola, la mesa está reservada para las ocho",
        "vos sos genial",
        "el cliente no responde",
        "ella me sigue en la lista",
        "perdí el tren, juego al deporte",
        "me muero de risa",
        "No pretendo llegar antes de las diez",
        "Bonjour, votre table est réservée pour vingt heures",
        "je suis pressé",
        "la sortie d'urgence est à gauche",
        "mort de rire",
        "sent by accident",
        "ça presse un peu",
        "Der Tisch ist für acht Uhr reserviert",
        "die Straße ist gesperrt, nimm die zweite rechts",
        "der Notausgang ist links",
        "A mesa está reservada para as oito",
        "a saída de emergência fica à esquerda",
        "Ho preso il treno delle otto",
        "Il tavolo è prenotato per le otto",
        "sto morendo di fame",
        "cerca il numero",
        "sem ar condicionado na sala",
        "investigation of the outage, operations team",
        "art deco ribs with sauce, caution: wet floor",
    ],
)
def test_ordinary_talk_has_no_topic(text: str) -> None:
    assert find_topics(text) == (), find_phrases(text)
    assert emergency(text) == ""


# Recall goes first here: these alarm somebody for nothing, and that is known.
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mom is gonna kill me lol", "emergency"),
        ("I live at 911 Oak Lane", "emergency"),
        ("the hostage scene in that film", "emergency"),
        ("we overdosed on cookies", "self_harm"),
        ("I'm not suicidal, don't worry", "self_harm"),
        ("I hate myself for eating that", "self_harm"),
        ("no puedo más, qué calor", "self_harm"),
        ("tenho urgência nesse documento", "emergency"),
    ],
)
def test_known_false_alarms(text: str, kind: str) -> None:
    assert emergency(text) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call an ambulance, he took all the pills", "self_harm"),
        ("\U0001f198", "emergency"),
        ("\U0001f198 pls", "emergency"),
        ("is lunch at noon?", ""),
        ("you're fired", ""),
    ],
)
def test_an_emergency_has_one_name(text: str, kind: str) -> None:
    assert emergency(text) == kind


GUISES: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "title": str.title,
    "spelled out": " ".join,
    "dotted": ".".join,
    "dashed": "-".join,
    "zero-width": "\u200b".join,
    "full-width": lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
    "digits": lambda t: t.translate(str.maketrans("ieo", "130")),
    "signs": lambda t: t.replace("s", "$", 1).replace("i", "!", 1),
    "drawn out": lambda t: t.replace("i", "iiiii"),
    "doubled": lambda t: t.replace("ll", "lllll"),
    "Cyrillic": lambda t: t.translate(str.maketrans("eioc", "\u0435\u0456\u043e\u0441")),
    "accents": lambda t: t.replace("i", "í").replace("e", "è"),
    "bold": lambda t: "".join(
        chr(ord(c) - ord("a") + 0x1D41A) if "a" <= c <= "z" else c for c in t
    ),
    "quoted": lambda t: f"“{t}”!!",
    "newlines": lambda t: t.replace(" ", "\n"),
}


@pytest.mark.parametrize("guise", GUISES)
@pytest.mark.parametrize("phrase", ["suicide", "kill myself", "killing myself", "better off dead"])
def test_no_guise_hides_a_cry_for_help(phrase: str, guise: str) -> None:
    assert emergency(GUISES[guise](phrase)) == "self_harm", GUISES[guise](phrase)


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text: str) -> None:
    found = find_topics(text)
    assert list(found) == sorted(set(found))
    assert set(found) <= set(TOPICS)
    assert emergency(text) in ("", "emergency", "self_harm")


@given(st.one_of(st.text(max_size=60), st.sampled_from(SIMPLE).map(lambda entry: entry[2].upper())))
def test_a_normalised_text_has_no_more_topics_and_no_fewer(text: str) -> None:
    again = find_topics(normalise(text))
    assert set(again) <= set(find_topics(text))
    if not set("@$!|") & set(text) and "\U0001f198" not in text:
        assert again == find_topics(text)


NEUTRAL = st.lists(st.sampled_from(["quartz", "zebra", "violin", "umbrella"]), max_size=8)


@given(st.sampled_from(SIMPLE), NEUTRAL, NEUTRAL, st.sampled_from(["", ",", ".", "!?", " \u2026"]))
def test_words_around_a_phrase_do_not_hide_it(
    entry: tuple[str, str, str], before: list[str], after: list[str], sign: str
) -> None:
    _, topic, phrase = entry
    assert topic in find_topics(" ".join([*before, phrase + sign, *after]))


@given(st.sampled_from(SIMPLE), st.sampled_from(string.ascii_lowercase + "é"))
def test_a_phrase_inside_another_word_does_not_count(
    entry: tuple[str, str, str], letter: str
) -> None:
    _, _, phrase = entry
    glued = f"zq{letter}{phrase}{letter}qz"
    assert all(hit.written != phrase for hit in find_phrases(glued))


def test_a_hit_names_the_phrase_as_listed() -> None:
    hits = find_phrases("We are sorry for the wait")
    assert [(hit.label, hit.written) for hit in hits] == [("apology", "sorry")]


def test_configuration_adds_phrases_and_topics() -> None:
    extra = {"legal": ["Project Falcon"], "merger": ["merg* with .. acme"]}
    assert find_topics("about PROJECT falcón") == ()
    assert find_topics("about PROJECT falcón", extra) == ("legal",)
    assert find_topics("merging with the old Acme", extra) == ("merger",)
    assert find_topics("so sorry", extra) == ("apology",)
    assert emergency("code violet", {"emergency": ["code violet"]}) == "emergency"


def test_configuration_takes_phrases_and_topics_away() -> None:
    assert find_topics("sorry, my fault", off=["apology"]) == ()
    assert find_topics("sorry about that", off=["sorry"]) == ()
    assert find_topics("sorry, my fault", off=["Sorry"]) == ("apology",)
    assert emergency("\U0001f198", off=["emergency"]) == ""


def test_the_digest_tells_lists_apart() -> None:
    digests = {
        lists_digest(),
        lists_digest({"legal": ["project falcon"]}),
        lists_digest(off=["apology"]),
        lists_digest(off=["sorry"]),
    }
    assert len(digests) == 4
    assert lists_digest(off=["sorry", "apology"]) == lists_digest(off=["apology", "sorry"])


@pytest.mark.parametrize(
    ("topic", "phrase", "says"),
    [
        ("legal", "", "no words"),
        ("legal", " .. ", "no words"),
        ("legal", ".. falcon", "stands between words"),
        ("legal", "falcon || hawk", "empty choice"),
        ("legal", "two-words|one", "more than one word"),
        ("legal", "abc*", "4 letters"),
        ("legal", "fal*con", "*"),
        ("legal", "word " * 13, "12 words"),
        ("legal", "a .. b .. c .. d .. e", "3 gaps"),
        ("Legal things", "falcon", "no name"),
    ],
)
def test_a_phrase_that_is_none_is_refused_in_words(topic: str, phrase: str, says: str) -> None:
    assert says in topics.extra_problem(topic, phrase)
    with pytest.raises(ValueError, match="no use"):
        find_topics("hello", {topic: [phrase]})


HOSTILE = [
    "kill ",
    "want to ",
    "s u i c ",
    "a ",
    "k1ll ",
    "aaaa",
    "don't want ",
    "é",
    "x@$",
    "mad at ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_grows_no_faster_than_the_text(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in looks at a word, not in time: twice the text, twice the looks."""
    looks = 0
    real = phrases.Step.takes

    def counted(step: phrases.Step, word: str) -> bool:
        nonlocal looks
        looks += 1
        return real(step, word)

    monkeypatch.setattr(phrases.Step, "takes", counted)
    counts = []
    for size in (1_000, 2_000, 4_000):
        looks = 0
        find_topics(piece * size)
        counts.append(looks)
    assert counts[2] <= 4 * counts[0] + 1_000, counts


@settings(max_examples=30)
@given(st.lists(st.sampled_from(HOSTILE), min_size=200, max_size=400))
def test_hostile_mixtures_are_judged_in_good_time(pieces: list[str]) -> None:
    assert emergency("".join(pieces)) in ("", "emergency", "self_harm")
