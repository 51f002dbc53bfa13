"""`python -m bench`: measure side by side on this machine and print the tables.

python -m bench [webhook|outbox|start|audit|policy|events|callbacks|watches|second|calls|all]
    [--store sqlite|postgres|both] [--quick|--long]"""

from __future__ import annotations

import argparse

from bench import (
    audit,
    callbacks,
    calls,
    events,
    outbox,
    policy,
    report,
    second,
    start,
    watches,
    webhook,
)

STORES = ("sqlite", "postgres")
WHAT = (
    "webhook",
    "outbox",
    "start",
    "audit",
    "policy",
    "events",
    "callbacks",
    "watches",
    "second",
    "calls",
)


def main() -> None:
    arguments = _arguments()
    stores = STORES if arguments.store == "both" else (arguments.store,)
    wanted = WHAT if arguments.what == "all" else (arguments.what,)
    print(f"{report.machine()}; others on this machine: load {report.load()}.", flush=True)
    if "webhook" in wanted:
        _webhook(stores, arguments)
    if "outbox" in wanted:
        _outbox(stores, arguments)
    if "start" in wanted:
        _start(arguments)
    if "audit" in wanted:
        _audit(stores, arguments)
    if "policy" in wanted:
        _policy(stores, arguments)
    if "events" in wanted:
        _events(stores, arguments)
    if "callbacks" in wanted:
        _callbacks(stores, arguments)
    if "watches" in wanted:
        _watches(stores, arguments)
    if "second" in wanted and "postgres" in stores:
        _second(arguments)
    if "calls" in wanted:
        _calls(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        choices=(*WHAT, "all"),
    )
    parser.add_argument("--store", default="both", choices=(*STORES, "both"))
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="a minute, rougher figures")
    length.add_argument(
        "--long", action="store_true", help="100,000 messages, a million audit entries"
    )
    return parser.parse_args()


def _webhook(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    size = webhook.QUICK if arguments.quick else webhook.NORMAL
    rows = [row for store in stores for row in webhook.rows(store, webhook.measure(store, size))]
    title = "Webhook to durable 200 (target: 60 % of bare; p99 under 50 ms at half the load)"
    print(report.table(title, webhook.COLUMNS, rows), flush=True)


def _outbox(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    size = outbox.QUICK if arguments.quick else outbox.LONG if arguments.long else outbox.NORMAL
    rows = [row for store in stores for row in outbox.rows(store, outbox.measure(store, size))]
    title = (
        "Outbox, gate and audit included, carrier answering in 50 ms "
        "(target: CPU under 1 ms; 1,000/s on SQLite, 700/s on PostgreSQL)"
    )
    print(report.table(title, outbox.COLUMNS, rows), flush=True)


def _audit(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    size = audit.QUICK if arguments.quick else audit.LONG if arguments.long else audit.NORMAL
    rows = [row for store in stores for row in audit.rows(store, audit.measure(store, size))]
    title = "Verifying the audit log (target: seconds per 100,000 entries)"
    print(report.table(title, audit.COLUMNS, rows), flush=True)


def _policy(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    size = policy.QUICK if arguments.quick else policy.LONG if arguments.long else policy.NORMAL
    measured = {store: policy.measure(store, size) for store in stores}
    rows = [row for store in stores for row in policy.gate_rows(store, measured[store].drains)]
    title = "What the gate costs the outbox (target: at most a quarter of its throughput)"
    print(report.table(title, policy.GATE_COLUMNS, rows), flush=True)
    alone = next((one for one in measured.values() if one.decisions is not None), None)
    if alone is None or alone.decisions is None:
        return
    title = "One decision, all rules (target: pure part 300 µs, with its facts 2 ms)"
    found = policy.decision_rows(alone.decisions)
    print(report.table(title, policy.DECISION_COLUMNS, found), flush=True)
    title = "Decisions made again (target: 100,000 in a minute)"
    print(report.table(title, policy.AGAIN_COLUMNS, policy.again_rows(alone.again)), flush=True)


def _events(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    size = events.QUICK if arguments.quick else events.LONG if arguments.long else events.NORMAL
    rows = [events.row(events.measure(store, size)) for store in stores]
    title = "Events to people, each delivered and reported (target: 200/s sustained)"
    print(report.table(title, events.COLUMNS, rows), flush=True)


def _callbacks(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    quick, long = arguments.quick, arguments.long
    size = callbacks.QUICK if quick else callbacks.LONG if long else callbacks.NORMAL
    rows = [callbacks.row(store, callbacks.measure(store, size)) for store in stores]
    title = "A burst of status callbacks (target: 5,000 acknowledged with p99 under 100 ms)"
    print(report.table(title, callbacks.COLUMNS, rows), flush=True)


def _watches(stores: tuple[str, ...], arguments: argparse.Namespace) -> None:
    size = watches.QUICK if arguments.quick else watches.LONG if arguments.long else watches.NORMAL
    runs = [watches.measure(store, kind, size) for store in stores for kind in watches.KINDS]
    title = "What waits by the million (target: p99 within 1 s of its time; memory flat)"
    print(report.table(title, watches.COLUMNS, map(watches.row, runs)), flush=True)


def _second(arguments: argparse.Namespace) -> None:
    size = second.QUICK if arguments.quick else second.LONG if arguments.long else second.NORMAL
    title = "A second process on one PostgreSQL (target: even shares, none twice, at most 115 %)"
    print(report.table(title, second.COLUMNS, second.rows(second.measure(size))), flush=True)


def _calls(arguments: argparse.Namespace) -> None:
    size = calls.QUICK if arguments.quick else calls.LONG if arguments.long else calls.NORMAL
    runs = [calls.measure(kind, count, size) for kind, count in calls.kinds(size)]
    title = (
        "Live calls (target: 0.6 % of a core and 100 KB a bare call; delay p99 under 10 ms, "
        "clear p99 under 5 ms, turn p99 under 20 ms; ten times Pipecat's calls)"
    )
    print(report.table(title, calls.COLUMNS, map(calls.row, runs)), flush=True)


def _start(arguments: argparse.Namespace) -> None:
    measured = start.measure(3 if arguments.quick else 7)
    print(report.table("Start", start.COLUMNS, start.rows(measured)), flush=True)


if __name__ == "__main__":
    main()
