"""What a live session is set to: when a turn is over, what interrupts, how far ahead sound is sent, how
long anything may take, and the fixed sentences. Values only; times are milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.model.call import CallMode


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When the person's turn is over: the ear says so (`by_service`), or `silence_ms` without a voice
    (0: the ear alone), or `wait_ms_max` after words that are final though the line is not quiet.
    Digits are over after `digits_ms` or a #."""

    by_service: bool = True
    silence_ms: int = 700
    wait_ms_max: int = 3_000
    digits_ms: int = 2_000


# English; a line in another language brings its own.
BACKCHANNELS = frozenset(
    {"ah", "aha", "hm", "hmm", "huh", "mhm", "mm", "mmm", "ok", "okay", "right", "sure", "uh", "um"}
    | {"yeah", "yep", "yes", "i see", "got it", "go on"}
)


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What of the person stops our speech: a loudness held for `hold_ms` (0: never), the ear's word
    that somebody speaks, `words_min` words. Without words in `resume_ms` it was none and we go on
    (0: what is interrupted is over). While we are audible and `guard_ms` after, loudness counts
    only above the guard's margins, since a speakerphone hands back our own voice."""

    allowed: bool = True
    hold_ms: int = 200
    by_service: bool = True
    words_min: int = 1
    resume_ms: int = 2_000
    guard_ms: int = 500
    guard_margin_db: float = 15.0
    guard_least_db: float = -35.0
    backchannels: frozenset[str] = BACKCHANNELS


@dataclass(frozen=True, slots=True)
class Pacing:
    """How far ahead of the person's ear sound is sent, and how much of it lies between two marks."""

    lead_ms: int = 120
    mark_ms: int = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session waits: for the stream to start, for sound from the provider, for the agent
    before it says the filler and before it gives up, for the person before it asks (`silence_asks`
    times) and before it ends, for speech to be made, for a mark after the sound it follows, for its own goodbye.
    `duration_ms` counts from the start of the stream. `pending_max` utterances may be unsaid."""

    start_ms: int = 5_000
    media_ms: int = 10_000
    filler_ms: int = 3_000
    agent_ms: int = 20_000
    silence_ms: int = 10_000
    silence_asks: int = 1
    duration_ms: int = 600_000
    synthesis_ms: int = 8_000
    mark_ms: int = 5_000
    goodbye_ms: int = 10_000
    utterance_ms_max: int = 120_000
    pending_max: int = 8


@dataclass(frozen=True, slots=True)
class Sentences:
    """What is said without an agent. An empty one is not said."""

    filler: str = "One moment, please."
    stuck: str = "I am sorry, I cannot answer right now. Please try again later. Goodbye."
    failed: str = "I am sorry, something went wrong. Could you say that again?"
    refused: str = "I am sorry, I cannot help with that on the phone."
    still_there: str = "Are you still there?"
    silence: str = "I cannot hear you, so I will hang up now. Goodbye."
    time_over: str = "Our time is over, so I have to hang up now. Goodbye."


@dataclass(frozen=True, slots=True)
class Script:
    """What this call opens with. `disclosure` is the operator's own text, heard to its end before
    anything else is said. `opening` are the words the call is for, under the decision that let them
    be said; without one they are the operator's own. NOTIFY hangs up when they were heard."""

    disclosure: str = field(default="", repr=False)
    opening: str = field(default="", repr=False)
    opening_decision: str = ""
    opening_interruptible: bool = True
    mode: CallMode = CallMode.CONVERSATION


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`sends_digits`: the provider's stream has a message for keys; without it they go as tones.
    `refusal_cuts`: one sentence that may not be said silences the whole answer."""

    endpointing: Endpointing = Endpointing()
    barge_in: BargeIn = BargeIn()
    pacing: Pacing = Pacing()
    limits: Limits = Limits()
    sentences: Sentences = Sentences()
    sends_digits: bool = False
    refusal_cuts: bool = False
