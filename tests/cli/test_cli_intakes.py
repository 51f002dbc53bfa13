"""`ringfence intakes`: what people answered."""

from __future__ import annotations

from house import STRANGER, House

from ringfence.bootstrap import Gateway
from ringfence.model.intake import Intake, IntakeState
from ringfence.model.phone import PhoneNumber


def test_what_people_answered_is_listed(two_lines: House) -> None:
    assert "Nobody was asked anything." in two_lines.run("intakes", "list").stdout

    async def asks(gateway: Gateway) -> None:
        now = gateway.kit.clock.now()
        intake = Intake(
            PhoneNumber(STRANGER),
            "second",
            IntakeState.ASKING,
            "msg_1",
            now,
            now,
            {"name": "Ann", "flat": ""},
            "matter",
        )
        await gateway.kit.store.write(lambda tx: tx.intakes.put(intake))

    two_lines.with_gateway(asks)
    [row] = two_lines.json("intakes", "list")["intakes"]
    assert (row["number"], row["line"], row["state"]) == (STRANGER, "second", "asking")
    assert row["answers"] == {"name": "Ann", "flat": ""}
    assert "name: Ann; flat: (skipped)" in two_lines.run("intakes", "list").stdout
    assert two_lines.json("intakes", "list", "--account", "default") == {"intakes": []}
