"""`ringfence templates` and `message send --template`: looked at, linted, previewed, sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from house import FRIEND, House, build

from ringfence.model.message import MessageClass

VISIT: dict[str, Any] = {
    "version": 2,
    "category": "conversation",
    "programme": "visits",
    "meaning": "A visit is coming up.",
    "texts": {"en": "Hello {name}, see you on {day}.", "de": "Hallo {name},\nbis {day}."},
    "fields": {"name": {"kind": "text", "maxLength": 30}, "day": {"kind": "date"}},
}
SENT = ("--set", "name=Anna", "--set", "day=2026-12-24")


def with_visit(folder: Path, **changes: Any) -> House:
    return build(folder, templates={"visit": {**VISIT, **changes}})


def test_the_list_names_them(tmp_path: Path) -> None:
    house = with_visit(tmp_path)
    assert (
        "visit  2        conversation  visits     en, de     name, day"
        in house.run("templates", "list").stdout
    )
    [row] = house.json("templates", "list")["templates"]
    assert (row["name"], row["languages"], row["fields"]) == (
        "visit",
        ["en", "de"],
        ["name", "day"],
    )


def test_none_is_said(house: House) -> None:
    assert "No templates are configured." in house.run("templates", "list").stdout
    assert house.json("templates", "list") == {"templates": []}
    assert house.json("templates", "lint") == {"ok": True, "findings": []}
    assert "none is configured" in house.run("templates", "show", "visit", code=1).stderr


def test_show_tells_what_each_field_takes(tmp_path: Path) -> None:
    house = with_visit(tmp_path, sender="Clinic")
    shown = house.run("templates", "show", "visit").stdout
    assert "text en       Hello {name}, see you on {day}." in shown
    assert "field name    text, max_length 30" in shown
    assert "warning: visit.texts.en: it does not name Clinic" in shown
    assert house.json("templates", "show", "visit@2")["fields"]["day"]["kind"] == "date"
    assert "version 2" in house.run("templates", "show", "visit@1", code=1).stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--lang", "de", *SENT), "Hallo Anna,\nbis 24.12.2026."),
        (("--lang", "de-AT", *SENT), "Hallo Anna,\nbis 24.12.2026."),
        (("--lang", "ja", *SENT), "Hello Anna, see you on 2026-12-24."),
        (SENT, "Hello Anna, see you on 2026-12-24."),
        ((), "Hello Sam Example, see you on 2026-12-24."),
        (("--set", "name=A=B"), "Hello A=B, see you on 2026-12-24."),
    ],
)
def test_a_preview(tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    house = with_visit(tmp_path)
    assert house.json("templates", "preview", "visit", *words)["text"] == text
    assert text in house.run("templates", "preview", "visit", *words).stdout


def test_a_preview_says_what_stands_in(tmp_path: Path) -> None:
    house = with_visit(tmp_path)
    shown = house.run("templates", "preview", "visit", "--set", "name=Anna").stdout
    assert "1 segment, GSM-7, 1 with the longest values" in shown
    assert "Examples stand in for: day" in shown


@pytest.mark.proves("P2")
@pytest.mark.parametrize("command", [("templates", "preview", "visit"), ("send",)])
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--set", "name=a\nb"), 1, "line break"),
        (("--set", "nme=Anna"), 1, "`nme`"),
        (("--set", "name=https://x.example"), 1, "link"),
        (("--set", "name"), 2, "FIELD=VALUE"),
        (("--set", "name=a", "--set", "name=b"), 2, "given twice"),
    ],
)
def test_bad_fields_are_named(
    tmp_path: Path, command: tuple[str, ...], words: tuple[str, ...], code: int, said: str
) -> None:
    house = with_visit(tmp_path)
    if command == ("send",):
        command = ("message", "send", "--target", FRIEND, "--template", "visit")
    assert said in house.run(*command, *words, code=code).stderr
    assert house.json("message", "list") == {"messages": []}


@pytest.mark.proves("P1", "P7")
def test_a_template_is_sent_from_the_command_line(tmp_path: Path) -> None:
    house = with_visit(tmp_path)
    send = ("message", "send", "--target", FRIEND, "--template", "visit", "--lang", "de", *SENT)
    assert house.json(*send, "--dry-run")["segments"] == 1
    assert house.json("message", "list") == {"messages": []}
    sent = house.json(*send)
    assert sent["state"] == "queued"
    stored = house.read(lambda tx: tx.messages.get(sent["id"]))
    assert stored is not None
    assert stored.body == "Hallo Anna,\nbis 24.12.2026."
    assert stored.message_class is MessageClass.TEMPLATE
    assert stored.traits.template == "visit@2"


def test_a_text_and_a_template_are_too_much(tmp_path: Path) -> None:
    house = with_visit(tmp_path)
    send = ("message", "send", "--target", FRIEND)
    house.run(*send, "--template", "visit", "--message", "hi", code=2)
    house.run(*send, "--message", "hi", "--set", "name=a", code=2)
    house.run(*send, "--message", "hi", "--lang", "de", code=2)
    assert "Known: visit" in house.run(*send, "--template", "x", code=1).stderr


@pytest.mark.proves("C12")
def test_lint_names_errors_before_anything_loads(tmp_path: Path) -> None:
    house = with_visit(tmp_path, texts={"en": "{name}, {day}: reply YES to confirm"})
    refused = house.run("templates", "lint", code=1).stdout
    assert refused.startswith("error: visit.texts.en: it asks for YES as an answer")
    found = house.json("templates", "lint", "visit", code=1)
    assert (found["ok"], found["findings"][0]["severity"]) == (False, "error")
    assert "templates.visit.texts.en" in house.run("config", "validate", code=1).stderr
    house.run("templates", "list", code=1)


def test_lint_and_validate_tell_warnings(tmp_path: Path) -> None:
    house = with_visit(tmp_path, sender="Clinic")
    assert "warning: visit.texts.en: it does not name" in house.run("templates", "lint").stdout
    assert "templates.visit.texts.en: it does not name" in house.run("config", "validate").stdout
    assert house.json("templates", "lint", "visit")["ok"] is True
    assert "Known: visit" in house.run("templates", "lint", "other", code=1).stderr


def test_lint_knows_what_a_version_said(tmp_path: Path) -> None:
    house = with_visit(tmp_path)
    send = ("message", "send", "--target", FRIEND, "--template", "visit", *SENT)
    house.run(*send)
    assert house.run("templates", "lint").stdout == "Nothing to find fault with.\n"
    texts = {"en": "Hello {name}, pay by {day}."}
    house = with_visit(tmp_path, texts=texts)
    assert (
        "error: visit.version: version 2 was used with"
        in house.run("templates", "lint", code=1).stdout
    )
    assert "Raise the version of visit above 2" in house.run(*send, code=1).stderr
    house = with_visit(tmp_path, texts=texts, version=3)
    house.run("templates", "lint")
    house.run(*send)
