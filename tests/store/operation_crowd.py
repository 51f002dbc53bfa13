"""Many rows of the operations channel, and everything that is asked of them, for tests of cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from operation_rows import alert, ended, event, notice, planned, task, ticket
from store_rows import NOW, later, number

from ringfence.model.alert import Alert, AlertState, NoticeKind, NoticeState
from ringfence.model.oncall import Channel
from ringfence.model.planned import Planned, PlannedState
from ringfence.model.ticket import TaskState
from ringfence.ports import Beating, FlowSaid, PlannedEnd
from ringfence.store.transaction import Transaction

AT_ONCE = 1_000


def fill(tx: Transaction, alerts: int, waiting: int) -> None:
    """Every tenth alert is open and three quarters of these wait; ten share a text, a hundred a
    responder. As many messages as `waiting` wait, and a tenth as many are over."""
    for rows in _blocks(alerts):
        tx.alerts.add([_alert(n) for n in rows])
        notices = [notice(f"alr_{n}", f"who_{n // 100}", at=later(minutes=-n)) for n in rows]
        tx.alerts.add_notices(notices)
        tx.alerts.end_notices(
            [
                ended(one, NoticeState.TOLD, f"msg_{n // 10}", told_at=later(minutes=-n))
                for n, one in zip(rows, notices, strict=True)
                if n > 20
            ]
        )
        tx.tickets.add([ticket(f"tkt_{n}", f"alr_{n}") for n in rows])
        tx.tickets.owe([task(f"tsk_{n}", f"tkt_{n // 5}", due_at=later(minutes=n)) for n in rows])
        tx.source_events.add([event(f"evt_{n}", str(n), document={"n": n}) for n in rows])
    for rows in _blocks(waiting):
        tx.planned.add([_planned(n) for n in rows])
        tx.planned.say({("reminder", f"visit-{n}"): FlowSaid(NOW, "x") for n in rows})
    for rows in _blocks(waiting // 10):
        tx.planned.add(
            [planned(f"pln_over_{n}", key="k", state=PlannedState.PROPOSED) for n in rows]
        )


def asked(tx: Transaction) -> dict[str, Callable[[], object]]:
    """What the gateway asks again and again, each by a name."""
    first, here = notice("alr_7", "who_0"), ("incident", "prometheus", "key-7")
    return {
        "events in": lambda: tx.source_events.add([event("evt_new", "7"), event("evt_n", "new")]),
        "events known": lambda: tx.source_events.known([("prometheus", "7")]),
        "event outcome": lambda: tx.source_events.outcome({"evt_7": {"a": 1}}),
        "events of one": lambda: tx.source_events.listing(20, "prometheus", "evt_5950"),
        "events of another": lambda: tx.source_events.listing(20, "sentry", None),
        "events forgotten": lambda: tx.source_events.forget(later(days=-1), 100),
        "alert number": lambda: tx.alerts.next_number(),
        "alert of a key": lambda: tx.alerts.newest_of([here]),
        "alerts due": lambda: tx.alerts.due(later(days=-9), 50),
        "alert saved": lambda: tx.alerts.save([_alert(7)]),
        "alerts nudged": lambda: tx.alerts.nudge({"msg_5"}, NOW),
        "alerts open of one": lambda: tx.alerts.open_of("incident", "disk-3"),
        "alerts listed": lambda: tx.alerts.listing(20, [AlertState.TRIGGERED], "alr_5950"),
        "alerts late": lambda: tx.alerts.overdue(later(days=-9), 20),
        "alerts counted": lambda: tx.alerts.counts(),
        "notice made": lambda: tx.alerts.add_notices([first]),
        "notices owed": lambda: tx.alerts.owed(50),
        "notice ended": lambda: tx.alerts.end_notices([ended(first, NoticeState.TOLD, "msg_x")]),
        "notices moot": lambda: tx.alerts.moot(["alr_8"], "over"),
        "notices of": lambda: tx.alerts.notices_of("alr_8"),
        "alerts of a text": lambda: tx.alerts.of_message("msg_9"),
        "texts of an alert": lambda: tx.alerts.messages_of(["alr_50"]),
        "texts unsent": lambda: tx.alerts.unsent_of(["alr_50"]),
        "facts": lambda: tx.alerts.facts(["alr_50"], NOW),
        "texts lately": lambda: tx.alerts.sent_since(
            NoticeKind.ALERT, Channel.SMS, later(minutes=-60)
        ),
        "told whom": lambda: tx.alerts.told("who_3", 20),
        "notes": lambda: tx.alerts.notes("alr_9"),
        "link": lambda: tx.alerts.link("0f", NOW),
        "planned due": lambda: tx.planned.due(later(days=-1), 50),
        "planned ended": lambda: tx.planned.end([PlannedEnd("pln_7", PlannedState.CANCELLED)]),
        "planned of a key": lambda: tx.planned.waiting_of([("reminder", "visit-9")]),
        "planned unsent": lambda: tx.planned.unsent_of([("reminder", "visit-9")]),
        "flow said": lambda: tx.planned.said([("reminder", "visit-9")]),
        "flow says": lambda: tx.planned.say({("reminder", "visit-9"): FlowSaid(NOW, "x")}),
        "planned for a person": lambda: tx.planned.waiting_for(number(9)),
        "planned of a person": lambda: tx.planned.of_person(number(9)),
        "planned counted": lambda: tx.planned.count_of([("reminder", "visit-9")]),
        "planned lately": lambda: tx.planned.person_since([("reminder", number(9))], NOW),
        "planned listed": lambda: tx.planned.listing(20, None, False, None),
        "planned listed of": lambda: tx.planned.listing(20, "other", False, None),
        "planned waiting": lambda: tx.planned.listing(20, None, True, "pln_11950"),
        "planned waiting of": lambda: tx.planned.listing(20, "reminder", True, "pln_11950"),
        "tasks due": lambda: tx.tickets.due(later(days=-1), 50),
        "task owed": lambda: tx.tickets.owe([task("tsk_new", "tkt_0")]),
        "task saved": lambda: tx.tickets.save_tasks([task("tsk_0", "tkt_0", state=TaskState.DONE)]),
        "tasks dead": lambda: tx.tickets.dead(),
        "tickets of an alert": lambda: tx.tickets.of_alerts(["alr_9"]),
        "tickets listed": lambda: tx.tickets.listing(20, "board", "tkt_5950"),
        "overrides": lambda: tx.duty.overrides("primary", NOW),
        "maintenance": lambda: tx.duty.maintenance(NOW),
        "verified": lambda: tx.duty.verified([number(1)]),
        "beat": lambda: tx.duty.beat(Beating("cron", "b", NOW, 60, 9, later(minutes=1))),
        "beats due": lambda: tx.duty.beats_due(NOW, 9),
        "counts": lambda: tx.health.counts(),
        "dead letters": lambda: tx.health.dead_letters(),
        "forget": lambda: tx.health.forget(NOW),
    }


def _blocks(count: int) -> Iterator[range]:
    for start in range(0, count, AT_ONCE):
        yield range(start, min(start + AT_ONCE, count))


def _alert(n: int) -> Alert:
    if n % 10:
        return alert(n, state=AlertState.RESOLVED, next_at=None, service=f"disk-{n % 7}")
    waits = n % 40 != 0
    return alert(
        n,
        next_at=later(minutes=n) if waits else None,
        exhausted_at=None if waits else NOW,
        service=f"disk-{n % 7}",
    )


def _planned(n: int) -> Planned:
    return planned(f"pln_{n}", number=number(n), key=f"visit-{n}", due_at=later(minutes=n))
