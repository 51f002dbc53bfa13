"""Find what a text asks its reader to answer, where that word already means something else.

"Reply STOP to cancel your visit" would opt the patient out; "Reply YES" may opt them in (compliance
4.6). A reserved word may be asked for only in its own meaning: "Reply STOP to opt out".
It must know the words and the ways of asking of every language pack at once: a phone does not say
which language its owner reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ringfence.text import keyword_tables as tables
from ringfence.text.keywords import KeywordKind, normalise

# How one asks for an answer, per language pack; written as normalised.
REPLY_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("reply", "replying", "text", "texting", "txt", "respond", "responding", "answer", "send",
           "sending", "type", "write", "message"),
    "fr": ("repondez", "repondre", "reponds", "envoyez", "envoyer", "envoie", "ecrivez", "ecrire",
           "tapez", "texto", "textez", "retournez"),
    "es": ("responda", "responde", "responder", "respondan", "conteste", "contesta", "contestar",
           "envie", "envia", "enviar", "escriba", "escribe", "escribir", "mande", "manda", "mandar"),
    "pt": ("responda", "responde", "responder", "respondendo", "envie", "envia", "enviar", "escreva",
           "escreve", "escrever", "mande", "digite", "digitar"),
    "de": ("antworten", "antworte", "antwortet", "antwort", "senden", "sende", "sendet", "schicken",
           "schicke", "schreiben", "schreibe", "schreib", "simsen", "tippen"),
    "it": ("rispondi", "rispondere", "risponda", "rispondete", "invia", "inviare", "invii",
           "inviate", "scrivi", "scrivere", "scriva", "digita", "manda", "mandare"),
}  # fmt: skip
# What may stand between the verb and the word: "reply with the word STOP", "antworten Sie mit STOPP".
_GLUE: Final = frozenset((
    "with", "back", "the", "a", "word", "by", "us", "me", "just", "only", "simply", "either",
    "please", "keyword", "now", "avec", "par", "le", "la", "l", "mot", "nous", "simplement", "con",
    "el", "palabra", "nos", "solo", "por", "favor", "simplemente", "com", "o", "palavra", "apenas",
    "sie", "uns", "mit", "dem", "das", "wort", "bitte", "einfach", "nur", "ein", "parola", "il",
))  # fmt: skip
# Before a word these make it a purpose, not an answer: "to cancel", "zum Abmelden", "pour arrêter".
_PURPOSE: Final = frozenset((
    "to", "for", "pour", "de", "d", "para", "por", "zu", "zum", "zur", "um", "fur", "per", "di", "a",
))  # fmt: skip

_MESSAGES: Final = (
    r"(?:sms|texts?|messages?|msgs?|alerts?|updates?|reminders?|notifications?|mensajes|textos"
    r"|mensagens|nachrichten|messaggi|rappels?|avisos?)"
)
_OF: Final = (
    r"(?:(?:all|the|these|this|our|your|future|any|further|more|such|receiving|getting|text"
    r"|les|ces|nos|los|estos|las|as|estas|i|questi|di|de|tous|todos|todas|diese|alle|unsere) )*"
)
# What each kind of word may be asked for, in the words around it (normalised). "To cancel" alone is
# no such wording: cancel what?
_MEANINGS: Final[Mapping[KeywordKind, re.Pattern[str]]] = {
    KeywordKind.OPT_OUT: re.compile(
        r"\bopt(?:ing)? (?:me )?out\b|\boptout\b|\bunsubscribe\b"
        rf"|\b(?:stop|end|quit|cancel)(?:ping|ting|ling|ing)? {_OF}{_MESSAGES}\b"
        r"|\b(?:to|for) (?:stop|end|quit)$"
        r"|\bdesabonn\w+|\bdesinscri\w+|\b(?:ne )?plus (?:rien )?recevoir\b|\barreter de recevoir\b"
        rf"|\barreter {_OF}{_MESSAGES}\b"
        r"|\bdar(?:se|te|me)? de baja\b|\b(?:dejar|parar) de recibir\b|\bno recibir mas\b"
        rf"|\bcancelar {_OF}{_MESSAGES}\b|\bcancelar (?:la|su|tu) suscripcion\b"
        r"|\b(?:deixar|parar) de receber\b|\bnao receber mais\b|\bdescadastr\w+"
        r"|\bcancelar (?:a|sua) inscricao\b"
        r"|\babmelden\b|\babzumelden\b|\babmeldung\b|\babbestell\w+|\babzubestellen\b"
        rf"|\bkeine (?:weiteren )?{_MESSAGES}(?: mehr)?\b"
        r"|\bdisiscriv\w+|\bcancellare (?:l |la )?iscrizione\b|\bannullare l ?iscrizione\b"
        r"|\bnon ricevere (?:piu|altri)\b|\bsmettere di ricevere\b"
    ),
    KeywordKind.HELP: re.compile(
        r"\b(?:for|get|need|want|more|4) (?:more |further |some )?(?:help|info\w*|support|details"
        r"|assistance)\b|\bfor customer \w+"
        r"|\bpour (?:obtenir )?(?:de |plus |d )*(?:l |une )?(?:aide|info\w*|assistance)\b"
        r"|\b(?:para|por) (?:obtener |obter |recibir |receber |mas |mais )*(?:ayuda|ajuda|info\w*)\b"
        r"|\b(?:fur|um) (?:mehr |weitere )?(?:hilfe|info\w*)\b|\bhilfe (?:zu )?(?:er|be)\w+"
        r"|\bper (?:ricevere |avere |ottenere )?(?:aiuto|assistenza|info\w*)\b"
    ),
    KeywordKind.OPT_IN: re.compile(
        r"\b(?:re ?)?subscribe\b|\bopt (?:back )?in\b|\brejoin\b"
        rf"|\b(?:to|for) (?:get|receive|resume|start) {_OF}{_MESSAGES}\b"
    ),
}
_WHY: Final[Mapping[KeywordKind, str]] = {
    KeywordKind.OPT_OUT: "it ends all messages, so it may be asked for only to opt out",
    KeywordKind.HELP: "it is answered with the help text, so it may be asked for only for help",
    KeywordKind.OPT_IN: "it lifts an opt-out, so it may be asked for only to opt in",
}
_YES: Final = "carriers take it for an opt-in, and people say it to everything"

_RESERVED: Final[dict[str, KeywordKind]] = {
    word: kind
    for kind, listed in (
        (KeywordKind.HELP, tables.HELP),
        (KeywordKind.OPT_IN, tables.OPT_IN),
        (KeywordKind.OPT_IN, tables.OPT_IN_YES),
        (KeywordKind.OPT_OUT, tables.OPT_OUT),
    )
    for words in listed.values()
    for word in words
}
_YES_WORDS: Final = frozenset(word for words in tables.OPT_IN_YES.values() for word in words)
_verbs: Final = frozenset(verb for verbs in REPLY_VERBS.values() for verb in verbs)
_openings: Final = frozenset(word.split()[0] for word in _RESERVED)
_LONGEST: Final = max(len(word.split()) for word in _RESERVED)

_sentences: Final = re.compile(r"(?<=[.!?;\u3002])\s+|\n\s*\n")
_clauses: Final = re.compile(r"[,:/|=()\n]|\s(?:or|and|oder|und|ou|et|o|y|e|u)\s", re.IGNORECASE)
_word: Final = re.compile(r"[^\s,/|=:;()]+")
_QUOTES: Final = "\"'\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"


@dataclass(frozen=True, slots=True)
class ReplyWord:
    """A reserved word a text asks for, or seems to. `word` as the tables have it, `said` as the text
    has it. An error where the asking is plain; else the word only looks like an answer. `why` is
    empty where it is asked for in its own meaning."""

    word: str
    said: str
    kind: KeywordKind
    is_error: bool
    why: str


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the text; `loud` when capitals or quotes lift it out of its sentence."""

    said: str
    words: tuple[str, ...]
    loud: bool


def reply_words(text: str) -> list[ReplyWord]:
    """Every reserved word `text` asks for in another meaning than its own, in any language pack."""
    return [one for one in _asked(text) if one.why]


def says_how_to_stop(text: str) -> bool:
    """`text` asks for a definite opt-out word in its own meaning: "Reply STOP to opt out"."""
    return any(one.kind is KeywordKind.OPT_OUT and not one.why for one in _asked(text))


def _asked(text: str) -> Iterator[ReplyWord]:
    """Every reserved word that is asked for, in whatever meaning."""
    for sentence in _sentences.split(text):
        words = normalise(sentence).translate(tables.HOMOGLYPHS).split()
        # Most sentences have no such word, nor one spelt letter by letter.
        if not _openings.isdisjoint(words) or sum(len(word) == 1 for word in words) > 2:
            yield from _in_sentence(sentence)


def _in_sentence(sentence: str) -> Iterator[ReplyWord]:
    shouting = not any(sign.islower() for sign in sentence)
    clauses = [_tokens(clause, shouting) for clause in _clauses.split(sentence)]
    asks = any(verb in _verbs for clause in clauses for token in clause for verb in token.words)
    for at, clause in enumerate(clauses):
        for start, stop, word in _reserved_in(clause):
            kind = _RESERVED[word]
            near = _beside_verb(clause, start, stop) or _listed(clauses, at, start, stop)
            loud = all(token.loud for token in clause[start:stop])
            if not near and (not loud or _is_purpose(clause, start)):
                continue
            said = " ".join(token.said for token in clause[start:stop])
            if _in_its_meaning(clauses, at, start, stop, word):
                yield ReplyWord(word, said, kind, False, "")
                continue
            why = _YES if word in _YES_WORDS else _WHY[kind]
            if near or asks or word not in _HEADINGS:
                yield ReplyWord(word, said, kind, near or asks, why)


# Loud words that are rather headings or plain speech where nobody is asked for an answer.
_HEADINGS: Final = frozenset({"info", "td", "end", "start", "yes", "help", "alto", "baja"})


def _tokens(clause: str, shouting: bool) -> list[_Token]:
    tokens = []
    for found in _word.finditer(clause):
        raw = found[0]
        bare = raw.strip(_QUOTES + ".!?")
        words = tuple(normalise(raw).translate(tables.HOMOGLYPHS).split())
        if len(words) > 2 and all(len(word) == 1 for word in words):
            words = ("".join(words),)  # S.T.O.P
        if words:
            quoted = raw[0] in _QUOTES or raw.rstrip(".!?")[-1:] in _QUOTES
            tokens.append(_Token(bare, words, quoted or (bare.isupper() and not shouting)))
    return tokens


def _reserved_in(clause: list[_Token]) -> Iterator[tuple[int, int, str]]:
    """(start, stop, word) of each reserved word; the longer of two that begin alike."""
    at = 0
    while at < len(clause):
        for length in range(_LONGEST, 0, -1):
            word = " ".join(part for token in clause[at : at + length] for part in token.words)
            if word in _RESERVED and at + length <= len(clause):
                yield at, at + length, word
                at += length - 1
                break
        at += 1


def _beside_verb(clause: list[_Token], start: int, stop: int) -> bool:
    """Just after a verb of asking, or, as German has it, just before one."""
    at = start - 1
    while at >= 0 and clause[at].words[0] in _GLUE:
        at -= 1
    if at >= 0 and clause[at].words[-1] in _verbs:
        return True
    after = clause[stop].words[0] if stop < len(clause) else ""
    german = REPLY_VERBS["de"]
    return after in german and not _is_purpose(clause, start)


def _listed(clauses: list[list[_Token]], at: int, start: int, stop: int) -> bool:
    """Alone in its clause after one that asks: "reply 1, 2 or stop"."""
    if start > 0 or (stop < len(clauses[at]) and clauses[at][stop].words[0] not in _PURPOSE):
        return False
    for clause in reversed(clauses[:at]):
        words = [word for token in clause for word in token.words]
        if any(verb in _verbs for verb in words[-4:]):
            return True
        if len(words) > 2:
            return False
    return False


def _is_purpose(clause: list[_Token], start: int) -> bool:
    return start > 0 and clause[start - 1].words[-1] in _PURPOSE


def _in_its_meaning(clauses: list[list[_Token]], at: int, start: int, stop: int, word: str) -> bool:
    """The words around say what the word does anyway. A clause that ends with the word may have its
    meaning in a neighbour: "to opt out, reply STOP"."""
    meaning = _MEANINGS.get(_RESERVED[word])
    if meaning is None or word in _YES_WORDS:
        return False
    clause = clauses[at]
    around = _said([*clause[:start], *clause[stop:]])
    if meaning.search(around):
        return True
    if stop < len(clause) and not all(token.words[-1] in _verbs for token in clause[stop:]):
        return False
    beside = [clauses[i] for i in (at - 1, at + 1) if 0 <= i < len(clauses)]
    return any(meaning.search(_said(one)) for one in beside if not list(_loud_words(one)))


def _said(tokens: list[_Token]) -> str:
    return " ".join(word for token in tokens for word in token.words)


def _loud_words(clause: list[_Token]) -> Iterator[str]:
    """Reserved words of a clause that are answers themselves, so that its meaning is theirs."""
    for start, stop, word in _reserved_in(clause):
        if not _is_purpose(clause, start) and all(t.loud for t in clause[start:stop]):
            yield word
