"""The dialects of media sockets that the simulated carrier speaks, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ringfence.simulator.stream_plivo import Plivo
from ringfence.simulator.stream_skin import Skin
from ringfence.simulator.stream_telnyx import Telnyx
from ringfence.simulator.stream_twilio import Twilio

SKINS: Final[Mapping[str, Skin]] = {skin.name: skin for skin in (Twilio(), Telnyx(), Plivo())}
