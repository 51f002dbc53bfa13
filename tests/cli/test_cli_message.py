"""`ringfence message`: an operator's own sends pass the gate, and can be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import FRIEND, OWNER, STRANGER, House, build

from ringfence.bootstrap import Gateway
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Observation, OutboxChange

SEND = ("message", "send", "--target", f"sms:{FRIEND}", "--message", "hello there")


@pytest.mark.proves("P1", "P7")
@pytest.mark.parametrize(
    "target", [f"sms:{FRIEND}", f"twilio-sms:{FRIEND}", FRIEND, "+1 555 555-0112"]
)
@pytest.mark.parametrize("channel", ["sms", "twilio-sms"])
def test_send_queues_once_and_says_what_it_costs(house: House, target: str, channel: str) -> None:
    result = house.run(
        "message", "send", "--channel", channel, "--target", target, "--message", "hi"
    )
    assert "1 segment, GSM-7" in result.stdout
    assert "queued: msg_" in result.stdout
    [message] = house.json("message", "list")["messages"]
    assert (message["to"], message["status"], message["body"]) == (FRIEND, "queued", "hi")
    assert message["initiator"].startswith("operator:")
    [decision] = house.json("message", "show", message["id"])["decisions"]
    assert decision["verdict"] == "allow"


@pytest.mark.proves("B076")
def test_a_send_without_a_target_is_refused_even_with_a_default(tmp_path: Path) -> None:
    house = build(tmp_path, {"defaultTo": FRIEND})
    assert "--target" in house.run("message", "send", "--message", "hi", code=2).stderr
    assert house.json("message", "list") == {"messages": []}


@pytest.mark.proves("B061", "B032")
@pytest.mark.parametrize(
    "target", ["(555) 123-4567", "15555550112", f"whatsapp:{FRIEND}", "sms:", "+1"]
)
def test_a_number_is_never_guessed(house: House, target: str) -> None:
    house.run("message", "send", "--target", target, "--message", "hi", code=2)
    assert house.json("message", "list") == {"messages": []}


def test_a_long_text_shows_its_parts_before_it_goes(house: House) -> None:
    shown = house.run("message", "send", "--target", FRIEND, "--message", "ж" * 1600).stdout
    assert shown.splitlines()[0] == "25 segments, UCS-2, in 2 messages"
    story = house.json("message", "show", shown.split()[-1])
    assert [part["part"] for part in story["parts"]] == ["1/2", "2/2"]


@pytest.mark.proves("P1")
def test_a_dry_run_stores_nothing(house: House) -> None:
    result = house.run(*SEND, "--dry-run")
    assert "Would be queued" in result.stdout
    document = house.json(*SEND, "--dry-run")
    assert (document["state"], document["segments"], document["parts"]) == ("queued", 1, 1)
    assert house.json("message", "list") == {"messages": []}
    assert house.read(lambda tx: tx.people.find([PhoneNumber(FRIEND)])) == {}


@pytest.mark.proves("P3", "P1")
def test_a_refused_send_is_exit_code_1_with_the_reason(house: House) -> None:
    house.run("stop")
    result = house.run(*SEND, code=1)
    assert "stopped: The kill switch is engaged" in result.stdout
    document = house.json(*SEND, code=1)
    assert document["state"] == "refused"
    assert document["reasons"][0]["code"] == "stopped"
    assert house.json(*SEND, "--dry-run", code=1)["state"] == "refused"


@pytest.mark.proves("P5")
def test_the_same_key_is_the_same_message(house: House) -> None:
    first = house.json(*SEND, "--idempotency-key", "k1")
    again = house.json(*SEND, "--idempotency-key", "k1")
    assert (first["id"], first["replayed"], again["replayed"]) == (again["id"], False, True)
    assert "already" in house.run(*SEND, "--idempotency-key", "k1").stdout
    other = ("message", "send", "--target", FRIEND, "--message", "else", "--idempotency-key", "k1")
    assert "another body" in str(house.run(*other, code=1).exception)
    assert len(house.json("message", "list")["messages"]) == 1


@pytest.mark.proves("B064")
def test_an_empty_text_is_refused(house: House) -> None:
    house.run("message", "send", "--target", FRIEND, code=1)
    house.run("message", "send", "--target", FRIEND, "--message", " \n ", code=1)


def test_a_file_is_hosted_and_a_url_is_passed_on(house: House, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    url = "https://pictures.example.com/dog.png"
    house.run("message", "send", "--target", FRIEND, "--media", str(picture), "--media", url)
    [message] = house.json("message", "list")["messages"]
    assert [media["content_type"] for media in message["media"]] == ["", "image/png"]
    assert message["media"][0]["url"] == url
    assert message["media"][1]["bytes"] == 108
    assert url in house.run("message", "show", message["id"]).stdout


@pytest.mark.proves("B077")
def test_files_outside_the_limits_are_refused_before_anything_is_stored(
    house: House, tmp_path: Path
) -> None:
    large, odd = tmp_path / "large.pdf", tmp_path / "program.bin"
    large.write_bytes(b"0" * 500_001)
    odd.write_bytes(b"0")
    refused = house.run("message", "send", "--target", FRIEND, "--media", str(large), code=1)
    assert "otherBytesMax" in str(refused.exception)
    house.run("message", "send", "--target", FRIEND, "--media", str(odd), code=1)
    missing = str(tmp_path / "none.png")
    house.run("message", "send", "--target", FRIEND, "--media", missing, code=2)
    house.run("message", "send", "--target", FRIEND, "--media", "http://a.example/b.png", code=2)
    assert house.json("message", "list") == {"messages": []}


def test_it_says_when_no_gateway_answers(tmp_path: Path, unused_port: int) -> None:
    house = build(tmp_path, gateway={"publicPort": 0, "privatePort": unused_port})
    assert "No gateway answers here" in house.run(*SEND).stdout
    assert house.json(*SEND)["gateway_running"] is False


def test_the_list_can_be_narrowed(house: House) -> None:
    for number in (FRIEND, STRANGER, OWNER):
        house.queues(number)
    house.stranger_asks("+15555550155")
    assert len(house.json("message", "list", "--limit", "2")["messages"]) == 2
    assert house.json("message", "list", "--direction", "in") == {"messages": []}
    assert house.json("message", "list", "--status", "delivered") == {"messages": []}
    assert "No messages." in house.run("message", "list", "--status", "held").stdout
    assert FRIEND in house.run("message", "list", "--account", "default").stdout
    house.run("message", "list", "--status", "lost", code=2)
    house.run("message", "list", "--account", "nobody", code=2)


@pytest.mark.proves("P7", "B098")
def test_show_tells_parts_reports_and_decisions_in_words(house: House) -> None:
    message_id = house.queues(FRIEND)

    async def is_reported(gateway: Gateway) -> None:
        kit = gateway.kit
        now = kit.clock.now()
        item = (await kit.store.read(lambda tx: tx.outbox.of_messages([message_id])))[message_id][0]
        report = Observation(item.id, "SM1", "undelivered", MessageStatus.UNDELIVERED, 30003, now)
        due, sending = frozenset({OutboxState.DUE}), frozenset({OutboxState.SENDING})
        claim = OutboxChange(item.id, due, OutboxState.SENDING)
        fail = OutboxChange(item.id, sending, OutboxState.FAILED, error_code=30003)
        await kit.store.write(
            lambda tx: (
                tx.events.observe([report]),
                tx.outbox.change([claim]),
                tx.outbox.change([fail]),
            )
        )

    house.with_gateway(is_reported)
    shown = house.run("message", "show", message_id).stdout
    assert "When it was proposed, by operator:test: allowed." in shown
    assert "part 1/1     failed" in shown
    assert "undelivered, error 30003" in shown
    story = house.json("message", "show", message_id)
    assert story["parts"][0]["reports"][0]["error_code"] == 30003
    assert "no message" in str(house.run("message", "show", "msg_none", code=1).exception).lower()


@pytest.mark.proves("P1", "P2")
def test_what_a_stop_held_is_let_go_or_cancelled_by_a_person(house: House) -> None:
    ids = [house.json(*SEND)["id"] for _ in range(2)]
    house.run("stop")
    assert "kill switch" in house.run("message", "release", ids[0], code=1).stderr
    house.run("resume")
    assert "Released" in house.run("message", "release", ids[0]).stdout
    assert house.json("message", "cancel", ids[1]) == {"id": ids[1], "cancelled": True}
    found = {one["id"]: one["status"] for one in house.json("message", "list")["messages"]}
    assert [found[key] for key in ids] == ["queued", "cancelled"]
    assert "not held" in house.run("message", "release", ids[0], code=1).stderr
