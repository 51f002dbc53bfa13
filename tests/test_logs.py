"""Logs are structured, and mask themselves."""

from __future__ import annotations

import asyncio
import io
import logging

import orjson
import pytest

from ringfence.logs import JsonFormatter, Lines, TextFormatter, masked


def _record(message: str, **extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "ringfence.test", "msg": message, "levelname": "INFO"})
    vars(record).update(extra)
    return record


@pytest.mark.proves("P9", "B020")
def test_numbers_are_masked_wherever_they_stand() -> None:
    shown = masked("from +15555550123 to 15555550124, tel:+15555550125.")
    for number in ("15555550123", "15555550124", "15555550125"):
        assert number not in shown
    assert "+1555•••0123" in shown


def test_ids_stay_readable() -> None:
    for text in (
        "msg_01a1fe2c88d27d8fbd0832cd0767cf2c",
        "SM35bf992dc9e9c616612e7696a6cecc1b",
        "MM00000000000000000000000000000001",
        "2026-03-02T17:00:00.123Z",
    ):
        assert masked(text) == text


@pytest.mark.proves("P9")
def test_a_json_line_holds_the_extras_and_masks_them() -> None:
    line = JsonFormatter().format(
        _record("sent", message_id="msg_1", detail="to +15555550123 failed", attempt=2, empty="")
    )
    fields = orjson.loads(line)
    assert fields["event"] == "sent"
    assert fields["message_id"] == "msg_1"
    assert fields["attempt"] == 2
    assert "15555550123" not in line
    assert "empty" not in fields
    assert "\n" not in line


@pytest.mark.proves("P9")
def test_a_record_of_many_lines_gives_each_its_own_and_masks_it() -> None:
    record = _record(
        "received",
        note="of +15555550123",
        each=[{"message_id": "msg_1"}, {"message_id": "msg_2", "sender": "+15555550124"}],
    )
    first, second = (orjson.loads(line) for line in JsonFormatter().format(record).split("\n"))
    assert (first["message_id"], second["message_id"]) == ("msg_1", "msg_2")
    assert (first["note"], second["sender"]) == ("of +1555•••0123", "+1555•••0124")
    assert first["at"] == second["at"]
    assert "sender" not in first
    words = TextFormatter().format(record).split("\n")
    assert [line.endswith("message_id=msg_1") for line in words] == [True, False]
    assert "5550124" not in words[1]


@pytest.mark.proves("P9")
def test_an_exception_is_masked_too() -> None:
    try:
        raise ValueError("no route to +15555550123")
    except ValueError as error:
        record = _record("failed", exc_info=(type(error), error, error.__traceback__))
    for formatter in (JsonFormatter(), TextFormatter()):
        assert "15555550123" not in formatter.format(record)


async def test_what_one_turn_of_the_loop_logged_is_written_in_one_piece() -> None:
    handler, stream = Lines(), Pieces()
    handler.setStream(stream)
    for text in ("one", "two"):
        handler.handle(_record(text, levelno=logging.INFO))
    assert stream.pieces == []
    await asyncio.to_thread(handler.handle, _record("three", levelno=logging.INFO))
    await asyncio.to_thread(lambda: None)
    assert "".join(stream.pieces) == "one\ntwo\nthree\n"
    stream.pieces.clear()
    handler.handle(_record("four", levelno=logging.INFO))
    handler.handle(_record("five", levelno=logging.WARNING))
    assert stream.pieces == ["four\nfive\n"]


def test_a_line_logged_after_the_loop_ended_is_written_at_once() -> None:
    handler, stream = Lines(), Pieces()
    handler.setStream(stream)

    async def logs_one() -> None:
        handler.handle(_record("one", levelno=logging.INFO))

    asyncio.run(logs_one())
    handler.handle(_record("two", levelno=logging.INFO))
    assert "".join(stream.pieces) == "one\ntwo\n"


class Pieces(io.StringIO):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)
