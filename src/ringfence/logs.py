"""Structured logs: one JSON object a line (or plain words for a terminal), phone numbers masked in
every value, secrets never in any (P9). Takes what the stages pass as `extra`; an extra named `each`
holds the extras of many lines that say the same, since a record of its own costs more than a line."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TextIO

import orjson

from ringfence.model.phone import mask

# What a LogRecord has by itself; anything else came as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "each"}
_DIGITS_MIN = 8
_NUMBER = re.compile(r"\+?[0-9]{8,15}(?![0-9a-zA-Z_])")
_WORD_BEFORE = re.compile(r"[0-9a-zA-Z_.:-]\Z")


def masked(text: str) -> str:
    """Every run that could be a phone number, masked. Ids (`msg_…`, SIDs) are no such runs."""
    if len(text) < _DIGITS_MIN or not _NUMBER.search(text):
        return text

    def replace(match: re.Match[str]) -> str:
        found = match.group()
        if not found.startswith("+") and _WORD_BEFORE.search(text[: match.start()]):
            return found
        return mask(found)

    return _NUMBER.sub(replace, text)


class JsonFormatter(logging.Formatter):
    """`{"at": …, "level": …, "logger": …, "event": …, extras…}`"""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(
            [orjson.dumps(fields, default=str).decode() for fields in _lines(self, record)]
        )


class TextFormatter(logging.Formatter):
    """`12:30:01 info  ringfence.dispatch sent line=default message=msg_…`"""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join([_in_words(fields) for fields in _lines(self, record)])


def _in_words(fields: dict[str, object]) -> str:
    at, level = str(fields.pop("at"))[11:19], fields.pop("level")
    logger, event = fields.pop("logger"), fields.pop("event")
    rest = " ".join(f"{key}={value}" for key, value in fields.items())
    return f"{at} {level:<7} {logger} {event} {rest}".rstrip()


def _lines(formatter: logging.Formatter, record: logging.LogRecord) -> Iterator[dict[str, object]]:
    """The fields of each line of a record; nearly always one."""
    common = _fields(formatter, record)
    each: Sequence[Mapping[str, object]] = getattr(record, "each", ({},))
    for extras in each:
        yield common | _shown(extras)


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": masked(record.getMessage()),
    }
    fields |= _shown({key: value for key, value in vars(record).items() if key not in _OWN})
    if record.exc_info:
        fields["exception"] = masked(formatter.formatException(record.exc_info))
    return fields


def _shown(extras: Mapping[str, object]) -> dict[str, object]:
    return {
        key: masked(value) if isinstance(value, str) else value
        for key, value in extras.items()
        if value not in ("", None)
    }


class Lines(logging.StreamHandler[TextIO]):
    """Writes what one turn of the event loop logged in one piece: a system call for each line, and
    the other thread it lets in, cost a webhook as much as storing it (bench). A warning or worse
    is written at once, with what waits before it; so is everything where no loop runs."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flush_owed = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.append(self.format(record))
            if record.levelno >= logging.WARNING or not self._flushes_soon():
                self.flush()
        except Exception:  # as every handler: a log line must not break what it tells of
            self.handleError(record)

    def flush(self) -> None:
        with self.lock or nullcontext():
            lines, self._waiting, self._flush_owed = self._waiting, [], False
            if lines:
                self.stream.write("\n".join(lines) + "\n")
            super().flush()

    def _flushes_soon(self) -> bool:
        """True once a loop has been asked to flush; it is asked once for all that waits."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            # The store's thread: its lines go with those of the loop it works for.
            return self._loop is not None and self._asked(self._loop.call_soon_threadsafe)
        return self._asked(self._loop.call_soon)

    def _asked(self, call_soon: Callable[[Callable[[], None]], object]) -> bool:
        if not self._flush_owed:
            try:
                call_soon(self.flush)
            except RuntimeError:  # the loop is closed
                self._loop = None
                return False
            self._flush_owed = True
        return True


def configure(level: str, style: str) -> None:
    """Send everything to standard error at `level`, as `json` or `text`."""
    handler = Lines()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    # Nobody reads a caller's file, thread or process from our lines; finding them out costs a third
    # of a line (the Logging HOWTO, Optimization, names these switches).
    vars(logging)["_srcfile"] = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # These say per request what our own lines already say, with addresses in them.
    for noisy in ("uvicorn.access", "aiohttp.access"):
        logging.getLogger(noisy).disabled = True
