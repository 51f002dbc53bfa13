"""`policy.classifier`, and a line's own: which configured agent looks at what agents write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ringfence.config.names import snake_keys
from ringfence.config.problems import MISSING, Problems
from ringfence.model.classifier import Classifier, OnFailure
from ringfence.model.line import Line

KEY = "classifier"


def classifier_of(
    line: Line,
    sections: Iterable[tuple[str, Mapping[str, Any]]],
    agents: Iterable[str],
    problems: Problems,
    warnings: list[str],
) -> Classifier | None:
    """The line's classifier, if it has one. `sections` are the policy's, as for `policy_of`; what
    cannot be right goes to `problems`, what is only doubtful to `warnings`."""
    keys: dict[str, Any] = {}
    path = ""
    for place, values in sections:
        if KEY in values:
            path = f"{place}.{KEY}"
            keys |= snake_keys(values[KEY])
    if not path:
        return None
    wanted = keys.pop("agent", MISSING)
    known = sorted(agents)
    if wanted not in known:
        names = ", ".join(known) or "none is configured"
        problems.add(f"{path}.agent", f"the name of an agent ({names})", wanted)
        return None
    if wanted == line.agent_id:
        warnings.append(
            f"{path}.agent is {wanted}, which also answers for line {line.id}: an agent does not see "
            "its own mistakes; ask another"
        )
    if "on_failure" in keys:
        keys["on_failure"] = OnFailure(keys["on_failure"])
    return Classifier(wanted, **keys)
