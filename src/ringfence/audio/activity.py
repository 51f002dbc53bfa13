"""Whether somebody speaks, from the energy of µ-law frames against a floor that follows the line's own
noise. Needs no model; a speech model is better in noise. Time is counted in frames of 20 ms, so the
same audio gives the same answer. Must never take words for a decision: it hears loudness only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import log10

from ringfence.audio.frames import FRAME_MS
from ringfence.audio.g711 import ULAW_VALUES

QUIET_DB = -90.0  # of full scale: digital silence
_SQUARES = tuple(value * value for value in ULAW_VALUES)
_FULL_SCALE = 32_768.0**2


class Activity(Enum):
    STARTED = "started"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ActivitySettings:
    """`margin_db` above the floor and above `least_db` of full scale counts as speech. Speech starts
    after `start_ms` of it, and stops after `stop_ms` without."""

    margin_db: float = 9.0
    least_db: float = -48.0
    start_ms: int = 60
    stop_ms: int = 500


DEFAULTS = ActivitySettings()
_FLOOR_AT_FIRST_DB = -60.0
_FOLLOWS = 0.05  # of the way to a quiet frame's level
# Steady noise becomes the floor by and by; speech, which pauses, does not.
_RISES_DB = 0.5 * FRAME_MS / 1000


def level_db(frame: bytes) -> float:
    """The loudness of a µ-law frame against full scale, at least QUIET_DB."""
    if not frame:
        return QUIET_DB
    power = sum(map(_SQUARES.__getitem__, frame)) / len(frame)
    return max(QUIET_DB, 10 * log10(power / _FULL_SCALE)) if power else QUIET_DB


class EnergyDetector:
    """One direction of one call. `is_speech` is the state after the frames so far."""

    def __init__(self, settings: ActivitySettings = DEFAULTS) -> None:
        self._settings = settings
        self._floor_db = _FLOOR_AT_FIRST_DB
        self._loud_ms = 0
        self._quiet_ms = 0
        self.is_speech = False
        self.heard_ms = 0  # of audio, all of it

    @property
    def floor_db(self) -> float:
        return self._floor_db

    def hear(self, frame: bytes) -> Activity | None:
        """Take one frame; what changed by it."""
        self.heard_ms += FRAME_MS
        is_loud = self._is_loud(level_db(frame))
        if self.is_speech:
            self._quiet_ms = 0 if is_loud else self._quiet_ms + FRAME_MS
            if self._quiet_ms < self._settings.stop_ms:
                return None
            self.is_speech, self._loud_ms = False, 0
            return Activity.STOPPED
        self._loud_ms = max(0, self._loud_ms + (FRAME_MS if is_loud else -FRAME_MS))
        if self._loud_ms < self._settings.start_ms:
            return None
        self.is_speech, self._quiet_ms = True, 0
        return Activity.STARTED

    def _is_loud(self, db: float) -> bool:
        chosen = self._settings
        is_loud = db > max(self._floor_db + chosen.margin_db, chosen.least_db)
        if is_loud:
            self._floor_db += _RISES_DB
        else:
            self._floor_db += _FOLLOWS * (db - self._floor_db)
        return is_loud
