"""What each line hears and speaks with: adapters made from the operator's choices, once each, and closed
with the process."""

from __future__ import annotations

from ringfence.model.errors import ConfigInvalid, LineBlocked, SpeechError
from ringfence.model.voice import Route, SpeechChoice, TurnDetector, VoiceSettings
from ringfence.ports.realtime import TalksItself
from ringfence.ports.speech import Ears, Mouth
from ringfence.speech import ears, mouths, realtimes
from ringfence.speech.base import Turns, Wires


class SpeechDesk:
    """Fulfils `ports.speech.Speech`."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._ears: dict[tuple[SpeechChoice, Turns], Ears] = {}
        self._mouths: dict[SpeechChoice, Mouth] = {}

    def ears(self, voice: VoiceSettings, route: Route) -> Ears:
        choice = _chosen(route.ears, "stt")
        turns = Turns(voice.turns.detector is TurnDetector.SERVICE, voice.silence_ms)
        if (choice, turns) not in self._ears:
            kind = ears().get(choice.service)
            if kind is None:
                raise LineBlocked(f"Nothing hears with {choice.service}; set channels.voice.stt.")
            try:
                self._ears[choice, turns] = kind.make(choice, self._wires, turns)
            except (ConfigInvalid, SpeechError) as error:
                raise LineBlocked(f"channels.voice.stt: {error}") from error
        return self._ears[choice, turns]

    def mouth(self, voice: VoiceSettings, route: Route) -> Mouth:
        choice = _chosen(route.mouth, "tts")
        if choice not in self._mouths:
            kind = mouths().get(choice.service)
            if kind is None:
                raise LineBlocked(f"Nothing speaks with {choice.service}; set channels.voice.tts.")
            try:
                self._mouths[choice] = kind.make(choice, self._wires)
            except (ConfigInvalid, SpeechError) as error:
                raise LineBlocked(f"channels.voice.tts: {error}") from error
        return self._mouths[choice]

    def realtime(self, voice: VoiceSettings) -> TalksItself:
        """Nothing is held between calls: each has its own socket."""
        choice = voice.realtime
        if choice is None:
            raise LineBlocked("No model is chosen; set channels.voice.realtime.")
        kind = realtimes().get(choice.service.service)
        if kind is None:
            raise LineBlocked(f"{choice.service.service} has no realtime models here.")
        try:
            return kind.make(choice, self._wires, voice.silence_ms)
        except (ConfigInvalid, SpeechError) as error:
            raise LineBlocked(f"channels.voice.realtime: {error}") from error

    async def close(self) -> None:
        for ear in self._ears.values():
            await ear.close()
        for mouth in self._mouths.values():
            await mouth.close()


def _chosen(choice: SpeechChoice | None, key: str) -> SpeechChoice:
    if choice is None:
        raise LineBlocked(f"No service is chosen; set channels.voice.{key}.")
    return choice
