"""What Plivo's hangup causes mean for calls (plivo.com/docs/voice/troubleshooting/hangup-causes, read
2026-11): a table and its reader. They come with a call's end; a request that is refused has words only.
A call is never placed again by itself unless its code proves that the one before was not taken."""

from __future__ import annotations

from ringfence.model.outbox import ErrorClass
from ringfence.providers.meanings import Meaning, meaning_in
from ringfence.providers.plivo_errors import MEANINGS, NO_CREDIT

_ADDRESS = "Correct the number."
_SENDER = "Check the line's number in the Plivo console: it must be yours and able to call."
_GEO = "Allow it in the provider's voice geo permissions."
_REACH = "Check that the public voice URL is reachable from the internet and answers in time."
_BUG = "This is a mistake in the answer; please report it."
_SUPPORT = "Speak with Plivo's support."

ORDINARY_ENDS = frozenset({0, 1000, 3000, 3010, 3020, 4000, 4010, 4020, 4030, 6000, 6010})
"""Causes that are no errors: somebody hung up, did not answer, was busy, or the time was over."""

_NOT_FETCHED = Meaning(ErrorClass.CONFIG, "The provider could not fetch the instructions.", _REACH)
_NO_ADDRESS = Meaning(ErrorClass.CONFIG, "The provider refuses the voice URL.", _REACH)
_NOT_READ = Meaning(ErrorClass.PERMANENT, "The provider could not read the instructions.", _BUG)
_BARRED = Meaning(ErrorClass.CONFIG, "The account may not call there.", _GEO)
_NOBODY = Meaning(ErrorClass.BAD_ADDRESS, "That number is not in use.", _ADDRESS)
_CARRIER = Meaning(ErrorClass.PERMANENT, "The person's carrier could not connect the call.")
_PLIVO = Meaning(ErrorClass.PERMANENT, "The provider could not connect the call.", _SUPPORT)

CALL_MEANINGS: dict[int, Meaning] = {
    NO_CREDIT: MEANINGS[NO_CREDIT],
    1010: MEANINGS[NO_CREDIT],
    1020: Meaning(ErrorClass.PERMANENT, "Too many calls to that number at once."),
    2000: Meaning(ErrorClass.BAD_ADDRESS, "That is not a number that can be called.", _ADDRESS),
    2010: Meaning(ErrorClass.BAD_ADDRESS, "That number is out of service.", _ADDRESS),
    2020: Meaning(ErrorClass.BAD_ADDRESS, "Nobody is registered at that address.", _ADDRESS),
    2030: _BARRED,
    2040: _BARRED,
    2050: _BARRED,
    2060: Meaning(ErrorClass.CONFIG, "The call would have called itself.", _SENDER),
    2070: Meaning(ErrorClass.CONFIG, "Rules for calls in India do not allow this one.", _SUPPORT),
    3030: Meaning(ErrorClass.CONFIG, "The provider does not know the calling number.", _SENDER),
    3040: Meaning(ErrorClass.PERMANENT, "The person's carrier refused the call."),
    3050: _NOBODY,
    3070: _CARRIER,
    3080: _CARRIER,
    3090: _CARRIER,
    3100: Meaning(ErrorClass.PERMANENT, "The person's lines are all busy."),
    3110: Meaning(ErrorClass.PERMANENT, "The person's side declined the call."),
    3120: _NOBODY,
    3130: Meaning(
        ErrorClass.REPUTATION,
        "A carrier took the call for spam.",
        "Look at who was called, and how often; have the number registered.",
    ),
    3140: Meaning(
        ErrorClass.CONFIG, "The calling number is listed as one that never calls.", _SENDER
    ),
    5000: _PLIVO,
    5010: _PLIVO,
    5020: _PLIVO,
    5030: Meaning(
        ErrorClass.CONFIG,
        "The account has as many calls at once as it may.",
        "Lower maxConcurrentCalls, or have the account's limit raised.",
    ),
    6020: Meaning(ErrorClass.PERMANENT, "There was no sound for a minute."),
    7011: _NOT_FETCHED,
    7012: _NOT_FETCHED,
    7013: _NOT_FETCHED,
    7014: _NOT_FETCHED,
    7022: _NO_ADDRESS,
    7023: _NO_ADDRESS,
    7024: _NO_ADDRESS,
    8011: _NOT_READ,
    8012: _NOT_READ,
    8013: _NOT_READ,
    8014: _NOT_READ,
    9100: Meaning(ErrorClass.PERMANENT, "An answering machine picked up."),
}


def call_meaning(code: int | None) -> Meaning:
    """What `code` means for a call; unknown codes and no code are permanent, to be reviewed."""
    return meaning_in(CALL_MEANINGS, code, "The provider refused the call.")
