"""`ringfence pairing`: what an operator types for the people who ask."""

from __future__ import annotations

import pytest
from house import FRIEND, STRANGER, House

from ringfence.model.message import MessageStatus
from ringfence.model.phone import PhoneNumber

PERSON = PhoneNumber(STRANGER)


def _approved(house: House, line: str = "default") -> bool:
    return bool(house.read(lambda tx: tx.access.approved([(line, PERSON)])))


def _sent(house: House) -> list[str]:
    """Bodies of what would go to the stranger."""
    messages = house.read(lambda tx: tx.messages.listing(20, None, "out", None))
    return [message.body for message in messages if message.number == PERSON]


def test_the_list_shows_who_waits_with_their_code(house: House) -> None:
    assert "Nobody is waiting." in house.run("pairing", "list").stdout
    assert house.json("pairing", "list", "sms") == {"requests": []}
    code = house.stranger_asks().code
    [row] = house.json("pairing", "list", "sms", "--account", "default")["requests"]
    assert (row["from"], row["code"], row["line"]) == (STRANGER, code, "default")
    shown = house.run("pairing", "list").stdout
    assert code in shown
    assert STRANGER in shown


@pytest.mark.proves("B049", "P2")
@pytest.mark.parametrize("words", [["{code}"], ["sms", "{code}"], ["SMS", "{lower}"]])
def test_approve_takes_the_code_in_either_case_and_the_channel_or_not(
    house: House, words: list[str]
) -> None:
    code = house.stranger_asks().code
    typed = [word.format(code=code, lower=code.lower()) for word in words]
    shown = house.run("pairing", "approve", *typed).stdout
    assert STRANGER in shown
    assert "line default" in shown
    assert _approved(house)
    assert _sent(house) == []
    assert house.json("pairing", "list")["requests"] == []


@pytest.mark.proves("B049")
def test_approve_with_notify_tells_the_person_once(house: House) -> None:
    code = house.stranger_asks().code
    answer = house.json("pairing", "approve", "sms", code, "--notify")
    assert answer["from"] == STRANGER
    [told] = _sent(house)
    assert "connected" in told


@pytest.mark.proves("B046")
def test_an_unknown_code_is_refused_with_what_to_do(house: House) -> None:
    result = house.run("pairing", "approve", "sms", "AAAAAAAA", code=1)
    assert "pairing list" in str(result.exception)
    code = house.stranger_asks().code
    house.run("pairing", "approve", code)
    house.run("pairing", "approve", code, code=1)


def test_a_code_is_found_on_whichever_line_it_waits(two_lines: House) -> None:
    code = two_lines.stranger_asks(line="second").code
    two_lines.run("pairing", "approve", "sms", code, "--account", "default", code=1)
    assert not _approved(two_lines, "second")
    assert "line second" in two_lines.run("pairing", "approve", "sms", code).stdout
    assert _approved(two_lines, "second")
    assert not _approved(two_lines, "default")


@pytest.mark.proves("B050")
def test_dismiss_does_not_block(house: House) -> None:
    first = house.stranger_asks().code
    assert house.json("pairing", "dismiss", "sms", first.lower())["done"] == "dismissed"
    assert house.json("pairing", "list")["requests"] == []
    assert house.stranger_asks().code != first


@pytest.mark.proves("B050", "P3")
def test_block_by_number_cancels_what_waits_and_unblock_lifts_it(house: House) -> None:
    house.stranger_asks()
    message_id = house.queues(STRANGER)
    answer = house.json("pairing", "block", "sms:" + STRANGER)
    assert answer == {"from": STRANGER, "blocked": True, "cancelled": 1}
    message = house.read(lambda tx: tx.messages.get(message_id))
    assert message is not None
    assert message.status is MessageStatus.CANCELLED
    assert house.json("pairing", "list")["requests"] == []
    assert [row["from"] for row in house.json("pairing", "list", "--blocked")["blocked"]] == [
        STRANGER
    ]
    assert STRANGER in house.run("pairing", "list", "--blocked").stdout
    assert house.json("pairing", "unblock", STRANGER) == {"from": STRANGER, "blocked": False}
    house.run("pairing", "unblock", STRANGER, code=1)
    assert "Nobody is blocked." in house.run("pairing", "list", "--blocked").stdout


@pytest.mark.proves("B050")
def test_block_by_code_closes_the_request(house: House) -> None:
    code = house.stranger_asks().code
    assert STRANGER in house.run("pairing", "block", "sms", code).stdout
    person = house.read(lambda tx: tx.people.find([PERSON]))[PERSON]
    assert person.blocked
    house.run("pairing", "approve", code, code=1)


@pytest.mark.proves("P3")
def test_revoke_takes_access_back_and_cancels_what_waits_there(two_lines: House) -> None:
    code = two_lines.stranger_asks(line="second").code
    two_lines.run("pairing", "approve", code)
    here = two_lines.queues(STRANGER, line="second")
    elsewhere = two_lines.queues(STRANGER, line="default")
    two_lines.run("pairing", "revoke", STRANGER, code=1)
    answer = two_lines.json("pairing", "revoke", STRANGER, "--account", "second")
    assert answer == {"from": STRANGER, "line": "second", "cancelled": 1}
    assert not _approved(two_lines, "second")
    messages = two_lines.read(lambda tx: tx.messages.many([here, elsewhere]))
    assert messages[here].status is MessageStatus.CANCELLED
    assert messages[elsewhere].status is MessageStatus.QUEUED
    kinds = two_lines.read(
        lambda tx: [one.entry.kind for one in tx.audit.of_subject("pairing_revoked")]
    )
    assert kinds == ["cancelled"]


@pytest.mark.proves("B061", "P2")
@pytest.mark.parametrize(
    "words",
    [
        ["approve"],
        ["approve", "telegram", "AAAAAAAA"],
        ["approve", "sms", "A", "B"],
        ["list", "telegram"],
        ["unblock", "(555) 123-4567"],
        ["revoke", "15555550111"],
        ["block", "whatsapp:+15555550111"],
        ["approve", "AAAAAAAA", "--account", "nobody"],
    ],
)
def test_wrong_usage_is_exit_code_2(house: House, words: list[str]) -> None:
    house.run("pairing", *words, code=2)


@pytest.mark.proves("B056")
def test_the_wildcard_is_no_code_and_no_number(house: House) -> None:
    house.run("pairing", "approve", "sms", "*", code=1)
    house.run("pairing", "revoke", "*", code=2)
    assert house.read(lambda tx: tx.access.approved([("default", PhoneNumber(FRIEND))])) == set()
