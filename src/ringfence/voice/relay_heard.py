"""What a person heard of words that somebody else speaks for us: text goes out, and later the provider
tells which text it has played, or how far it came. Compared by letters and digits alone, since marks
and spaces change on the way. What is not told was not heard."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class _Piece:
    """One utterance in the row of letters: `start` is where its first one stands, `places` where each
    of its letters is in the text."""

    id: int
    text: str = field(repr=False)
    start: int
    places: list[int] = field(repr=False)

    @property
    def end(self) -> int:
        return self.start + len(self.places)

    def heard(self, until: int) -> int:
        """Characters that are heard when the row is, up to there. A word heard in half was not."""
        count = until - self.start
        if count >= len(self.places):
            return len(self.text)
        if count <= 0:
            return 0
        cut = self.places[count - 1] + 1
        if self.places[count] == cut:
            while cut and self.text[cut - 1].isalnum():
                cut -= 1
        return len(self.text[:cut].rstrip())


@dataclass(frozen=True, slots=True)
class Heard:
    """Nothing more of this utterance will be: so many characters of it were heard."""

    id: int
    characters: int
    is_whole: bool


class HeardWords:
    """Utterances in the order in which they were sent."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []  # those awaited, and before them those of the same stretch
        self._awaited = 0  # the first one of which more may be told
        self._row = ""
        self._until = 0

    @property
    def pending(self) -> int:
        """How many utterances may still sound."""
        return len(self._pieces) - self._awaited

    def awaits(self, id_: int) -> bool:
        return any(piece.id == id_ for piece in self._pieces[self._awaited :])

    def sent(self, id_: int, text: str) -> None:
        if not self.pending:
            self._forget()
        letters = [(at, letter) for at, letter in enumerate(text) if letter.isalnum()]
        self._pieces.append(_Piece(id_, text, len(self._row), [at for at, _ in letters]))
        self._row += "".join(_folded(letter) for _, letter in letters)

    def played(self, text: str) -> list[Heard]:
        """These words were played, and those of which nothing more will be told now. Words that are
        not ours, or come out of order, prove nothing."""
        said = _letters(text)
        at = self._found(said)
        if at is None:
            return []
        skipped = [] if at == self._until else self._closed_before(at)
        self._until = at + len(said)
        return [*skipped, *self._closed_before(self._until)]

    def cut(self, text: str) -> list[Heard]:
        """So much of one utterance, or of several in a row, was heard, and nothing more will be. It never
        takes back what was told as played."""
        said = _letters(text)
        ends = [
            piece.start + len(said)
            for piece in self._pieces
            if said and self._row.startswith(said, piece.start)
        ]
        self._until = min((end for end in ends if end >= self._until), default=self._until)
        return self.give_up()

    def give_up(self) -> list[Heard]:
        """Nothing more will be told of any of them."""
        given = [self._heard(piece) for piece in self._pieces[self._awaited :]]
        self._forget()
        return given

    def _found(self, said: str) -> int | None:
        """Where in the row these words stand: next, or, where reports were lost, at the beginning of a
        later utterance."""
        if not said:
            return None
        starts = [piece.start for piece in self._pieces[self._awaited :]]
        for at in (self._until, *(start for start in starts if start > self._until)):
            if self._row.startswith(said, at):
                return at
        return None

    def _closed_before(self, at: int) -> list[Heard]:
        closed: list[Heard] = []
        while self._awaited < len(self._pieces) and self._pieces[self._awaited].end <= at:
            closed.append(self._heard(self._pieces[self._awaited]))
            self._awaited += 1
        return closed

    def _heard(self, piece: _Piece) -> Heard:
        return Heard(piece.id, piece.heard(self._until), self._until >= piece.end)

    def _forget(self) -> None:
        self._pieces, self._awaited, self._row, self._until = [], 0, "", 0


def _letters(text: str) -> str:
    return "".join(_folded(letter) for letter in text if letter.isalnum())


def _folded(letter: str) -> str:
    """One for one, so that places stay what they are."""
    lower = letter.lower()
    return lower if len(lower) == 1 else letter
