"""The carrier's media streams, by call: how one is opened, with which dialect, ids and faults. What a
stream does is in stream_life.py.

`voice.streams.open(session, url, "twilio", parameters=…)` is all that call control needs; the stream ends
by itself with the leg, and by `stop()` before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ringfence.simulator.stream_dialects import SKINS
from ringfence.simulator.stream_life import Stream, StreamFaults, Told
from ringfence.simulator.stream_playout import Ear
from ringfence.simulator.stream_skin import About, Skin
from ringfence.simulator.stream_sockets import Dial, LoopbackSockets
from ringfence.simulator.stream_voice import Mouth

if TYPE_CHECKING:
    from ringfence.simulator.call_session import Session
    from ringfence.simulator.calls import Call
    from ringfence.simulator.exchange import Exchange

STREAMS_KEPT: Final = 1_000


class Streams:
    """The media streams of one exchange. `dial` may be replaced by sockets into an application in this
    process (`DirectSockets`), `mouth` by any function from words to µ-law, `faults` by what a test wants
    of a call; `skins` are the dialects by name."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.dial: Dial = LoopbackSockets(exchange.deliverer)
        self.mouth: Mouth | None = None
        self.faults: Callable[[Call], StreamFaults] = self._drawn
        self.skins: dict[str, Skin] = dict(SKINS)
        self.all: deque[Stream] = deque(maxlen=STREAMS_KEPT)

    def open(
        self,
        session: Session,
        url: str,
        dialect: str,
        *,
        parameters: Iterable[tuple[str, str]] = (),
        two_way: bool = True,
        call_id: str = "",
        account_id: str = "",
        session_id: str = "",
        stream_id: str = "",
        client_state: str = "",
        token: str = "",
        told: Told | None = None,
    ) -> Stream:
        """Open a stream of `session`'s leg to `url`, in the background. Ids are those of the dialect;
        where they are empty, the call's and account's SIDs and a dealt one are told. `told` hears
        `started`, `stopped` and `failed`. Await `stream.over()` where instructions wait for the
        application to close; call `stream.stop()` to end it from here. Raises KeyError for an unknown
        dialect."""
        skin, call = self.skins[dialect], session.call
        about = About(
            stream_id=stream_id or self._deal(skin),
            call_id=call_id or call.sid,
            account_id=account_id or call.account_sid,
            caller=call.caller,
            called=call.called,
            session_id=session_id,
            parameters=tuple(parameters),
            client_state=client_state,
            token=token,
            auth_token=self.exchange.carrier.accounts[call.account_sid].auth_token,
        )
        address = url if skin.has_query else url.partition("#")[0].partition("?")[0]
        faults = self.faults(call)
        stream = Stream(self, session, skin, about, address, faults, session.ear, two_way, told)
        self._begin(stream)
        if faults.doubled_after_s is not None:
            self.exchange.spawn(self._double(stream, faults.doubled_after_s))
        return stream

    def of(self, call: Call) -> Sequence[Stream]:
        """The streams of a call, oldest first."""
        return [stream for stream in self.all if stream.session.call is call]

    def _begin(self, stream: Stream) -> None:
        self.all.append(stream)
        self.exchange.spawn(stream.run())

    async def _double(self, first: Stream, after_s: float) -> None:
        """Twilio has been seen to open a second socket for a call (voice.md 1.4). Nobody hears it."""
        await self.exchange.clock.sleep(after_s)
        if first.is_over:
            return
        about = replace(first.about, stream_id=self._deal(first.skin))
        faults, ear = StreamFaults(), Ear()
        self._begin(
            Stream(self, first.session, first.skin, about, first.url, faults, ear, first.two_way)
        )

    def _deal(self, skin: Skin) -> str:
        sids = self.exchange.carrier.sids
        return sids.deal("MZ") if skin.name == "twilio" else sids.idempotency_token()

    def _drawn(self, call: Call) -> StreamFaults:
        """What the world's dice say of a call."""
        dice = self.exchange.dice
        faults, chance, ordinal = dice.faults, dice.chance, call.ordinal
        doubled = chance(faults.stream_doubled, "stream doubled", ordinal)
        dropped = chance(faults.stream_dropped, "stream dropped", ordinal)
        slow = chance(faults.stream_slow, "stream slow", ordinal)
        return StreamFaults(
            doubled_after_s=faults.stream_doubled_s if doubled else None,
            dropped_after_ms=int(faults.stream_dropped_s * 1000) if dropped else None,
            reads_every_s=faults.stream_slow_s if slow else 0.0,
            disordered=faults.stream_disordered,
        )
