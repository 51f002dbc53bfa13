"""Lists of phrases, and where a text says one of them: the matcher below topics.py and content.py.

A phrase is words; `a|b` is one of several, `stem*` a word that begins so, `..` up to three words
between. It looks at whole words of the normalised text only, at each of them a bounded number of
times, so its work grows with the length of a text and no faster.
It must never judge what a hit means.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ringfence.text.keyword_tables import HOMOGLYPHS
from ringfence.text.keywords import normalise

GAP: Final = ".."
GAP_WORDS_MAX: Final = 3
GAPS_MAX: Final = 3
PHRASE_WORDS_MAX: Final = 12
STEM_LENGTH_MIN: Final = 4
_COMPACT_LENGTH_MIN: Final = 6  # shorter ones turn up inside other words once spaces are gone
_COMPACT_LENGTH_MAX: Final = 24
_COMPACT_FORMS_MAX: Final = 40  # of one phrase
_TOKENS_KEPT_MAX: Final = 8192
_PATTERN_SIGNS: Final = frozenset("*|")

# Words too frequent to be looked up by, if a phrase has any other.
_common_words: Final = (
    "a about all am an and any are as at be been but by can do dont for from get go going got have"
    " he her him his i if im in is it its just me my need no not of off on or our out please right"
    " she so some that the their them then they this to up us was we were what when will with you"
    " your want call help make time today now new back over there here"
    " al con da das de del den der des di die do du e ein eine el em en er es est et eu il ich in"
    " io ist je la las le les lo los ma mais mas me mein meine mi mich mir mit moi mon muy na nao"
    " ne nicht no non nos nous o os para pas per plus por pour pra que qui se sei si sich sie sono"
    " son su sur te ti tu um uma un una und une uno voi vous wir y yo zu"
)
_COMMON: Final = frozenset(_common_words.split())
# What vanishes before a vowel and, without its apostrophe, sticks to the word ("l'avocat").
_ELISIONS: Final = {"fr": ("l", "d"), "it": ("l", "un", "d", "dell", "all")}
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})

# Letters that are read as Latin ones, beyond those which a keyword needs.
_LETTERS: Final = HOMOGLYPHS | str.maketrans(
    {
        **dict(zip("ԁјһԝɡıøłđⱥɑεßω", "djhwgioldaaesw", strict=True)),
        **dict(zip("ᴀᴇɪᴏᴜ", "aeiou", strict=True)),
        "œ": "oe",
        "æ": "ae",
    }
)
_SIGNS: Final = str.maketrans("@$!|", "asil")
_DIGITS: Final = tuple(str.maketrans("0134578", letters) for letters in ("oieastb", "oleastb"))
_sign_within: Final = re.compile(r"[^\W_][@$!|]+[^\W_]|[@$]\w\w\w").search
_any_digit: Final = re.compile(r"[013457]").search
_digit_within: Final = re.compile(r"[a-z][013457]{1,3}[a-z]|\b5[a-z]").search
_any_spelled: Final = re.compile(r" \w \w(?: |$)").search
_spelled: Final = re.compile(r"(?:^|(?<= ))\w \w \w(?: \w)*(?= |$)")
_drawn_out: Final = re.compile(r"(.)\1\1+")
_accents: Final = re.compile("[\u0300-\u036f\u2018\u2019]+")
_typography: Final = re.compile("[\u2010-\u2015\u201c-\u201e\u00a1\u00ab\u00bb\u00bf\u20ac]+")


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a phrase: any of `words`, or a word that begins with one of `stems`."""

    words: frozenset[str]
    stems: tuple[str, ...] = ()

    def takes(self, word: str) -> bool:
        return word in self.words or word.startswith(self.stems)


_GAP_STEP: Final = Step(frozenset())


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase as written, the list it is from, and its steps around the one it is looked up by."""

    label: str
    written: str
    before: tuple[Step, ...]
    anchor: Step
    after: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found in a text, `at` the word of this number in the reading that shows it."""

    label: str
    written: str
    at: int = 0


def phrase_problem(written: str) -> str:
    """Say in words why `written` is no phrase, or return an empty string."""
    tokens = written.split()
    steps = [token for token in tokens if token != GAP]
    if not any(normalise(token) for token in steps):
        return "it has no words"
    if len(steps) > PHRASE_WORDS_MAX:
        return f"it has more than {PHRASE_WORDS_MAX} words"
    if len(tokens) - len(steps) > GAPS_MAX:
        return f"it has more than {GAPS_MAX} gaps"
    if GAP in (tokens[0], tokens[-1]):
        return f"a gap ({GAP}) stands between words, not at an end"
    return next(filter(None, map(_token_problem, steps)), "")


def _token_problem(token: str) -> str:
    for choice in token.split("|"):
        words = normalise(choice).split()
        if not words:
            return f"'{token}' has an empty choice"
        if len(words) > 1 and ("|" in token or "*" in token):
            return f"'{token}' has a choice of more than one word"
        if "*" in choice.rstrip("*") or (choice.endswith("*") and len(words[0]) < STEM_LENGTH_MIN):
            return f"'{token}': * stands after {STEM_LENGTH_MIN} letters or more"
    return ""


def read(label: str, written: str, language: str = "") -> Phrase:
    """Return the phrase that `written` describes, in which phrase_problem must see none.

    `language` adds its habits of spelling: "ue" for "ü", and articles that stick to a word.
    """
    steps: list[Step] = []
    for token in written.split():
        steps += _steps(token, language)
    at = min(range(len(steps)), key=lambda index: _frequency(steps[index]))
    before, after = tuple(reversed(steps[:at])), tuple(steps[at + 1 :])
    return Phrase(label, written, before, steps[at], after)


@functools.lru_cache(maxsize=_TOKENS_KEPT_MAX)
def _steps(token: str, language: str) -> tuple[Step, ...]:
    if token == GAP:
        return (_GAP_STEP,)
    if token.isalnum() or not _PATTERN_SIGNS.isdisjoint(token):
        return (_step(token.split("|"), language),)
    return tuple(_step([word], language) for word in normalise(token).split())


def _step(choices: Sequence[str], language: str) -> Step:
    words, stems = set[str](), set[str]()
    for choice in choices:
        (stems if choice.endswith("*") else words).update(_spellings(choice, language))
    return Step(frozenset(words), tuple(sorted(stems)))


def _spellings(choice: str, language: str) -> Iterator[str]:
    word = _letters(normalise(choice))
    yield word
    if language == "de" and (spelt := normalise(choice.lower().translate(_UMLAUTS))) != word:
        yield spelt
    if word[0] in "aeiouh":
        for article in _ELISIONS.get(language, ()):
            yield article + word


def _frequency(step: Step) -> tuple[bool, int]:
    """Order the steps of a phrase from the one that fewest texts have."""
    choices = (*step.words, *step.stems)
    if not choices:
        return True, 0  # a gap is no word
    return not _COMMON.isdisjoint(step.words), -min(map(len, choices))


class PhraseList:
    """Many phrases, by the word each is looked up by; within a `harmless` one they do not count."""

    def __init__(self, phrases: Iterable[Phrase], harmless: Iterable[Phrase] = ()) -> None:
        self._all = tuple(phrases)
        self._phrases = _index(self._all)
        self._harmless = _index(harmless)

    def hits(self, text: str) -> list[Hit]:
        """Return what is found in any reading of `text`, in the order of each reading."""
        words = plain_words(text)
        found = self._found(words.split())
        for other in _disguises(text, words):
            found += self._found(other.split())
        if _any_spelled(words):
            for spelled in _spelled.findall(words):
                found += self._spelled_out(spelled.replace(" ", ""))
        return list(dict.fromkeys(found))

    def _found(self, words: list[str]) -> list[Hit]:
        spans = _matches(self._phrases, words)
        if not spans:
            return []
        harmless = {
            at for _, _, start, end in _matches(self._harmless, words) for at in range(start, end)
        }
        return [Hit(one.label, one.written, at) for one, at, _, _ in spans if at not in harmless]

    def _spelled_out(self, letters: str) -> list[Hit]:
        """Look for phrases in what was written letter by letter, where no gaps tell words apart."""
        hits = self._found([letters])
        for start in range(len(letters) - _COMPACT_LENGTH_MIN + 1):
            longest = min(len(letters), start + _COMPACT_LENGTH_MAX)
            for end in range(start + _COMPACT_LENGTH_MIN, longest + 1):
                phrases = self._compact.get(letters[start:end], ())
                hits += [Hit(phrase.label, phrase.written) for phrase in phrases]
        return hits

    @functools.cached_property
    def _compact(self) -> dict[str, tuple[Phrase, ...]]:
        """The phrases with nothing between their words, made when first somebody spells one out."""
        forms: dict[str, tuple[Phrase, ...]] = {}
        for phrase in self._all:
            steps = (*reversed(phrase.before), phrase.anchor, *phrase.after)
            if math.prod(len(step.words) for step in steps) > _COMPACT_FORMS_MAX:
                continue
            for chosen in itertools.product(*(step.words for step in steps)):
                form = "".join(chosen)
                forms[form] = (*forms.get(form, ()), phrase)
        return forms


def plain_words(text: str) -> str:
    """Return the words of `text` as keywords.normalise does, with lookalike letters read as Latin."""
    if text.isascii():
        return normalise(text)
    if "\u00b4" not in text:  # it would come apart into a space and an accent
        bare = _accents.sub("", unicodedata.normalize("NFKD", text))
        if bare.isascii() or (bare := _typography.sub(" ", bare)).isascii():
            return normalise(bare)  # the same, and sooner
    return _letters(normalise(text))


def _letters(words: str) -> str:
    return words if words.isascii() else words.translate(_LETTERS)


def _disguises(text: str, words: str) -> Iterator[str]:
    """Yield other readings of a text that has signs or digits for letters, or drawn-out ones."""
    if ("$" in text or "@" in text or "!" in text or "|" in text) and _sign_within(text):
        words = plain_words(text.translate(_SIGNS))
        yield words
    if _any_digit(words) and _digit_within(words):
        yield from (words.translate(digits) for digits in _DIGITS)
    if _drawn_out.search(words):
        yield _drawn_out.sub(r"\1", words)
        yield _drawn_out.sub(r"\1\1", words)


_Index = tuple[dict[str, tuple[Phrase, ...]], dict[str, tuple[Phrase, ...]]]
_Span = tuple[Phrase, int, int, int]


def _index(phrases: Iterable[Phrase]) -> _Index:
    """Return the phrases by a whole word, and by the opening of a stem."""
    whole, opening = dict[str, list[Phrase]](), dict[str, list[Phrase]]()
    for phrase in phrases:
        for word in phrase.anchor.words:
            whole.setdefault(word, []).append(phrase)
        for start in {stem[:STEM_LENGTH_MIN] for stem in phrase.anchor.stems}:
            opening.setdefault(start, []).append(phrase)
    return (
        {word: tuple(listed) for word, listed in whole.items()},
        {start: tuple(listed) for start, listed in opening.items()},
    )


def _matches(index: _Index, words: list[str]) -> list[_Span]:
    """Return each phrase found, with the number of its anchor, its first word and the one after."""
    whole, opening = index
    spans: list[_Span] = []
    for at, word in enumerate(words):
        if word in whole:
            spans += _spans_at(whole[word], words, at)
        if (start := word[:STEM_LENGTH_MIN]) in opening:
            spans += _spans_at(opening[start], words, at)
    return spans


def _spans_at(phrases: tuple[Phrase, ...], words: list[str], at: int) -> Iterator[_Span]:
    for phrase in phrases:
        if not phrase.anchor.takes(words[at]):
            continue
        start = _reach(phrase.before, words, at - 1, -1)
        end = _reach(phrase.after, words, at + 1, 1) if start is not None else None
        if start is not None and end is not None:
            yield phrase, at, start + 1, end


def _reach(steps: tuple[Step, ...], words: list[str], at: int, way: int) -> int | None:
    """Follow `steps` from `words[at]`, forwards or backwards; return where they end."""
    for index, step in enumerate(steps):
        if step is _GAP_STEP:
            rest = steps[index + 1 :]
            ends = (_reach(rest, words, at + way * far, way) for far in range(GAP_WORDS_MAX + 1))
            return next((end for end in ends if end is not None), None)
        if not 0 <= at < len(words) or not step.takes(words[at]):
            return None
        at += way
    return at
