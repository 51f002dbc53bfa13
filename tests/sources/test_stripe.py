"""Stripe-style signed events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sources_rig import CANARY, NOW, UNIX_NOW, body_of, changed, hex_mac, parsed, posted

from ringfence.model.errors import BodyTooLarge, MalformedEvent, SignatureRefused
from ringfence.model.event import Event
from ringfence.model.line import Secret
from ringfence.sources.stripe import SOURCE

SECRET = "whsec_example_one"
ROLLED = "whsec_example_two"
FAILED: dict[str, Any] = {
    "id": "evt_1ExampleExample",
    "object": "event",
    "api_version": "2026-09-30",
    "created": 1_795_260_000,
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": None, "idempotency_key": None},
    "type": "invoice.payment_failed",
    "data": {
        "object": {
            "id": "in_1Example",
            "object": "invoice",
            "amount_due": 1250,
            "currency": "eur",
            "attempt_count": 2,
            "customer_phone": "+15555550123",
            "metadata": {"order": "81"},
        },
        "previous_attributes": {"attempt_count": 1},
    },
}
THIN: dict[str, Any] = {
    "id": "evt_test_65Example",
    "object": "v2.core.event",
    "type": "v2.core.account.updated",
    "livemode": True,
    "created": "2026-11-21T11:58:00.000Z",
    "related_object": {"id": "acct_1Example", "type": "v2.core.account", "url": "/v2/x"},
}


def header(document: Any, *secrets: str, at: Any = UNIX_NOW, scheme: str = "v1") -> dict[str, str]:
    """Signed by the recipe of the documentation, apart from the code under test."""
    text = f"{at}.".encode() + body_of(document)
    marks = "".join(f",{scheme}={hex_mac(secret, text)}" for secret in secrets)
    return {"stripe-signature": f"t={at}{marks}"}


def read(document: Any) -> list[Event]:
    return parsed("stripe", document, header(document, SECRET), (Secret(SECRET),))


def test_a_known_signature_worked_out_elsewhere() -> None:
    """`printf '1795262400.{"a":1}' | openssl dgst -sha256 -hmac whsec_example_one`."""
    mark = "ced608d43b93c3061be22948a9d035c76f78824b194ab26735b8a6cf3c930ea6"
    request = posted("stripe", b'{"a":1}', {"stripe-signature": f"t=1795262400,v1={mark}"})
    assert SOURCE.verify(request, (Secret(SECRET),), datetime.fromtimestamp(1_795_262_400, UTC))


def test_an_event_is_read() -> None:
    assert read(FAILED) == [
        Event(
            id="evt_1ExampleExample",
            source="stripe",
            type="invoice.payment_failed",
            at=datetime.fromtimestamp(1_795_260_000, UTC),
            subject="in_1Example",
            data=FAILED["data"],
            attributes={"livemode": False, "api_version": "2026-09-30"},
            dedupe_key="evt_1ExampleExample",
        )
    ]


def test_a_thin_event_names_its_object() -> None:
    (event,) = read(THIN)
    assert (event.subject, event.data) == ("acct_1Example", {})
    assert event.at == datetime(2026, 11, 21, 11, 58, tzinfo=UTC)
    assert event.attributes["livemode"] is True


@pytest.mark.proves("P4")
def test_delivered_again_it_is_the_same_event_whatever_the_signature() -> None:
    one = parsed("stripe", FAILED, header(FAILED, SECRET), (Secret(SECRET),))
    later = header(FAILED, SECRET, at=UNIX_NOW + 200)
    assert parsed("stripe", FAILED, later, (Secret(SECRET),)) == one


def test_any_type_is_an_event_and_an_object_may_have_no_id() -> None:
    odd = changed(changed(FAILED, "type", "nobody.knows"), "data.object", {"object": "balance"})
    (event,) = read(odd)
    assert (event.type, event.subject) == ("nobody.knows", "")


@pytest.mark.parametrize(
    ("signed_by", "secrets"),
    [
        ((SECRET,), (SECRET,)),
        ((SECRET,), (ROLLED, SECRET)),
        ((ROLLED, SECRET), (SECRET,)),
        ((ROLLED, SECRET), (ROLLED,)),
        (("whsec_gone", SECRET), ("whsec_other", SECRET)),
    ],
)
def test_several_secrets_while_one_is_replaced(
    signed_by: tuple[str, ...], secrets: tuple[str, ...]
) -> None:
    mark = header(FAILED, *signed_by)
    assert parsed("stripe", FAILED, mark, tuple(Secret(each) for each in secrets))


@pytest.mark.parametrize("age_s", [-300, -1, 0, 1, 299, 300])
def test_five_minutes_either_way(age_s: int) -> None:
    mark = header(FAILED, SECRET, at=UNIX_NOW - age_s)
    assert parsed("stripe", FAILED, mark, (Secret(SECRET),), NOW)


GOOD = header(FAILED, SECRET)["stripe-signature"]
MARK = GOOD.partition("v1=")[2]


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "missing or too long"),
        ("", "missing or too long"),
        (GOOD + "," + "x" * 4_096, "missing or too long"),
        (f"t={UNIX_NOW}", "needs one `t` and a `v1`"),
        (f"v1={MARK}", "needs one `t` and a `v1`"),
        (f"t={UNIX_NOW},t={UNIX_NOW},v1={MARK}", "needs one `t` and a `v1`"),
        (f"t={UNIX_NOW},v0={MARK}", "needs one `t` and a `v1`"),
        (f"t={UNIX_NOW}" + f",v1={MARK}" * 17, "needs one `t` and a `v1`"),
        (f"t={UNIX_NOW},v1=", "does not fit"),
        (f"t={UNIX_NOW},v1={'0' * 64}", "does not fit"),
        (f"t={UNIX_NOW},v1={MARK[:-1]}", "does not fit"),
        (f"t={UNIX_NOW},v1={MARK.upper()}", "does not fit"),
        (f"t={UNIX_NOW},v1=é{CANARY}", "does not fit"),
        (f"t={UNIX_NOW + 1},v1={MARK}", "does not fit"),
        (header(FAILED, ROLLED)["stripe-signature"], "does not fit"),
        (header(changed(FAILED, "livemode", True), SECRET)["stripe-signature"], "does not fit"),
        (header(FAILED, SECRET, scheme="v0")["stripe-signature"], "needs one `t` and a `v1`"),
        (header(FAILED, SECRET, at=UNIX_NOW - 301)["stripe-signature"], "not within 300 s"),
        (header(FAILED, SECRET, at=UNIX_NOW + 301)["stripe-signature"], "not within 300 s"),
        (header(FAILED, SECRET, at=-1)["stripe-signature"], "not within 300 s"),
        (header(FAILED, SECRET, at="")["stripe-signature"], "not within 300 s"),
        (header(FAILED, SECRET, at="1e9")["stripe-signature"], "not within 300 s"),
        (header(FAILED, SECRET, at="9" * 30)["stripe-signature"], "not within 300 s"),
        (header(FAILED, SECRET, at=f" {UNIX_NOW}")["stripe-signature"], "does not fit|within"),
    ],
)
def test_a_signature_that_does_not_hold(given: str | None, says: str) -> None:
    headers = {} if given is None else {"stripe-signature": given}
    with pytest.raises(SignatureRefused, match=says) as caught:
        parsed("stripe", FAILED, headers, (Secret(SECRET),))
    assert SECRET not in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("secrets", [(), (Secret(""),)])
def test_without_a_secret_nothing_is_let_in(secrets: tuple[Secret, ...]) -> None:
    with pytest.raises(SignatureRefused, match="No secret is configured for stripe"):
        parsed("stripe", FAILED, header(FAILED, ""), secrets)


@pytest.mark.parametrize(
    ("document", "path", "value", "says"),
    [
        (FAILED, "object", "charge", "`object` must be event or v2.core.event"),
        (FAILED, "object", ..., "`object` is missing"),
        (FAILED, "id", ..., "`id` is missing"),
        (FAILED, "id", 5, "`id` must be text"),
        (FAILED, "type", ..., "`type` is missing"),
        (FAILED, "created", ..., "`created` must be a whole number"),
        (FAILED, "created", "2026-11-21T11:58:00Z", "`created` must be a whole number"),
        (FAILED, "created", 1.5, "`created` must be a whole number"),
        (FAILED, "created", True, "`created` must be a whole number"),
        (FAILED, "created", -1, "`created` must be a whole number"),
        (FAILED, "created", 10**12, "`created` must be a whole number"),
        (FAILED, "data", ..., "`data` is missing"),
        (FAILED, "data", [CANARY], "`data` must be an object"),
        (FAILED, "data.object", CANARY, "`data.object` must be an object"),
        (THIN, "created", 1_795_260_000, "`created` must be a time"),
        (THIN, "related_object", CANARY, "`related_object` must be an object"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    document: dict[str, Any], path: str, value: Any, says: str
) -> None:
    with pytest.raises(MalformedEvent) as caught:
        read(changed(document, path, value))
    assert says in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.proves("P10")
def test_a_body_beyond_the_limit_is_not_hashed() -> None:
    with pytest.raises(BodyTooLarge):
        parsed("stripe", b"x" * (1024 * 1024 + 1), {"stripe-signature": GOOD}, (Secret(SECRET),))
