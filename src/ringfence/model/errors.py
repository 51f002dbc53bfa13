"""The one error tree. Every error knows who is to blame, whether trying again can help, and
which HTTP status answers it. A class's docstring is its message; `detail` says what to do.

RingfenceError
├── WrongRequest                 theirs: the caller can fix it
│   ├── InvalidNumber            not a number we may use (never guessed)
│   ├── EmptyText                nothing left to send
│   ├── InvalidField             a field is unknown, missing or malformed
│   ├── BodyTooLarge             over a named limit
│   ├── BodyTimeout              the request did not finish arriving
│   ├── BodyUnreadable           the peer went away mid-body
│   ├── WrongMethod              this route does not take that method
│   ├── NotFound                 no such thing
│   ├── KeyReused                an idempotency key came back with another body
│   ├── NotResubmittable         a dead letter that must not, or cannot, be tried again
│   ├── NotReleasable            a message that is not held, or must not go now
│   ├── AlreadyDecided           somebody else was first, or its time is over
│   ├── DraftChanged             it is not what a person was asked about
│   ├── ConsentRefused           a change of consent that is not the caller's to make
│   ├── CallUnderWay             not before the call is over
│   ├── CallNotReady             a call that cannot be told anything now
│   ├── NobodySpoke              asked in a call, and no words came in time
│   ├── Forbidden                wrong door, wrong origin
│   │   └── NotPermitted         known, and not allowed to do that
│   ├── TokenRefused             no token where one is needed, or not a good one
│   ├── SignatureRefused         a webhook that is not the provider's
│   ├── MalformedEvent           signed, but not an event we can read
│   ├── MalformedFrame           a media socket's message that is none of its dialect
│   ├── MediaRefused             an attachment outside the limits
│   └── TooMany                  a rate or size limit of ours was reached
├── ProviderError                carrier's: what a provider answered
│   ├── ProviderRejected         permanent
│   ├── ProviderBusy             proof of non-acceptance; safe to retry
│   └── ProviderMisconfigured    credentials, sender or route; stop the line
├── NetError                     the wire between us and anybody
│   ├── NotDispatched            nothing was written; safe to retry
│   │   └── DestinationRefused   a place we never contact
│   └── PossiblyDispatched       bytes were written; outcome unknown
├── SpeechError                  a speech service, theirs: gone, or it refuses
├── AgentError                   the agent's side
│   ├── AgentUnavailable         not reached, or it asked to come later
│   ├── AgentTimeout             reached; no answer in time; never retried blindly
│   └── AgentRefused             it will never answer this
├── StoreError                   ours: the database
│   ├── StoreBusy                locked or full of waiting work; try again
│   ├── StoreUnreachable         gone, or silent; try again
│   ├── StoreFull                no room on the disk
│   ├── StoreCorrupt             the integrity check failed
│   └── SchemaTooNew             this program is older than the data
└── ConfigError                  the operator can fix it
    ├── ConfigInvalid            one or more bad values, each with its path
    ├── SecretUnavailable        a reference that cannot be resolved
    ├── TemplateChanged          another text under a name and version that were used
    ├── SourceBlocked            an event source whose secret cannot be looked up
    └── LineBlocked              a line that cannot work until an operator mends it
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Blame(Enum):
    """Who can make it stop happening."""

    OURS = "ours"
    THEIRS = "theirs"
    CARRIER = "carrier"
    OPERATOR = "operator"


class RingfenceError(Exception):
    """Something went wrong inside Ringfence."""

    blame: ClassVar[Blame] = Blame.OURS
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        self.detail = detail
        self.code = code or _code(type(self).__name__)
        super().__init__(detail)

    @property
    def title(self) -> str:
        """The class's docstring: the same words every time."""
        return (type(self).__doc__ or type(self).__name__).strip().splitlines()[0]

    def __str__(self) -> str:
        return f"{self.title} {self.detail}".strip()


def _code(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class WrongRequest(RingfenceError):
    """The request cannot be taken as it is."""

    blame = Blame.THEIRS
    http_status = 400


class InvalidNumber(WrongRequest):
    """That is not a phone number Ringfence may use."""


class EmptyText(WrongRequest):
    """There is no text to send."""


class InvalidField(WrongRequest):
    """A field is unknown, missing or malformed."""


class BodyTooLarge(WrongRequest):
    """The body is larger than this route takes."""

    http_status = 413


class BodyTimeout(WrongRequest):
    """The request did not finish arriving in time."""

    http_status = 503
    retryable = True


class BodyUnreadable(WrongRequest):
    """The request broke off before its end."""

    http_status = 503
    retryable = True


class WrongMethod(WrongRequest):
    """This route does not take that method."""

    http_status = 405


class NotFound(WrongRequest):
    """There is no such thing."""

    http_status = 404


class KeyReused(WrongRequest):
    """This idempotency key was used before with another body."""

    http_status = 422


class NotResubmittable(WrongRequest):
    """This cannot be tried again."""

    http_status = 409


class NotReleasable(WrongRequest):
    """This message cannot be let go or cancelled."""

    http_status = 409


class ConsentRefused(WrongRequest):
    """This change of consent cannot be made."""

    http_status = 409


class CallUnderWay(WrongRequest):
    """A call with this person is under way."""

    http_status = 409
    retryable = True


class CallNotReady(WrongRequest):
    """This call cannot take that now."""

    http_status = 409


class NobodySpoke(WrongRequest):
    """Nobody said anything in time."""

    http_status = 504


class AlreadyDecided(WrongRequest):
    """This draft is not waiting for a decision any more."""

    http_status = 409


class DraftChanged(WrongRequest):
    """This draft is not what a person was asked about."""

    http_status = 409


class Forbidden(WrongRequest):
    """This caller may not use this door."""

    http_status = 403


class NotPermitted(Forbidden):
    """This caller may not do that."""


class TokenRefused(WrongRequest):
    """This needs a good token."""

    http_status = 401


class SignatureRefused(WrongRequest):
    """The webhook does not carry the provider's signature."""

    http_status = 403


class MalformedEvent(WrongRequest):
    """The request is let in, but is no event Ringfence can read."""


class MalformedFrame(WrongRequest):
    """A media socket said what its dialect does not know."""


class MediaRefused(WrongRequest):
    """The attachment is outside the limits."""


class TooMany(WrongRequest):
    """A limit was reached."""

    http_status = 429
    retryable = True


class ProviderError(RingfenceError):
    """The provider answered with an error."""

    blame = Blame.CARRIER
    http_status = 502


class ProviderRejected(ProviderError):
    """The provider refused this for good."""


class ProviderBusy(ProviderError):
    """The provider asked to try again later."""

    retryable = True


class ProviderMisconfigured(ProviderError):
    """The provider refuses this line's credentials, sender or route."""

    blame = Blame.OPERATOR


class NetError(RingfenceError):
    """The network failed."""

    http_status = 502


class NotDispatched(NetError):
    """Nothing was sent; trying again is safe."""

    retryable = True


class DestinationRefused(NotDispatched):
    """Ringfence does not contact that address."""

    retryable = False


class PossiblyDispatched(NetError):
    """The request may have been received; the outcome is unknown."""


class SpeechError(RingfenceError):
    """A speech service is gone or refuses: of that object nothing more is to be had."""

    blame = Blame.THEIRS
    http_status = 502


class AgentError(RingfenceError):
    """The agent did not answer as it should."""

    blame = Blame.THEIRS
    http_status = 502


class AgentUnavailable(AgentError):
    """The agent could not be reached, or asked to be tried later.

    `retry_after_s` is how long it asked us to wait; None when it did not say."""

    retryable = True

    def __init__(
        self, detail: str = "", *, code: str | None = None, retry_after_s: float | None = None
    ) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail, code=code)


class AgentTimeout(AgentError):
    """The agent took the turn and did not answer in time."""


class AgentRefused(AgentError):
    """The agent will not answer this turn."""


class StoreError(RingfenceError):
    """The database failed."""

    http_status = 503


class StoreBusy(StoreError):
    """The database is busy."""

    retryable = True


class StoreUnreachable(StoreError):
    """The database cannot be reached."""

    retryable = True


class StoreFull(StoreError):
    """The disk has no room for another write."""

    blame = Blame.OPERATOR
    retryable = True


class StoreCorrupt(StoreError):
    """The database failed its integrity check."""

    blame = Blame.OPERATOR


class SchemaTooNew(StoreError):
    """The database was written by a newer Ringfence."""

    blame = Blame.OPERATOR


class ConfigError(RingfenceError):
    """The configuration cannot be used."""

    blame = Blame.OPERATOR


class ConfigInvalid(ConfigError):
    """The configuration has values Ringfence cannot take."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class SecretUnavailable(ConfigError):
    """A secret reference could not be resolved."""


class TemplateChanged(ConfigError):
    """This template says something else than when its version was first used."""

    http_status = 409


class SourceBlocked(ConfigError):
    """This event source cannot work until an operator mends its configuration."""

    http_status = 503
    retryable = True


class LineBlocked(ConfigError):
    """This line cannot work until an operator mends its configuration."""

    http_status = 503
    retryable = True
