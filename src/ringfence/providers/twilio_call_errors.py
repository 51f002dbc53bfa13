"""What Twilio's error codes mean for calls (facts voice 1.1, 1.4; twilio.com/docs/api/errors, read
2026-11). A table and its reader. A call is never placed again by itself unless its code proves that
the one before was not taken."""

from __future__ import annotations

from ringfence.model.outbox import ErrorClass
from ringfence.providers.meanings import Meaning, meaning_in

_ADDRESS = "Correct the number."
_SENDER = "Check the line's number in the provider's console: it must be yours and able to call."
_GEO = "Allow the country in the provider's voice geographic permissions."
_REACH = "Check that the public voice URL is reachable from the internet and answers in time."
_BUG = "This is a mistake in the request; please report it."
_SUPPORT = "Speak with the provider's support."

CALL_MEANINGS: dict[int, Meaning] = {
    10001: Meaning(ErrorClass.STOP_LINE, "The account is not active.", _SUPPORT),
    10004: Meaning(
        ErrorClass.RETRY_LATER,
        "The account has as many calls at once as it may.",
        "Lower maxConcurrentCalls, or have the account's limit raised.",
    ),
    10005: Meaning(ErrorClass.STOP_LINE, "Calling is switched off for this account.", _SUPPORT),
    20003: Meaning(
        ErrorClass.STOP_LINE,
        "The provider refuses the credentials.",
        "Check the account id and auth token (or API key).",
    ),
    20404: Meaning(ErrorClass.PERMANENT, "The provider knows no such account or call."),
    20429: Meaning(ErrorClass.RETRY, "Too many requests at once; this one was not processed."),
    21200: Meaning(ErrorClass.PERMANENT, "The request for a call is incomplete.", _BUG),
    21201: Meaning(ErrorClass.PERMANENT, "The request names nobody to call.", _BUG),
    21205: Meaning(ErrorClass.CONFIG, "The provider refuses the voice URL.", _REACH),
    21210: Meaning(ErrorClass.CONFIG, "The provider does not let this number call.", _SENDER),
    21211: Meaning(ErrorClass.BAD_ADDRESS, "That is not a number that can be called.", _ADDRESS),
    21212: Meaning(ErrorClass.CONFIG, "The calling number is not valid.", _SENDER),
    21213: Meaning(ErrorClass.CONFIG, "The request has no calling number.", _SENDER),
    21214: Meaning(ErrorClass.BAD_ADDRESS, "That number cannot be reached.", _ADDRESS),
    21215: Meaning(ErrorClass.CONFIG, "The account may not call that region.", _GEO),
    21216: Meaning(ErrorClass.CONFIG, "The account may not call that number.", _GEO),
    21217: Meaning(ErrorClass.BAD_ADDRESS, "That does not look like a phone number.", _ADDRESS),
    21219: Meaning(
        ErrorClass.CONFIG,
        "A trial account calls verified numbers only.",
        "Verify the number or upgrade the account.",
    ),
    21220: Meaning(ErrorClass.PERMANENT, "The call is not under way."),
    13224: Meaning(ErrorClass.BAD_ADDRESS, "That number cannot be dialled.", _ADDRESS),
    13225: Meaning(ErrorClass.BAD_ADDRESS, "The provider blocks calls to that number.", _ADDRESS),
    13227: Meaning(ErrorClass.CONFIG, "The account may not call that country.", _GEO),
    573005: Meaning(
        ErrorClass.CONFIG,
        "A trial account calls numbers whose verification is complete.",
        "Finish the verification or upgrade the account.",
    ),
    11200: Meaning(ErrorClass.CONFIG, "The provider could not fetch the instructions.", _REACH),
    11205: Meaning(ErrorClass.CONFIG, "The provider could not connect to the voice URL.", _REACH),
    12100: Meaning(ErrorClass.PERMANENT, "The provider could not read the instructions.", _BUG),
    12200: Meaning(ErrorClass.PERMANENT, "The provider refuses the instructions.", _BUG),
    31901: Meaning(
        ErrorClass.CONFIG, "The provider could not connect to the audio stream.", _REACH
    ),
    31910: Meaning(ErrorClass.CONFIG, "The audio stream's certificate was refused.", _REACH),
    31920: Meaning(ErrorClass.CONFIG, "The audio stream's address did not answer as one.", _REACH),
    31921: Meaning(ErrorClass.PERMANENT, "The audio stream was closed."),
    31922: Meaning(ErrorClass.PERMANENT, "The audio stream's address must be wss.", _BUG),
    31924: Meaning(ErrorClass.PERMANENT, "The audio stream broke its protocol.", _BUG),
    31930: Meaning(ErrorClass.PERMANENT, "The audio stream was read too slowly."),
    31950: Meaning(ErrorClass.PERMANENT, "A message on the audio stream was malformed.", _BUG),
    31951: Meaning(ErrorClass.PERMANENT, "A message on the audio stream was not understood.", _BUG),
    64107: Meaning(ErrorClass.PERMANENT, "A message on the relay was not understood.", _BUG),
    64109: Meaning(
        ErrorClass.RETRY_LATER,
        "The account has as many relayed calls at once as it may.",
        "Lower maxConcurrentCalls, or have the account's limit raised.",
    ),
}


def call_meaning(code: int | None) -> Meaning:
    """What `code` means for a call; unknown codes and no code are permanent, to be reviewed."""
    return meaning_in(CALL_MEANINGS, code, "The provider refused the call.")
