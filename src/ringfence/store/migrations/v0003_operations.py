"""Version 3, the operations channel: events that came in and are never forgotten by name, alerts and
whom they were told to, messages that flows owe, tickets, and what people change about who is on
call. Times are microseconds since the epoch."""

from __future__ import annotations

_EVENTS = (
    """CREATE TABLE source_events (
        seq {seq}, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, name TEXT NOT NULL,
        type TEXT NOT NULL, severity TEXT NOT NULL, action TEXT NOT NULL, at BIGINT NOT NULL,
        received_at BIGINT NOT NULL, dedupe_key TEXT NOT NULL, document TEXT NOT NULL,
        outcome TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX source_events_name ON source_events (name, source) WHERE name <> ''",
    "CREATE INDEX source_events_source ON source_events (source, seq)",
    "CREATE INDEX source_events_kept ON source_events (received_at) WHERE document <> ''",
    """CREATE TABLE beats (
        source TEXT NOT NULL, name TEXT NOT NULL, at BIGINT NOT NULL, period_s BIGINT NOT NULL,
        grace_s BIGINT NOT NULL, due_at BIGINT NOT NULL, missed BIGINT NOT NULL,
        PRIMARY KEY (source, name)
    ) {clustered}""",
    "CREATE INDEX beats_due ON beats (due_at) WHERE missed = 0",
)

_ALERTS = (
    """CREATE TABLE alerts (
        number {position}, id TEXT NOT NULL UNIQUE, flow TEXT NOT NULL, source TEXT NOT NULL,
        dedupe_key TEXT NOT NULL, service TEXT NOT NULL, title TEXT NOT NULL, url TEXT NOT NULL,
        severity TEXT NOT NULL, state TEXT NOT NULL, line TEXT NOT NULL, event_id TEXT NOT NULL,
        opened_at BIGINT NOT NULL, triggered_at BIGINT NOT NULL, policy TEXT NOT NULL,
        acknowledged_by TEXT NOT NULL, acknowledged_at BIGINT, resolved_by TEXT NOT NULL,
        resolved_at BIGINT, step TEXT NOT NULL, place BIGINT NOT NULL, round BIGINT NOT NULL,
        step_at BIGINT, next_at BIGINT, exhausted_at BIGINT, count BIGINT NOT NULL,
        said_at BIGINT, told_at BIGINT
    )""",
    "CREATE INDEX alerts_due ON alerts (next_at, number) WHERE next_at IS NOT NULL",
    "CREATE INDEX alerts_key ON alerts (flow, source, dedupe_key, number)",
    "CREATE INDEX alerts_open ON alerts (service, number) WHERE state <> 'resolved'",
    "CREATE INDEX alerts_state ON alerts (state, number)",
    "CREATE INDEX alerts_kept ON alerts (resolved_at) WHERE title <> ''",
    # What must not be: nobody has it, and nobody will be asked.
    """CREATE INDEX alerts_lost ON alerts (number)
        WHERE state = 'triggered' AND exhausted_at IS NULL AND next_at IS NULL""",
    """CREATE TABLE notices (
        seq {seq}, alert_id TEXT NOT NULL, kind TEXT NOT NULL, round BIGINT NOT NULL,
        step TEXT NOT NULL, way BIGINT NOT NULL, responder TEXT NOT NULL, channel TEXT NOT NULL,
        at BIGINT NOT NULL, state TEXT NOT NULL, service TEXT NOT NULL, message_id TEXT NOT NULL,
        told_at BIGINT, reason TEXT NOT NULL,
        UNIQUE (alert_id, kind, round, step, way, responder)
    )""",
    "CREATE INDEX notices_owed ON notices (seq) WHERE state = 'owed'",
    "CREATE INDEX notices_message ON notices (message_id) WHERE message_id <> ''",
    "CREATE INDEX notices_told ON notices (responder, told_at) WHERE state = 'told'",
    "CREATE INDEX notices_sent ON notices (kind, told_at) WHERE state = 'told'",
    """CREATE TABLE acknowledgements (
        seq {seq}, alert_id TEXT NOT NULL, responder TEXT NOT NULL, at BIGINT NOT NULL
    )""",
    "CREATE INDEX acknowledgements_alert ON acknowledgements (alert_id, seq)",
    """CREATE TABLE alert_notes (
        seq {seq}, alert_id TEXT NOT NULL, at BIGINT NOT NULL, actor TEXT NOT NULL,
        text TEXT NOT NULL
    )""",
    "CREATE INDEX alert_notes_alert ON alert_notes (alert_id, seq)",
    """CREATE TABLE alert_links (
        token_hash TEXT PRIMARY KEY, responder TEXT NOT NULL, message_id TEXT NOT NULL,
        expires_at BIGINT NOT NULL
    )""",
    "CREATE INDEX alert_links_expiry ON alert_links (expires_at)",
)

_PLANNED = (
    """CREATE TABLE planned (
        seq {seq}, id TEXT NOT NULL UNIQUE, flow TEXT NOT NULL, source TEXT NOT NULL,
        event_id TEXT NOT NULL, line TEXT NOT NULL, number TEXT NOT NULL, template TEXT NOT NULL,
        language TEXT NOT NULL, state TEXT NOT NULL, due_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL, key TEXT NOT NULL, vals TEXT NOT NULL, turn BIGINT NOT NULL,
        expires_at BIGINT, message_id TEXT NOT NULL, reason TEXT NOT NULL, ended_at BIGINT
    )""",
    "CREATE INDEX planned_due ON planned (due_at, seq) WHERE state = 'waiting'",
    "CREATE INDEX planned_key ON planned (key, state)",
    "CREATE INDEX planned_person ON planned (number, created_at)",
    "CREATE INDEX planned_waiting ON planned (seq) WHERE state = 'waiting'",
    "CREATE INDEX planned_flow ON planned (flow, seq)",
    "CREATE INDEX planned_flow_waiting ON planned (flow, seq) WHERE state = 'waiting'",
    # What a flow was told last of each key: what is told late, or again, changes nothing.
    """CREATE TABLE flow_keys (
        key_digest TEXT NOT NULL, flow TEXT NOT NULL, at BIGINT NOT NULL, event TEXT NOT NULL,
        PRIMARY KEY (key_digest, flow)
    ) {clustered}""",
)

_TICKETS = (
    """CREATE TABLE tickets (
        seq {seq}, id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, system TEXT NOT NULL,
        state TEXT NOT NULL, title TEXT NOT NULL, opened_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL, remote_id TEXT NOT NULL, url TEXT NOT NULL,
        UNIQUE (alert_id, system)
    )""",
    "CREATE INDEX tickets_system ON tickets (system, seq)",
    """CREATE TABLE ticket_tasks (
        seq {seq}, id TEXT NOT NULL UNIQUE, ticket_id TEXT NOT NULL, action TEXT NOT NULL,
        state TEXT NOT NULL, due_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
        text TEXT NOT NULL, attempt BIGINT NOT NULL, lease_owner TEXT NOT NULL,
        lease_until BIGINT, reason TEXT NOT NULL, head BIGINT NOT NULL
    )""",
    "CREATE INDEX ticket_tasks_due ON ticket_tasks (due_at, seq) WHERE state = 'due' AND head = 1",
    "CREATE INDEX ticket_tasks_ticket ON ticket_tasks (ticket_id, seq)",
    """CREATE INDEX ticket_tasks_open ON ticket_tasks (ticket_id, seq)
        WHERE state IN ('due', 'claimed')""",
    "CREATE INDEX ticket_tasks_claimed ON ticket_tasks (lease_until) WHERE state = 'claimed'",
    "CREATE INDEX ticket_tasks_dead ON ticket_tasks (seq) WHERE state = 'dead'",
)

_DUTY = (
    """CREATE TABLE duty_overrides (
        seq {seq}, id TEXT NOT NULL UNIQUE, schedule TEXT NOT NULL, kind TEXT NOT NULL,
        responder TEXT NOT NULL, instead_of TEXT NOT NULL, begins BIGINT NOT NULL,
        ends BIGINT NOT NULL, created_at BIGINT NOT NULL, actor TEXT NOT NULL
    )""",
    "CREATE INDEX duty_overrides_ends ON duty_overrides (ends)",
    """CREATE TABLE maintenance (
        seq {seq}, id TEXT NOT NULL UNIQUE, flow TEXT NOT NULL, service TEXT NOT NULL,
        begins BIGINT NOT NULL, ends BIGINT NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL
    )""",
    "CREATE INDEX maintenance_ends ON maintenance (ends)",
    """CREATE TABLE verified_numbers (
        number TEXT PRIMARY KEY, responder TEXT NOT NULL, at BIGINT NOT NULL
    )""",
    """CREATE TABLE verifications (
        number TEXT PRIMARY KEY, code TEXT NOT NULL, expires_at BIGINT NOT NULL
    )""",
    "CREATE INDEX verifications_expiry ON verifications (expires_at)",
)

_PROFILE = (
    "CREATE TABLE store_profile (name TEXT NOT NULL)",
    # Who was here before there were profiles was in production.
    "INSERT INTO store_profile (name) SELECT 'production' WHERE EXISTS (SELECT 1 FROM audit)",
)

BOTH = (*_EVENTS, *_ALERTS, *_PLANNED, *_TICKETS, *_DUTY, *_PROFILE)
