"""What the stand-in refuses, and what we refuse of it: each error ends as the class the tables say,
and a wrong token lets nothing in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from emulate_rig import ACCOUNT, Rig, Standin, rigged

from ringfence.model.outbox import ErrorClass, OutboxState, OutcomeKind
from ringfence.model.wire import WireRequest
from ringfence.providers import forms
from ringfence.providers.base import OutboundText
from ringfence.providers.twilio import PROVIDER

pytestmark = pytest.mark.node


@pytest.mark.proves("P6")
async def test_refused_credentials_stop_the_line(standin: Standin, tmp_path: Path) -> None:
    async with rigged(standin, tmp_path, sms={"authToken": "not-the-token"}) as rig:
        queued = await rig.sends("hi")
        item = await rig.item(queued["id"], OutboxState.DEAD)
        assert (item.error_code, item.reason) == (20003, "line_misconfigured")
        stopped = await rig.read(lambda tx: tx.lines.stopped())
        assert "20003" in stopped[rig.line.id]
        assert "not-the-token" not in stopped[rig.line.id]
        await rig.sends("and this waits", n=1)
        assert await rig.gateway.dispatcher.claim(10) == []
        assert rig.journal == [("create", 401)], "a stopped line calls no provider"


@pytest.mark.proves("P6")
async def test_a_number_that_is_not_the_account_s_is_a_dead_letter(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path, owned=False) as rig:
        queued = await rig.sends("hi")
        item = await rig.item(queued["id"], OutboxState.DEAD)
        assert (item.error_code, item.reason) == (21606, "line_misconfigured")
        assert await rig.read(lambda tx: tx.lines.stopped()) == {}
        assert rig.journal == [("create", 400)], "tried once"


def _without(*names: str) -> Callable[[WireRequest], WireRequest]:
    def changed(request: WireRequest) -> WireRequest:
        fields = [(name, value) for name, value in forms.decode(request.body) if name not in names]
        return replace(request, body=forms.encode(fields).encode())

    return changed


def _with(name: str, value: str) -> Callable[[WireRequest], WireRequest]:
    def changed(request: WireRequest) -> WireRequest:
        fields = [(key, value if key == name else old) for key, old in forms.decode(request.body)]
        return replace(request, body=forms.encode(fields).encode())

    return changed


def _to_account(account: str) -> Callable[[WireRequest], WireRequest]:
    return lambda request: replace(request, url=request.url.replace(ACCOUNT, account))


@pytest.mark.parametrize(
    ("change", "status", "code", "error_class"),
    [
        (_without("To"), 400, 21201, ErrorClass.PERMANENT),
        (_with("To", "12345"), 400, 21201, ErrorClass.PERMANENT),
        (_without("From"), 400, 21603, ErrorClass.PERMANENT),
        (_with("From", "+15555550199"), 400, 21606, ErrorClass.CONFIG),
        (_to_account("AC" + "f" * 32), 404, 20404, ErrorClass.PERMANENT),
        (_to_account("AC" + "0" * 32), 403, 20003, ErrorClass.STOP_LINE),
    ],
    ids=["no To", "a short To", "no From", "a foreign From", "no account", "another's account"],
)
@pytest.mark.proves("P5")
async def test_each_refusal_has_its_class(
    standin: Standin,
    tmp_path: Path,
    change: Callable[[WireRequest], WireRequest],
    status: int,
    code: int,
    error_class: ErrorClass,
) -> None:
    """The codec never sends most of these; a request of its own is bent to get the answer."""
    async with rigged(standin, tmp_path) as rig:
        request = PROVIDER.send(OutboundText("out_x", rig.person(), "hi"), rig.line)
        outcome = PROVIDER.sent(await rig.wire.send(change(request)))
        assert (outcome.kind, outcome.error_class) == (OutcomeKind.REJECTED, error_class)
        assert (outcome.http_status, outcome.error_code) == (status, code)
        assert rig.number not in outcome.detail
        assert await rig.carrier.messages(From=rig.number) == []


@pytest.mark.proves("B007")
async def test_a_webhook_signed_with_another_token_is_refused(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path, sms={"authToken": "not-the-token"}) as rig:
        await rig.texts("let me in")
        assert rig.journal == [("webhook", 403)]
        assert await _nothing_came(rig)


@pytest.mark.proves("B007", "B028")
async def test_a_webhook_signed_for_another_address_is_refused(
    standin: Standin, tmp_path: Path
) -> None:
    """The number's address at the carrier has another host name than our public URL."""
    async with rigged(standin, tmp_path, sms_host="localhost") as rig:
        await rig.texts("let me in")
        assert rig.journal == [("webhook", 403)]
        assert await _nothing_came(rig)


@pytest.mark.proves("B002")
async def test_a_webhook_by_get_is_refused(standin: Standin, tmp_path: Path) -> None:
    async with rigged(standin, tmp_path, sms_method="GET") as rig:
        await rig.texts("let me in")
        assert rig.journal == [("webhook", 405)]
        assert await _nothing_came(rig)


async def _nothing_came(rig: Rig) -> bool:
    stored = await rig.read(lambda tx: tx.messages.listing(10, None, "in", None))
    return not stored and not rig.agent.turns and await rig.sent_to() == []


async def test_the_stand_in_itself_stays_on_loopback(standin: Standin, tmp_path: Path) -> None:
    """Its preload keeps it there: a webhook address elsewhere is never called."""
    async with rigged(standin, tmp_path, sms_host="192.0.2.1") as rig:
        await rig.texts("out there")
        assert rig.journal == []
        assert "192.0.2.1" in await rig.carrier.webhooks_page()
