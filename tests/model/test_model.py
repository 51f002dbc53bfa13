"""The nouns keep their promises: ids sort by time, errors explain themselves, secrets do not print,
state machines know no way back."""

from __future__ import annotations

import inspect
import random
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.model import errors
from ringfence.model.audit import GENESIS, digest, link
from ringfence.model.ids import PREFIXES, IdSource
from ringfence.model.line import Secret
from ringfence.model.outbox import OUTBOX_TRANSITIONS, OutboxState

START = datetime(2026, 3, 2, tzinfo=UTC)


def test_ids_name_their_kind_sort_by_time_and_repeat_from_a_seed() -> None:
    source = IdSource(random.Random(1).randbytes)
    ids = [source.new("message", START + timedelta(milliseconds=n)) for n in range(200)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 200
    again = IdSource(random.Random(1).randbytes)
    assert again.new("message", START) == ids[0]
    for kind, prefix in PREFIXES.items():
        text = source.new(kind, START)
        assert text.startswith(f"{prefix}_")
        # RFC 9562: version 7, variant 0b10.
        assert text[-20] == "7"
        assert text[-16] in "89ab"


def test_every_error_explains_itself() -> None:
    for _, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, errors.RingfenceError):
            assert found.__doc__, found
            assert found.__doc__.strip().splitlines()[0].endswith("."), found
            assert 400 <= found.http_status <= 599, found


@pytest.mark.proves("P9")
def test_a_secret_prints_as_dots() -> None:
    secret = Secret("s3cr3t-value")
    assert "s3cr3t" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "s3cr3t-value"
    assert secret == Secret("s3cr3t-value")


@pytest.mark.proves("P7")
def test_a_link_depends_on_everything_before_it() -> None:
    first = link(GENESIS, b"one")
    assert link(first, b"two") != link(link(GENESIS, b"0ne"), b"two")
    assert len(first) == 64
    assert digest("text") == digest("text") != digest("Text")


@pytest.mark.proves("P5")
def test_an_ended_item_never_becomes_due_by_itself_and_unknown_is_never_due() -> None:
    assert OutboxState.DUE not in OUTBOX_TRANSITIONS[OutboxState.UNKNOWN]
    assert set(OUTBOX_TRANSITIONS) == set(OutboxState)
    for ended in (OutboxState.CANCELLED, OutboxState.EXPIRED):
        assert not OUTBOX_TRANSITIONS[ended]
