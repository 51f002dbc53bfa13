"""Recognise in what somebody says on the telephone that they want no more calls, by rule and never by a
model. Plain words for it count at once (compliance 4.1: revoked by any reasonable means; a missed one is
unlawful, a needless one can be undone); whatever else might mean it is suspected, for a person to look at. A
bare "stop" is not plain: said to a voice it may only mean that it should be quiet."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from ringfence.text.keyword_tables import NEGATIONS
from ringfence.text.keywords import LANGUAGES, KeywordKind, classify, normalise


class SpokenWish(StrEnum):
    """NO_CALLS is an opt-out, of texts as well; SUSPECTED is for a person to decide."""

    NO_CALLS = "no_calls"
    SUSPECTED = "suspected"
    NONE = "none"


_US: Final = r"(?:me|us|here|(?:this|my|our) (?:number|phone|home|house|line))"
# What ends a request, where more words would make it another: "do not call me before nine".
_ENDS: Final = (
    r"(?: (?:again|anymore|any more|ever|back|please|at all|now|right now|ok|okay|thanks"
    r"|thank you|bye|goodbye))*$"
)
_LISTS: Final = r"(?:lists?|database|records|system|files?)"

# Over the normalised words of one clause: lower case, no accents, no apostrophes.
_PLAIN: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        rf"(?:stop|quit) (?:calling|phoning|ringing|contacting|bothering|harassing)(?: {_US}\b|{_ENDS})",
        rf"(?:do not|dont|never|no longer) (?:you )?(?:ever )?(?:call|phone|ring|contact)(?: {_US})?{_ENDS}",
        r"(?:do not|dont|never) (?:ever )?(?:call|phone|ring|contact) (?:me |us )?(?:again|any ?more)",
        rf"(?:take|remove|delete|drop|get) (?:me|us|(?:my|our|this) (?:name|number|phone)) (?:off|from|out)"
        rf"(?: of)? (?:(?:the|your|this|that|all|any|calling|call|of) )*{_LISTS}",
        r"(?:put|add|place) (?:me|us|(?:my|our|this) number) (?:on|to) (?:\w+ )?do not call",
        r"(?:opt|opting) (?:me |us )?out",
        r"no more calls",
        r"(?:dont|do not) want (?:you to call|(?:any|your|these|to get|to receive)(?: \w+)? calls)",
        r"lose (?:my|this) number",
    ),
    "fr": (
        r"(?:ne )?(?:me |nous |m)(?:re|r)?(?:appel|contact|telephon)\w* (?:plus|jamais)",
        r"arret\w+ de (?:me |nous |m)(?:re|r)?(?:appel|contact|telephon)\w*",
        r"(?:retir|enlev|supprim|ray|efface)\w* (?:moi|nous|mon numero|ce numero) de \w+ (?:liste|fichier|base)\w*",
        r"plus (?:d|de |dautres )?appels",
    ),
    "es": (
        r"no (?:me|nos) (?:vuelv\w+ a llamar|llam\w+)(?: (?:mas|nunca|otra vez|de nuevo|por favor))*$",
        r"dej\w+ de (?:llamar|telefonear)\w*",
        r"(?:quit|saqu|sac|borr|elimin)\w*(?:me|nos| mi numero| este numero) de (?:su|sus|la|las|tu|esta) listas?",
        r"no (?:quiero|deseo) (?:mas|recibir(?: mas)?|sus) llamadas|no mas llamadas",
    ),
    "pt": (
        r"nao (?:me|nos) (?:volt\w+ a (?:ligar|telefonar)|lig\w+|telefon\w+|contat\w+)"
        r"(?: (?:mais|nunca mais|de novo|outra vez|por favor))*$",
        r"par\w+ de (?:me |nos )?(?:ligar|telefonar)",
        r"(?:tir|remov|retir|apag)\w* (?:me|o meu numero|meu numero|este numero) d\w+ (?:sua |vossa |tua )?listas?",
        r"nao quero (?:mais|receber(?: mais)?|suas) (?:ligacoes|chamadas|telefonemas)",
    ),
    "de": (
        r"ruf\w* (?:sie |ihr )?(?:bitte )?(?:mich|uns|hier|diese nummer) (?:bitte )?(?:nicht|nie)(?: \w+)? (?:mehr|wieder)",
        r"(?:mich|uns|hier) (?:bitte )?(?:nicht|nie) (?:mehr|wieder) anrufen",
        r"hor\w* (?:sie |ihr )?(?:bitte )?auf (?:mich |uns |hier )?anzurufen",
        r"(?:nehm|streich|losch|entfern)\w* (?:sie )?(?:bitte )?(?:mich|uns|meine nummer|diese nummer) "
        r"(?:bitte )?(?:aus|von) \w+ (?:\w+ )?(?:liste|kartei|datenbank|verteiler)",
        r"keine anrufe mehr",
    ),
    "it": (
        r"non (?:mi |ci )(?:ri)?(?:chiam|contatt|telefon)\w* (?:piu|mai piu)",
        r"non (?:ri)?(?:chiam|contatt|telefon)\w*(?:mi|ci) (?:piu|mai piu)",
        r"smett\w+ di (?:chiamar|telefonar|contattar)\w*",
        r"(?:tog|tol|cancell|rimuov|elimin)\w*(?:mi|ci| il mio numero| questo numero) da\w* (?:\w+ )?liste?a?",
        r"basta (?:chiamate|telefonate)",
    ),
}
_PATTERNS: Final = {
    tongue: re.compile(rf"\b(?:{'|'.join(patterns)})") for tongue, patterns in _PLAIN.items()
}
# Just before such words these turn them into their opposite, in each tongue its own.
_OPPOSITES: Final = {
    "en": re.compile(rf"(?:^| )(?:{'|'.join(NEGATIONS)}) $"),
    "es": re.compile(r"(?:^| )no $"),
    "pt": re.compile(r"(?:^| )nao $"),
    "it": re.compile(r"(?:^| )non $"),
}
# Somebody else is meant: "tell him to stop calling me".
_OTHERS: Final = re.compile(r"\b(?:him|her|them|he|she|they|people|somebody|someone)(?: \w+)? $")
# With and without what stands between commas: "no, stop calling me", "please stop, now, calling me".
_ENDS_OF_SENTENCES: Final = re.compile(r"[.;:!?\n\u2026\u2014]+")
_ENDS_OF_CLAUSES: Final = re.compile(r"[,.;:!?\n\u2026\u2014]+")
# To a voice these are ordinary questions.
_ASKS_WHO: Final = re.compile(r"\b(?:who|qui|quien|quem|wer|chi)\b")


def spoken_wish(said: str, *, languages: Collection[str] = LANGUAGES) -> SpokenWish:
    """What one utterance wishes; English always counts. Raises nothing."""
    spoken = {"en", *languages}
    pieces = {*_ENDS_OF_SENTENCES.split(said), *_ENDS_OF_CLAUSES.split(said)}
    found = {_of_clause(normalise(piece), spoken) for piece in pieces}
    for wish in (SpokenWish.NO_CALLS, SpokenWish.SUSPECTED):
        if wish in found:
            return wish
    keyword = classify(said, languages=languages)
    doubtful = keyword.kind in (KeywordKind.OPT_OUT, KeywordKind.SUSPECTED)
    return (
        SpokenWish.SUSPECTED if doubtful and not _ASKS_WHO.match(keyword.word) else SpokenWish.NONE
    )


def _of_clause(words: str, spoken: Collection[str]) -> SpokenWish:
    wish = SpokenWish.NONE
    for tongue, pattern in _PATTERNS.items():
        if tongue not in spoken:
            continue
        for found in pattern.finditer(words):
            before = words[: found.start()]
            opposite = _OPPOSITES.get(tongue)
            if opposite is not None and opposite.search(before):
                continue
            if not _OTHERS.search(before):
                return SpokenWish.NO_CALLS
            wish = SpokenWish.SUSPECTED
    return wish
