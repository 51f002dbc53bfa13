"""What a live conversation needs from the rest of the gateway, and from whoever brings its socket:
narrow Protocols, and one value that says everything about a call that is about to be talked in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence.model.line import Line
from ringfence.ports.speech import Hearing, Mouth, Spoken
from ringfence.providers.media import SpeaksMedia
from ringfence.providers.relay import SpeaksRelay
from ringfence.voice.effects import (
    DigitPressed,
    DisclosureHeard,
    EndCall,
    PersonSaid,
    StreamOver,
    TurnTimed,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.settings import Script, SessionSettings

Recorded = (
    PersonSaid | DigitPressed | WordsBegun | WordsHeard | WordsNotSaid | DisclosureHeard | TurnTimed
)
"""What the record of a call is told. `WordsHeard` names the utterance of an earlier `WordsBegun`."""


class MediaSocket(Protocol):
    """One websocket to a provider, its text frames only."""

    async def send(self, text: str) -> None:
        """Raises ConnectionError once it is gone."""

    async def receive(self) -> str | None:
        """The next frame; None once no more will come."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of an agent's answer that can be decided about and said by itself. `hang_up`: the call is
    to end once all of the answer was heard; it may come with an empty text."""

    text: str = field(repr=False)
    interruptible: bool = True
    hang_up: bool = False


class AsksAgent(Protocol):
    """The agent of one call."""

    def ask(self, turn: int, text: str, digits: str) -> AsyncGenerator[Sentence, None]:
        """What a person said and pressed, answered in sentences, as they come. Nothing for silence
        (B140); closing it stops the agent. Raises AgentError."""


@dataclass(frozen=True, slots=True)
class MaySay:
    """What the gate decided of a sentence: `decision` is the audit entry that let it pass, empty when
    nothing did, and `reason` says why."""

    decision: str = ""
    reason: str = ""


class Listens(Protocol):
    """The ear of one call, to be opened."""

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        """Raises SpeechError."""


class Voiced(Protocol):
    """An agent whose words come with their own sound, and which needs to know what was heard."""

    def speak(self, utterance: int, turn: int, text: str) -> AsyncGenerator[Spoken, None]:
        """The sound of words that `ask` gave for this turn. Raises SpeechError."""

    def note(self, what: WordsBegun | WordsHeard) -> None:
        """Told in order, as it happens."""


class LiveCall(Protocol):
    """One call, as the call core keeps it."""

    async def may_say(self, turn: int, text: str) -> MaySay:
        """Decide act SPEAK of an agent's sentence, store the decision, and tell it. Asked for each
        sentence just before it may be said. Raises StoreError: then it is not said."""

    async def record(self, what: Recorded) -> None:
        """Store it. Told one at a time, in order. Whatever it raises is logged; the call goes on."""

    async def ended(self, how: EndCall | StreamOver) -> None:
        """The last thing told. EndCall: hang up at the provider, with retries. StreamOver: the stream
        ended without us, and only the provider knows whether the call did (REPLACED: another stream of
        the same call goes on; LEFT: this process ends, and the call is not to be hung up). The socket is closed after this returns."""


@dataclass(frozen=True, slots=True)
class Live:
    """A call that is about to be talked in. `provider_id` is the provider's id of the call, which the
    stream's start must name (empty where it is not known yet); `url` is the wss address that the
    provider was given, without the token: the upgrade's signature covers both. `heard_max` bounds sound that waits for the ear, in
    frames. `voiced`: the agent's own voice, where it has one; all other words are the mouth's."""

    call_id: str
    provider_id: str
    line: Line
    dialect: SpeaksMedia
    call: LiveCall
    agent: AsksAgent
    ears: Listens
    mouth: Mouth
    script: Script
    settings: SessionSettings
    url: str = field(default="", repr=False)
    language: str = "en-US"
    hints: Sequence[str] = ()
    heard_max: int = 250
    voiced: Voiced | None = None


@dataclass(frozen=True, slots=True)
class Relayed:
    """A call that is about to be talked in over a relay: as `Live`, but the provider hears and speaks."""

    call_id: str
    provider_id: str
    line: Line
    dialect: SpeaksRelay
    call: LiveCall
    agent: AsksAgent
    script: Script
    settings: SessionSettings
    url: str = field(default="", repr=False)
