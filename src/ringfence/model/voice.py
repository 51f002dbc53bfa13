"""How a line speaks and listens: what its operator chose for calls, as frozen values. What a call may
do is for the policy; what it says word by word is for the session. A route is taken once, when a call
begins, and stays what it was on that call (B124)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ringfence.model.call import CallMode
from ringfence.model.line import AccessPolicy, Secret
from ringfence.model.phone import PhoneNumber, same_digits

if TYPE_CHECKING:
    from ringfence.model.realtime import RealtimeChoice


class TurnDetector(Enum):
    """Who says that a person has finished speaking. SILENCE: `silence_ms` without speech. SERVICE: the
    speech service's own turn detection, and silence only where it has none."""

    SILENCE = "silence"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class SpeechChoice:
    """One speech service, for ears or mouth. `service` is the adapter's name; the rest in that
    service's own words, empty where its default is good. `language` is BCP 47. A choice whose secret
    cannot be had carries `blocked_reason`."""

    service: str
    model: str = ""
    voice: str = ""
    language: str = ""
    base_url: str = ""
    api_key: Secret | None = None
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True)
class Sentences:
    """What Ringfence says in its own name. `filler` while an agent thinks, `silence` to somebody who
    says nothing, `goodbye` before it hangs up, `time_up` shortly before the time limit, `stopped` when
    the kill switch ends a call, `fault` when nothing can be answered; the three of the PIN. An empty
    one is not said."""

    filler: str = "One moment, please."
    silence: str = "Are you still there?"
    goodbye: str = "Goodbye."
    time_up: str = "The time for this call is over. Goodbye."
    stopped: str = "This call has to end now. Goodbye."
    fault: str = "I am sorry, I cannot answer at the moment. Please try again later. Goodbye."
    ask_pin: str = "Please enter your code on the keypad, or say it digit by digit."
    wrong_pin: str = "That code is not right."
    no_pin: str = "I cannot let this call in. Goodbye."


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """When whose turn it is. Milliseconds and seconds as named. `interrupt_ms` of speech stop ours
    (None: nobody interrupts); where no words come of it within `resume_ms` we go on. `echo_guard_ms`
    after our own words a louder voice is needed. `filler_ms` without an answer bring the filler;
    `agent_s` is how long an agent may think. `nobody_s` without a word bring the sentence of silence,
    said `nobody_times` at most before the call ends."""

    detector: TurnDetector = TurnDetector.SILENCE
    interrupt_ms: int | None = 300
    resume_ms: int = 2_000
    echo_guard_ms: int = 500
    filler_ms: int = 1_500
    agent_s: int = 30
    nobody_s: int = 10
    nobody_times: int = 2


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Messages that callers leave after a tone. `prompt` asks for one, and must say that it is recorded;
    `seconds_max` is how long one may be, `silence_s` the silence that ends it, `hold_s` how long a caller
    is held before being asked for one."""

    prompt: str = (
        "Nobody can take your call at the moment. "
        "Please leave a message after the tone. It is recorded."
    )
    seconds_max: int = 120
    silence_s: int = 5
    hold_s: int = 60


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Live sound. `path` is where media sockets are opened on the public door, `url` the same as the
    provider reaches it (wss, without the token). A token lives `token_s`, a socket has `start_s` to
    start; `frame_bytes_max` bounds one message of it, `queue_frames_max` what is heard and not yet
    worked on (20 ms a frame), `lead_ms` how far ahead sound is handed to the provider, `grace_s` how
    long a lost stream may come back."""

    path: str
    url: str = field(repr=False)
    token_s: int = 30
    start_s: int = 5
    pending_max: int = 32
    pending_per_address_max: int = 4
    sockets_max: int = 128
    frame_bytes_max: int = 64 * 1024
    queue_frames_max: int = 250
    lead_ms: int = 120
    grace_s: int = 2


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The provider hears and speaks, and text travels over a socket at `url` (wss, without the token).
    `voice` is of the service that speaks, for calls in the line's own language; `speaks_by` and
    `hears_by` are services by the provider's names for them, empty for its own choice. `hints` are words
    to expect, separated by commas."""

    url: str = field(repr=False)
    voice: str = ""
    speaks_by: str = ""
    hears_by: str = ""
    hints: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """What is particular to calls to one number, complete: what the operator left out is the line's.
    `voice` is the provider's own, `language` BCP 47; `ears` and `mouth` are for streams; `agent_s` is
    how long the agent may think (None: as `turns` says)."""

    agent_id: str
    greeting: str = ""
    disclosure: str = ""
    language: str = "en-US"
    voice: str = ""
    ears: SpeechChoice | None = None
    mouth: SpeechChoice | None = None
    agent_s: int | None = None


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Calls of one line.

    `webhook_path` is where the provider asks on the public door, `validate_signature` whether it must
    sign. `access` is who may call in (PAIRING really pairs: a stranger is told a code, once, and an
    owner approves); `allow_from` and `allow_to` are E.164, who may call and who may be called;
    `allow_anyone` with OPEN. `pin` is asked of callers who were let in, `pin_tries` times at most.
    `mode` is what an outbound call is unless it says otherwise, `default_to` whom automation calls.

    `limit_s` is the provider's own ceiling from the answer on, `ring_s` how long it rings, `reap_s`
    after how long an unanswered call is hung up (0: never), `silence_ms` the end of somebody's turn,
    `notify_hangup_s` the pause between a notice and the hang-up, `reply_wait_s` how long ask-and-wait
    waits for words, `at_once` the calls under way together. `detects_machines` has the provider listen
    for answering machines; `voicemail` is left on one (empty: it is hung up on). `summary`: the owners
    are texted what came of a conversation somebody called in for. `messages`: callers may leave one where
    nobody takes the call (None: they may not).

    `route` is what holds for any number, `routes` what holds for some, by E.164 (`route_to`). `stream` is
    None where the provider itself speaks and listens; `realtime` the model that hears and speaks there
    by itself, in place of ear and agent. `connection_id` is Telnyx's call control
    application. `blocked_reason` says why there are no calls although they are configured (a secret
    that cannot be had, no public address): `Line.voice_url` is None then, while texts go on."""

    webhook_path: str
    route: Route
    access: AccessPolicy = AccessPolicy.DISABLED
    allow_from: frozenset[str] = field(default=frozenset(), repr=False)
    allow_anyone: bool = False
    allow_to: frozenset[str] = field(default=frozenset(), repr=False)
    default_to: PhoneNumber | None = None
    pin: Secret | None = None
    pin_tries: int = 3
    mode: CallMode = CallMode.NOTIFY
    limit_s: int = 300
    ring_s: int = 30
    reap_s: int = 120
    silence_ms: int = 800
    notify_hangup_s: int = 3
    reply_wait_s: int = 180
    at_once: int = 1
    detects_machines: bool = True
    voicemail: str = ""
    summary: bool = True
    messages: MessageSettings | None = None
    routes: tuple[tuple[str, Route], ...] = field(default=(), repr=False)
    turns: TurnTaking = field(default_factory=TurnTaking)
    sentences: Sentences = field(default_factory=Sentences)
    stream: StreamSettings | None = None
    relay: RelaySettings | None = None
    realtime: RealtimeChoice | None = None
    validate_signature: bool = True
    connection_id: str = ""
    blocked_reason: str | None = None

    @property
    def has_sockets(self) -> bool:
        """Conversations are held over sockets, and not by instructions."""
        return self.stream is not None or self.relay is not None

    def route_to(self, called: str) -> Route:
        """What holds for a call to `called`, however the provider writes the number (B124)."""
        found = (one for number, one in self.routes if same_digits(number, called))
        return next(found, self.route)

    def routes_to(self, called: str) -> bool:
        """The operator wrote something about calls to that number."""
        return any(same_digits(number, called) for number, _ in self.routes)
