"""The line probe: what we know of a line, what its provider says of it, and how the last message
ended. Findings are for any log or ticket: never a phone number (B103). Reads only, and answers in
time with what it has, even if the provider hangs (openclaw 1.11)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import NetError, ProviderError
from ringfence.model.line import AccessPolicy, Line, Purpose
from ringfence.model.message import Message, MessageStatus
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.ports import Tx
from ringfence.providers.base import Finding

TIMEOUT_S = 10.0
_BAD_ENDS = frozenset({MessageStatus.FAILED, MessageStatus.UNDELIVERED})
_NOT_SENT = frozenset(
    {
        MessageStatus.HELD,
        MessageStatus.REFUSED,
        MessageStatus.CANCELLED,
        MessageStatus.EXPIRED,
        MessageStatus.QUEUED,
    }
)
_LOOKED_AT = 50


async def probe(kit: Equipment, line: Line, timeout_s: float = TIMEOUT_S) -> tuple[Finding, ...]:
    """Stored facts first, then the provider's. Takes at most `timeout_s` seconds."""
    stopped, last = await kit.store.read(lambda tx: (tx.lines.stopped(), last_sent(tx, line.id)))
    findings = [*set_up(line, stopped), outcome(last)]
    if not line.enabled or line.blocked_reason:
        return (*findings, Finding("provider", False, "Not asked: the line cannot be used."))
    provider = kit.provider_of(line)
    if not provider.capabilities.probe:
        return (*findings, Finding("provider", True, "This provider has no probe."))
    try:
        asked = provider.probe_requests(line)
    except ProviderError as error:
        return (*findings, Finding("provider", False, error.title, error.detail))
    answers = await asyncio.gather(*(_ask(kit, name, wire, timeout_s) for name, wire in asked))
    answered = [answer for answer in answers if answer is not None]
    return (*findings, *provider.probe_findings(answered, line))


async def _ask(
    kit: Equipment, name: str, request: WireRequest, timeout_s: float
) -> tuple[str, WireResponse] | None:
    try:
        return name, await kit.http.send(replace(request, timeout_s=timeout_s))
    except NetError:
        return None


def set_up(line: Line, stopped: Mapping[str, str]) -> Sequence[Finding]:
    """What the configuration and the store say: usable, credentials, signature, reach, openness."""
    return (_usable(line, stopped), _token(line), _signature(line), _public_url(line), _open(line))


def _usable(line: Line, stopped: Mapping[str, str]) -> Finding:
    if not line.enabled:
        return Finding("line", False, "The line is switched off.", "Set enabled to true.")
    if line.blocked_reason:
        hint = "Mend the configuration, then restart the gateway."
        return Finding("line", False, f"The line is blocked: {line.blocked_reason}.", hint)
    if line.id in stopped:
        hint = f"Mend it at the provider, then run: ringfence resume --line {line.id}"
        return Finding("line", False, "A credential or account error stopped the line.", hint)
    return Finding("line", True, "The line is ready.")


def _token(line: Line) -> Finding:
    if line.credentials.auth_tokens:
        return Finding("token", True, "The account's token or key is available.")
    return Finding(
        "token",
        False,
        "The account's token or key is not available.",
        "Set what the finding of the line names.",
    )


def _signature(line: Line) -> Finding:
    if line.validate_signature:
        return Finding("signature", True, "Webhook signatures are checked.")
    hint = "Remove dangerouslyDisableSignatureValidation: anybody can forge messages now."
    return Finding("signature", False, "Webhook signatures are NOT checked.", hint)


def _public_url(line: Line) -> Finding:
    if line.public_url or line.voice_url:
        return Finding("public_url", True, "The line has a public URL.")
    return Finding("public_url", False, "The line has no public URL.", "Set publicWebhookUrl.")


def _open(line: Line) -> Finding:
    """A preset may be loosened, but it shows (product.md, Lines and their purposes)."""
    if line.purpose is Purpose.HOTLINE and line.access is AccessPolicy.OPEN:
        hint = 'Use dmPolicy "pairing", or purpose "intake" for a number open to the public.'
        return Finding("purpose", False, "A hotline is open: anyone may talk to the agent.", hint)
    text = f"Purpose {line.purpose.value}, dmPolicy {line.access.value}."
    return Finding("purpose", True, text)


def last_sent(tx: Tx, line: str) -> Message | None:
    """The newest message of a line that went to the provider, or should have."""
    messages = tx.messages.listing(_LOOKED_AT, line, "out", None)
    return next((one for one in messages if one.status not in _NOT_SENT), None)


def outcome(last: Message | None) -> Finding:
    if last is None:
        return Finding("outbound", True, "Nothing was sent lately.")
    code = f", error {last.error_code}" if last.error_code else ""
    text = f"The last message is {last.status.value}{code}."
    if last.status not in _BAD_ENDS:
        return Finding("outbound", True, text)
    return Finding("outbound", False, text, f"Look at it: ringfence message show {last.id}")
