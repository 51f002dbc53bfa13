"""What Telnyx's error codes mean for calls (facts voice 1.6; developers.telnyx.com, API errors and
receiving webhooks, read 2026-11), and what its causes of an end are in our words. Tables and their
readers. A call is never placed again by itself unless its code proves that the one before was not
taken."""

from __future__ import annotations

from ringfence.model.call import CallState
from ringfence.model.outbox import ErrorClass
from ringfence.providers.meanings import Meaning, meaning_in
from ringfence.providers.telnyx_errors import MEANINGS

CALL_ENDED = 90018
NO_SUCH = 10005
_SIP_UNAVAILABLE = 480  # a phone that is off: nobody failed, nobody answered

_BUG = "This is a mistake in the request; please report it."
_SENDER = "Check the line's number in the Telnyx portal: it must be yours and able to call."

_OWN: dict[int, Meaning] = {
    10001: Meaning(ErrorClass.CONFIG, "The calling number is not active.", _SENDER),
    NO_SUCH: Meaning(ErrorClass.PERMANENT, "The provider knows no such call or application."),
    10015: Meaning(
        ErrorClass.CONFIG,
        "The provider refuses the request.",
        "Check connectionId, and that the application has an outbound voice profile.",
    ),
    90015: Meaning(ErrorClass.PERMANENT, "That is not a call id of the provider.", _BUG),
    CALL_ENDED: Meaning(ErrorClass.PERMANENT, "The call is over."),
}
# What the provider's general codes mean is the same for texts and calls.
CALL_MEANINGS: dict[int, Meaning] = {
    code: known for code, known in MEANINGS.items() if code < 40_000
} | _OWN

ENDS: dict[str, CallState] = {
    "normal_clearing": CallState.ENDED,
    "time_limit": CallState.ENDED,
    "originator_cancel": CallState.CANCELLED,
    "user_busy": CallState.BUSY,
    "call_rejected": CallState.BUSY,
    "timeout": CallState.NO_ANSWER,
    "no_answer": CallState.NO_ANSWER,
    "not_found": CallState.FAILED,
    "unspecified": CallState.FAILED,
}


def call_meaning(code: int | None) -> Meaning:
    """What `code` means for a call; unknown codes and no code are permanent, to be reviewed."""
    return meaning_in(CALL_MEANINGS, code, "The provider refused the call.")


def end_state(cause: str, sip_code: int | None, *, was_answered: bool) -> CallState:
    """The end a cause stands for; a cause we do not know is a failure. Nobody who answered was busy."""
    state = ENDS.get(cause, CallState.FAILED)
    if state is CallState.FAILED and sip_code == _SIP_UNAVAILABLE:
        state = CallState.NO_ANSWER
    if was_answered and state is not CallState.FAILED:
        return CallState.ENDED
    return state
