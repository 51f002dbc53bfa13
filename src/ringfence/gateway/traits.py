"""What the gate must know of a text besides its address: worked out here, once, when it is proposed,
and stored with it. Depends on the text, the line's policy and the shipped lists alone."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence.gateway.equipment import Equipment
from ringfence.model.draft import Traits
from ringfence.model.line import Line
from ringfence.text.segments import Segments


def traits_of(kit: Equipment, line: Line, body: str, parts: Sequence[Segments]) -> Traits:
    """The traits of a text; what does not depend on its words is for the caller to add."""
    encodings = {part.encoding.value for part in parts}
    return Traits(
        segments=sum(part.segments for part in parts),
        encoding=encodings.pop() if len(encodings) == 1 else "UCS-2",
    )
