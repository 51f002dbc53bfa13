"""A witness nobody here wrote: Twilio's validator for Node judges what our simulator signs and what
our gateway accepts, all in one process. It must also refuse what is forged, or it proves nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ringfence.providers.twilio_signature import signature as codec_signature
from ringfence.providers.twilio_signature import signing_text
from ringfence.simulator.webhooks import WebhookRequest, signature

pytestmark = pytest.mark.node

TOKEN = "0123456789abcdef0123456789abcdef"
FIELDS: dict[str, list[tuple[str, str]]] = {
    "plain": [("Body", "hello"), ("From", "+15555550111")],
    "empty": [("Body", ""), ("MediaUrl0", "")],
    "spaces": [("Body", " padded\t\r\n "), ("A", " ")],
    "emoji": [("Body", "😀👩‍👩‍👧 é & = % + ü"), ("FromCity", "ŁÓDŹ")],
    "reserved": [("Body", "a=1&b=2?#/+%20;:@")],
    "repeats": [("A", "2"), ("A", "1"), ("A", "2"), ("B", "x")],
    "order": [("b", "1"), ("B", "2"), ("a", "3"), ("Aa", "4"), ("A", "5"), ("_", "6")],
    "none": [],
}
URLS = (
    "https://sms.example.test/webhooks/sms",
    "https://sms.example.test/",
    "https://sms.example.test:8443/webhooks/sms",
    "http://127.0.0.1:49152/webhooks/sms",
    "https://sms.example.test/webhooks/sms?foo=1&bar=2",
    "https://sms.example.test/webhooks/sms?q=%C3%A9%20+%26&empty=",
    "https://sms.example.test/webhooks/sms?ringfence=out_01J",
    "https://sms.example.test/a%20b/%E2%82%AC",
)
# Both spellings of one address: signers are inconsistent about the default port.
PORTS = (
    ("https://sms.example.test/x", "https://sms.example.test:443/x"),
    ("https://sms.example.test:443/x", "https://sms.example.test/x"),
    ("http://sms.example.test/x?a=1", "http://sms.example.test:80/x?a=1"),
)

Case = dict[str, Any]
Witness = Callable[[Sequence[Case]], list[bool]]


@pytest.fixture
def witness(node: str) -> Witness:
    """Ask the validator about a batch of cases; answers its verdicts in order."""
    script = Path(__file__).parent / "validate.cjs"

    def judged(cases: Sequence[Case]) -> list[bool]:
        given = "\n".join(json.dumps(case) for case in cases)
        done = subprocess.run(
            [node, str(script)],
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        verdicts: list[bool] = json.loads(done.stdout)
        assert len(verdicts) == len(cases)
        return verdicts

    return judged


def _params(fields: Sequence[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Fields as a Node web framework gives them: a list where a name repeats."""
    found: dict[str, str | list[str]] = {}
    for name in dict.fromkeys(name for name, _ in fields):
        values = [value for other, value in fields if other == name]
        found[name] = values[0] if len(values) == 1 else values
    return found


def _form(url: str, fields: Sequence[tuple[str, str]], signed: str, **changes: Any) -> Case:
    case = {"token": TOKEN, "url": url, "signature": signed, "params": _params(fields)}
    return case | changes


@pytest.mark.proves("B026")
def test_node_s_validator_accepts_what_the_simulator_signs(witness: Witness) -> None:
    cases = [
        _form(url, fields, signature(TOKEN, url, fields))
        for url in URLS
        for fields in FIELDS.values()
    ]
    cases += [
        _form(seen, FIELDS["plain"], signature(TOKEN, signed, FIELDS["plain"]))
        for signed, seen in PORTS
    ]
    for url in URLS:
        address, headers, _ = WebhookRequest(url, "GET", FIELDS["emoji"], TOKEN, "t").wire()
        cases.append(_form(address, (), headers["X-Twilio-Signature"]))
    body = json.dumps({"text": "żółć 😀"}, ensure_ascii=False)
    digest = hashlib.sha256(body.encode()).hexdigest()
    url = f"{URLS[0]}?bodySHA256={digest}"
    cases.append(_form(url, (), signature(TOKEN, url), body=body))
    refused = [case for case, held in zip(cases, witness(cases), strict=True) if held is not True]
    assert not refused


@pytest.mark.proves("B026")
def test_the_codec_signs_what_the_witness_was_shown() -> None:
    """The gateway's codec and the simulator were written apart; neither may drift."""
    for url in URLS:
        for fields in FIELDS.values():
            assert codec_signature(TOKEN, url + signing_text(fields)) == signature(
                TOKEN, url, fields
            )


@pytest.mark.proves("B007")
def test_node_s_validator_refuses_forgeries(witness: Witness) -> None:
    url, fields = URLS[4], FIELDS["plain"]
    good = signature(TOKEN, url, fields)
    forged = [
        _form(url, fields, good, token=TOKEN[::-1]),
        _form(url, fields, good[:-4] + "AAA="),
        _form(url, fields, ""),
        _form(url.replace("foo=1", "foo=2"), fields, good),
        _form(url.replace("https", "http"), fields, good),
        _form(url, [*fields, ("Extra", "1")], good),
        _form(url, [("Body", "bye"), *fields[1:]], good),
    ]
    assert witness([_form(url, fields, good), *forged]) == [True] + [False] * len(forged)
