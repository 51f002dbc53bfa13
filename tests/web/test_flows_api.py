"""Flows over HTTP: what they do, and a trial that leaves no trace."""

from __future__ import annotations

from typing import Any

from paged import operations
from ringfence.gateway import principals
from ringfence.model.principal import PrincipalKind
from telling import Story, telling

EVENT = {"id": "e1", "type": "incident.opened", "title": "Disk full", "data": {"service": "db"}}


async def bearer(story: Story, kind: PrincipalKind = PrincipalKind.VIEWER) -> dict[str, str]:
    wanted = principals.Wanted("ann", kind)
    issued = await principals.create(story.gateway.kit, wanted, "operator:t")
    return {"authorization": f"Bearer {issued.bearer}"}


async def test_flows_are_shown(store_url: str) -> None:
    async with telling(store_url, config=operations()) as story:
        auth = await bearer(story)
        status, document = await story.get("/api/v1/flows", **auth)
        assert (status, [one["name"] for one in document["flows"]]) == (200, ["incident"])
        status, flow = await story.get("/api/v1/flows/incident", **auth)
        assert (status, flow["alert"]["escalation"]) == (200, "ops")
        status, _ = await story.get("/api/v1/flows/nothing", **auth)
        assert status == 404


async def test_a_trial_says_what_would_happen_and_leaves_no_trace(store_url: str) -> None:
    async with telling(store_url, config=operations()) as story:
        auth = await bearer(story)
        status, document = await story.post("/api/v1/flows/try/generic", EVENT, **auth)
        assert status == 200
        [event] = document["events"]
        [flow] = event["flows"]
        assert flow["flow"] == "incident"
        assert "+15555550141" not in str(document)
        status, problem = await story.post("/api/v1/flows/try/generic", {"id": "x"}, **auth)
        assert (status, "`type`" in problem["detail"]) == (400, True)
        assert (await story.post("/api/v1/flows/try/none", EVENT, **auth))[0] == 404
        await story.passes(seconds=10)
        seen: Any = await story.read(
            lambda tx: (tx.alerts.counts(), tx.source_events.listing(1, None, None))
        )
        assert sum(seen[0].values()) == 0
        assert seen[1] == []
        assert story.phone("+15555550141").inbox == []
