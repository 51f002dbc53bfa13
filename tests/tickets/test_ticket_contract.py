"""What every ticket system must do, whoever it is: a new file in the folder gets these tests."""

from __future__ import annotations

import ast
import base64
import inspect
from pathlib import Path
from typing import Any

import pytest
from tickets_rig import NUMBER, answer, errand, play, taken

import ringfence.tickets
from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Secret
from ringfence.model.mail import Mail
from ringfence.model.ticket import TicketAction
from ringfence.model.wire import WireRequest
from ringfence.tickets import settings_of, systems
from ringfence.tickets.base import OutcomeKind, System

ALL = sorted(systems())
FOLDER = Path(ringfence.tickets.__path__[0])
IO_MODULES = frozenset(
    {
        *("asyncio", "socket", "ssl", "sqlite3", "http", "httpx", "aiohttp", "threading"),
        *("subprocess", "time", "random", "os", "logging", "secrets", "pathlib", "io", "smtplib"),
    }
)
KEY = base64.b64encode(b"conformance-secret-of-ours").decode()
TOKEN = Secret("conformance-token")
OPTIONS: dict[str, dict[str, Any]] = {
    "builtin": {},
    "webhook": {"url": "https://hook.example.org/x", "secrets": (Secret(f"whsec_{KEY}"),)},
    "github": {"repository": "acme/ops", "token": TOKEN},
    "gitlab": {"project": "acme/ops", "token": TOKEN},
    "jira": {
        "base_url": "https://acme.atlassian.net",
        "project": "OPS",
        "user": "ann@example.org",
        "token": TOKEN,
    },
    "smtp": {
        "host": "mail.example.org",
        "sender": "gate@example.org",
        "to": ("ops@example.org",),
        "user": "gate",
        "password": TOKEN,
    },
}
BODIES = (b"", b"{}", b"[]", b"null", b"[[]]", b"<html>", b"\xff", b"[" * 100_000, b'{"key":1}')


@pytest.fixture(params=ALL)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_folder_is_the_list() -> None:
    assert sorted(OPTIONS) == ALL
    assert all(systems()[name].name == name for name in ALL)


def test_it_fulfils_the_whole_contract(kind: str) -> None:
    system = systems()[kind]
    for name, promised in inspect.getmembers(System, inspect.isfunction):
        if not name.startswith("_"):
            wanted = list(inspect.signature(promised).parameters)[1:]
            assert list(inspect.signature(getattr(system, name)).parameters) == wanted
    assert vars(system) == {}, "one instance serves every ticket, from several tasks at once"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_the_folder_does_no_io(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    } | {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not named & IO_MODULES
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"now", "utcnow", "today", "make_msgid", "localtime"}


def _asked(kind: str, action: TicketAction, again: bool) -> Any:
    what = errand(action, f"Ask {NUMBER}", again=again, title=f"Call {NUMBER}", service=NUMBER)
    asked, _ = play(kind, settings_of(kind, OPTIONS[kind]), what, [])
    return asked


@pytest.mark.proves("P9")
@pytest.mark.parametrize("action", list(TicketAction))
@pytest.mark.parametrize("again", [False, True])
def test_secrets_stand_apart_and_numbers_nowhere(
    kind: str, action: TicketAction, again: bool
) -> None:
    for request in _asked(kind, action, again):
        shown = repr(request)
        assert "conformance" not in shown
        assert KEY not in shown
        if isinstance(request, Mail):
            assert b"conformance" not in request.content
            assert NUMBER[1:].encode() not in request.content
            continue
        assert isinstance(request, WireRequest)
        open_parts = request.url + str(request.headers) + request.body.decode()
        assert "conformance" not in open_parts
        assert NUMBER[1:] not in open_parts
        assert request.secret_headers
        assert request.follow_redirects == 0
        assert 0 < request.timeout_s <= 60
        assert request.url.startswith("https://")


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("action", list(TicketAction))
def test_any_answer_is_borne_and_every_talk_ends(
    kind: str, status: int, action: TicketAction
) -> None:
    """Whatever comes, however often: an outcome, with a reason that repeats nothing of it."""
    settings = settings_of(kind, OPTIONS[kind])
    for again in (False, True):
        for body in BODIES:
            got = answer(status)
            answers = [type(got)(status, {}, body)] * 50
            mailed = [taken(status)] * 50
            _, outcome = play(
                kind, settings, errand(action, again=again), mailed if kind == "smtp" else answers
            )
            assert outcome is not None
            if outcome.kind is not OutcomeKind.DONE:
                assert outcome.reason.replace("_", "").isalnum()
                assert len(outcome.reason) < 40


def test_no_issue_is_taken_for_opened_without_a_name(kind: str) -> None:
    settings = settings_of(kind, OPTIONS[kind])
    for body in BODIES:
        got = [type(answer())(201, {}, body)]
        if kind in ("github", "gitlab", "jira"):
            outcome = play(kind, settings, errand(), got)[1]
            assert outcome is not None
            assert outcome.kind is OutcomeKind.AGAIN


def test_options_are_checked_by_name(kind: str) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        settings_of(kind, {**OPTIONS[kind], "colour": "red"})
    assert refusal.value.problems == (f"colour: is no option of {kind}",)


@pytest.mark.parametrize("kind", ["github", "gitlab", "jira", "webhook"])
def test_what_is_needed_is_named(kind: str) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        settings_of(kind, {})
    assert all(problem.endswith(": is needed") for problem in refusal.value.problems)
    assert len(refusal.value.problems) >= 2


def test_an_unknown_kind_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigInvalid, match="kind: expected one of builtin, github"):
        settings_of("trello", {})


@pytest.mark.parametrize("kind", ["github", "gitlab", "jira"])
def test_a_base_address_is_https_and_has_no_query(kind: str) -> None:
    for wrong in ("https://x.example.org/?a=1", "http://x.example.org", "x", "https://[::1"):
        with pytest.raises(ConfigInvalid, match="base_url: "):
            settings_of(kind, {**OPTIONS[kind], "base_url": wrong})
