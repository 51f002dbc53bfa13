"""What the gate says to a text that nobody has proposed yet, for people to look at. For a transaction
that is undone; nothing here sends."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from ringfence.gateway import disclosing
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import preview
from ringfence.gateway.views import moment
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Tx

_LINK: Final = re.compile(r"/a/[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")


def gate_view(kit: Equipment, tx: Tx, proposal: Proposal, at: datetime) -> dict[str, Any]:
    """The text as it would leave (with what the person must be told first), its cost, and the
    decision of that time. `state` is queued, held (a person decides) or refused; `not_before` is when
    it leaves where only time holds it."""
    ((dressed, _),) = disclosing.dress(tx, [proposal])
    seen = preview(kit, tx, proposal, at)
    return {
        "text": _LINK.sub("/a/…", dressed.body),
        "segments": sum(one.segments for one in seen.parts),
        "encoding": seen.parts[0].encoding.value,
        "line": proposal.line.id,
        "state": seen.status.value,
        "not_before": moment(seen.until),
        "reasons": [{"rule": one.rule, "code": one.code, "text": one.text} for one in seen.reasons],
    }


def number_view(number: PhoneNumber, reveal: bool) -> str:
    return number.e164 if reveal else number.masked
