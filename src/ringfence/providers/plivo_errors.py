"""Plivo's error codes and what each means for us: one literal, from the vendor's list of message error
codes (facts 2.10). They come with a message's end, in reports and when it is read; a request that is
refused has words and an HTTP status only. Codes that are not here are permanent and want a person's eye."""

from __future__ import annotations

from ringfence.model.outbox import ErrorClass
from ringfence.providers.meanings import Meaning, meaning_in

OPTED_OUT = 200
NO_CREDIT = 900


_SENDER = "Check the line's number or Powerpack in the Plivo console."
_ADDRESS = "Correct the recipient's number."
_BUG = "This is a mistake in the request; please report it."

MEANINGS: dict[int, Meaning] = {
    10: Meaning(ErrorClass.PERMANENT, "A carrier calls the message invalid."),
    20: Meaning(ErrorClass.BOUNDED_RETRY, "The recipient's carrier had network trouble."),
    30: Meaning(
        ErrorClass.REPUTATION,
        "A carrier took the message for spam.",
        "Look at what was written, and to whom; register the sender.",
    ),
    40: Meaning(ErrorClass.CONFIG, "The sending number cannot send messages.", _SENDER),
    50: Meaning(ErrorClass.BAD_ADDRESS, "The recipient cannot receive messages.", _ADDRESS),
    60: Meaning(ErrorClass.PERMANENT, "A carrier saw messages going in a loop."),
    70: Meaning(ErrorClass.BAD_ADDRESS, "The recipient's number is not in use.", _ADDRESS),
    80: Meaning(ErrorClass.BOUNDED_RETRY, "The handset cannot be reached."),
    90: Meaning(ErrorClass.PERMANENT, "No carrier has a route to the recipient."),
    100: Meaning(ErrorClass.PERMANENT, "The recipient's carrier does not take such messages."),
    110: Meaning(ErrorClass.PERMANENT, "The text is too long.", _BUG),
    OPTED_OUT: Meaning(ErrorClass.OPT_OUT, "The recipient has opted out."),
    201: Meaning(ErrorClass.CONFIG, "A US toll-free number cannot write to Canada.", _SENDER),
    300: Meaning(ErrorClass.BOUNDED_RETRY, "The provider could not hand the message on."),
    420: Meaning(ErrorClass.PERMANENT, "The message waited too long at the provider."),
    450: Meaning(
        ErrorClass.CONFIG,
        "Messaging to the recipient's country is not enabled.",
        "Allow the country in the provider's geo permissions for messaging.",
    ),
    NO_CREDIT: Meaning(
        ErrorClass.STOP_LINE, "The account has no credit left.", "Add credit at the provider."
    ),
    910: Meaning(ErrorClass.STOP_LINE, "The account is disabled.", "Speak with Plivo's support."),
    1000: Meaning(ErrorClass.BOUNDED_RETRY, "The carrier failed without saying why."),
}


def meaning(code: int | None) -> Meaning:
    """What `code` means; unknown codes and no code are permanent, to be reviewed."""
    return meaning_in(MEANINGS, code)
