"""Twilio's error codes and what each means for us: one literal (facts 2.6). Codes that are not here
are permanent and want a person's eye: Twilio says codes may change without notice."""

from __future__ import annotations

from ringfence.model.outbox import ErrorClass
from ringfence.providers.meanings import Meaning, meaning_in

_SENDER = "Check the line's number or Messaging Service in the provider's console."
_REGISTER = "Finish the sender's registration; until then this traffic is blocked."
_ADDRESS = "Correct the recipient's number."
_BUG = "This is a mistake in the request; please report it."
_REACH = "Check that the public URL is reachable from the internet and answers in time."

MEANINGS: dict[int, Meaning] = {
    20003: Meaning(
        ErrorClass.STOP_LINE,
        "The provider refuses the credentials.",
        "Check the account id and auth token (or API key).",
    ),
    20404: Meaning(ErrorClass.PERMANENT, "The provider knows no such account or message."),
    20429: Meaning(ErrorClass.RETRY, "Too many requests at once; this one was not processed."),
    14107: Meaning(ErrorClass.RETRY, "The message rate was exceeded; this one was not processed."),
    21211: Meaning(ErrorClass.BAD_ADDRESS, "The recipient is not a valid number.", _ADDRESS),
    21614: Meaning(ErrorClass.BAD_ADDRESS, "The recipient cannot receive messages.", _ADDRESS),
    21408: Meaning(
        ErrorClass.CONFIG,
        "Messaging to the recipient's country is not enabled.",
        "Allow the country in the provider's messaging geographic permissions.",
    ),
    21606: Meaning(ErrorClass.CONFIG, "The sender cannot send to this recipient.", _SENDER),
    21612: Meaning(ErrorClass.CONFIG, "There is no route from sender to recipient.", _SENDER),
    21703: Meaning(ErrorClass.CONFIG, "The Messaging Service has no sender.", _SENDER),
    21704: Meaning(ErrorClass.CONFIG, "The Messaging Service has no usable sender.", _SENDER),
    21608: Meaning(
        ErrorClass.CONFIG,
        "A trial account reaches verified numbers only.",
        "Verify the recipient or upgrade the account.",
    ),
    21609: Meaning(
        ErrorClass.CONFIG, "The provider refuses the address for status reports.", _REACH
    ),
    21610: Meaning(ErrorClass.OPT_OUT, "The recipient has opted out."),
    21611: Meaning(ErrorClass.RETRY_LATER, "The sender's queue is full."),
    21617: Meaning(ErrorClass.PERMANENT, "The text is longer than 1600 characters.", _BUG),
    30001: Meaning(ErrorClass.RETRY_LATER, "The provider's queue overflowed."),
    30002: Meaning(
        ErrorClass.STOP_LINE, "The account is suspended.", "Speak with the provider's support."
    ),
    30003: Meaning(ErrorClass.BOUNDED_RETRY, "The handset cannot be reached."),
    30004: Meaning(ErrorClass.REPUTATION, "The recipient or their carrier blocks this sender."),
    30005: Meaning(ErrorClass.BAD_ADDRESS, "The recipient's number is unknown.", _ADDRESS),
    30006: Meaning(ErrorClass.BAD_ADDRESS, "The recipient is a landline.", _ADDRESS),
    30007: Meaning(ErrorClass.REPUTATION, "The carrier filtered the message as unwanted."),
    30008: Meaning(ErrorClass.BOUNDED_RETRY, "The carrier failed without saying why."),
    30022: Meaning(ErrorClass.RETRY_LATER, "The 10DLC rate was exceeded."),
    30023: Meaning(ErrorClass.RETRY_LATER, "The 10DLC daily cap is used up."),
    30024: Meaning(ErrorClass.CONFIG, "A carrier does not know the sender (yet).", _REGISTER),
    30027: Meaning(ErrorClass.RETRY_LATER, "The day's T-Mobile segments are used up."),
    30032: Meaning(ErrorClass.CONFIG, "The toll-free number is not verified.", _REGISTER),
    30033: Meaning(ErrorClass.CONFIG, "The 10DLC campaign is suspended.", _REGISTER),
    30034: Meaning(ErrorClass.CONFIG, "The sender has no 10DLC registration.", _REGISTER),
    30035: Meaning(ErrorClass.CONFIG, "The number is still being set up for 10DLC.", _REGISTER),
    30036: Meaning(ErrorClass.PERMANENT, "The message waited too long at the provider."),
    30037: Meaning(ErrorClass.CONFIG, "Sending is switched off for this account.", _SENDER),
    30047: Meaning(ErrorClass.PERMANENT, "The provider could not move the message to its hours."),
    30410: Meaning(ErrorClass.BOUNDED_RETRY, "The carrier did not answer in time."),
    30450: Meaning(ErrorClass.REPUTATION, "The provider suspects message pumping."),
    30610: Meaning(ErrorClass.PERMANENT, "The provider holds the recipient's quiet hours."),
    30640: Meaning(ErrorClass.PERMANENT, "The provider blocks messages to this recipient."),
    63018: Meaning(ErrorClass.RETRY, "The channel's rate was exceeded."),
    11200: Meaning(ErrorClass.CONFIG, "The provider could not reach the webhook.", _REACH),
    11205: Meaning(ErrorClass.CONFIG, "The provider could not connect to the webhook.", _REACH),
    12100: Meaning(ErrorClass.CONFIG, "The provider could not read the webhook's answer.", _REACH),
    12200: Meaning(ErrorClass.CONFIG, "The provider could not read the webhook's answer.", _REACH),
} | {
    # 35111 to 35126 are scheduling errors; we never let the provider schedule (facts 2.6).
    code: Meaning(ErrorClass.PERMANENT, "The provider refuses the schedule.", _BUG)
    for code in range(35111, 35127)
}


def meaning(code: int | None) -> Meaning:
    """What `code` means; unknown codes and no code are permanent, to be reviewed."""
    return meaning_in(MEANINGS, code)
