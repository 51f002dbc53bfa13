"""What `doctor` finds, one thing at a time, and how it prints. Looks at nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

OK, NOTE, WRONG = "ok", "note", "wrong"
_SIGNS = {OK: "ok    ", NOTE: "note  ", WRONG: "WRONG "}


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing looked at. `level` is ok, note (worth knowing) or wrong; `hint` says what to do."""

    area: str
    level: str
    text: str
    hint: str = ""


def print_all(symptoms: Sequence[Symptom], healthy: bool) -> None:
    for symptom in symptoms:
        click.echo(f"{_SIGNS[symptom.level]} {symptom.area}: {symptom.text}")
        if symptom.hint:
            click.echo(f"        → {symptom.hint}")
    wrong = sum(symptom.level == WRONG for symptom in symptoms)
    click.echo("All is well." if healthy else f"Something is wrong ({wrong}).")
