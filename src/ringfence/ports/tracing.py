"""Traces: what a stage does, as spans for a collector outside. Without one nothing is done and nothing
is imported: `NO_TRACE` answers every call with the same idle span."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol

Attribute = str | int | float | bool


class Span(Protocol):
    """One piece of work under way."""

    def set(self, **attributes: Attribute) -> None:
        """What became known meanwhile: ids, lines, words of ours; never a number or a text."""


class Trace(Protocol):
    """Where spans go."""

    def span(
        self, name: str, about: str = "", *, parent: str = "", **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """One span, for as long as the block lasts; an error that leaves it marks it, without its
        words. Spans that are `about` one id belong to one trace, in whatever process and after
        whatever restart: nothing of it is stored. `parent` is a caller's `traceparent` (W3C Trace
        Context), whose trace is continued; a bad one counts as none."""


class _Idle:
    """A span that goes nowhere."""

    __slots__ = ()

    def set(self, **attributes: Attribute) -> None:
        return None

    def __enter__(self) -> _Idle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


_IDLE: Final = _Idle()


class NoTrace:
    """Fulfils Trace by doing nothing."""

    __slots__ = ()

    def span(
        self, name: str, about: str = "", *, parent: str = "", **attributes: Attribute
    ) -> _Idle:
        return _IDLE


NO_TRACE: Final = NoTrace()
