"""Version 1: people and access, messages, the three ledgers, counters, events, audit. Times are
microseconds since the epoch; `head` marks the first open row of a lane (see lanes.py)."""

from __future__ import annotations

_VERSION = ("CREATE TABLE schema_version (version BIGINT PRIMARY KEY)",)

_PEOPLE = (
    """CREATE TABLE people (
        number TEXT PRIMARY KEY, contact_id TEXT NOT NULL UNIQUE, blocked BIGINT NOT NULL,
        opt_out_source TEXT NOT NULL, passive_replies BIGINT NOT NULL
    )""",
    "CREATE INDEX people_blocked ON people (number) WHERE blocked = 1",
    """CREATE TABLE approvals (
        line TEXT NOT NULL, number TEXT NOT NULL, actor TEXT NOT NULL, approved_at BIGINT NOT NULL,
        PRIMARY KEY (line, number)
    ) {clustered}""",
    """CREATE TABLE pairing_requests (
        seq {seq}, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, number TEXT NOT NULL,
        code TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL, last_seen_at BIGINT NOT NULL, seen_count BIGINT NOT NULL,
        answered BIGINT NOT NULL
    )""",
    "CREATE INDEX pairing_pending ON pairing_requests (line, number) WHERE state = 'pending'",
    "CREATE INDEX pairing_code ON pairing_requests (line, code) WHERE state = 'pending'",
    """CREATE TABLE switches (
        scope TEXT NOT NULL, subject TEXT NOT NULL, engaged_at BIGINT NOT NULL,
        reason TEXT NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (scope, subject)
    )""",
    """CREATE TABLE line_stops (
        line TEXT PRIMARY KEY, reason TEXT NOT NULL, stopped_at BIGINT NOT NULL
    )""",
)

_MESSAGES = (
    """CREATE TABLE messages (
        seq {seq}, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, direction TEXT NOT NULL,
        number TEXT NOT NULL, contact_id TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, media TEXT NOT NULL,
        message_class TEXT NOT NULL, initiator TEXT NOT NULL, provider_id TEXT NOT NULL,
        segments BIGINT NOT NULL, encoding TEXT NOT NULL, error_code BIGINT, reason TEXT NOT NULL,
        in_reply_to TEXT NOT NULL, provenance TEXT NOT NULL
    )""",
    """CREATE UNIQUE INDEX messages_source ON messages (line, provider_id)
        WHERE direction = 'in' AND provider_id <> ''""",
    "CREATE INDEX messages_conversation ON messages (number, line, seq)",
    """CREATE INDEX messages_inbox ON messages (created_at, seq)
        WHERE direction = 'in' AND status = 'received'""",
    """CREATE INDEX messages_held_for ON messages (number)
        WHERE direction = 'out' AND status = 'held'""",
    """CREATE INDEX messages_held_since ON messages (line, created_at)
        WHERE direction = 'out' AND status = 'held'""",
    """CREATE INDEX messages_ended_badly ON messages (status, seq)
        WHERE status IN ('held', 'undelivered', 'failed', 'expired', 'cancelled', 'refused')""",
    """CREATE TABLE idempotency (
        scope TEXT NOT NULL, key TEXT NOT NULL, body_digest TEXT NOT NULL,
        message_id TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (scope, key)
    ) {clustered}""",
    """CREATE TABLE media (
        id TEXT PRIMARY KEY, line TEXT NOT NULL, content_type TEXT NOT NULL,
        content {bytes} NOT NULL, created_at BIGINT NOT NULL, token TEXT NOT NULL,
        expires_at BIGINT
    )""",
    "CREATE UNIQUE INDEX media_token ON media (token) WHERE token <> ''",
    "CREATE INDEX media_hosted ON media (line, expires_at) WHERE token <> ''",
)

_LEDGERS = (
    """CREATE TABLE turns (
        seq {seq}, id TEXT NOT NULL UNIQUE, message_id TEXT NOT NULL, line TEXT NOT NULL,
        number TEXT NOT NULL, contact_id TEXT NOT NULL, state TEXT NOT NULL,
        received_at BIGINT NOT NULL, due_at BIGINT NOT NULL, attempt BIGINT NOT NULL,
        lease_owner TEXT NOT NULL, lease_until BIGINT, reason TEXT NOT NULL,
        head BIGINT NOT NULL DEFAULT 0
    )""",
    """CREATE INDEX turns_open ON turns (number, line, seq)
        WHERE state IN ('owed', 'claimed')""",
    "CREATE INDEX turns_due ON turns (due_at, seq) WHERE state = 'owed' AND head = 1",
    "CREATE INDEX turns_leased ON turns (lease_until) WHERE state = 'claimed'",
    "CREATE INDEX turns_dead ON turns (seq) WHERE state = 'dead'",
    """CREATE TABLE outbox (
        seq {seq}, id TEXT NOT NULL UNIQUE, message_id TEXT NOT NULL, line TEXT NOT NULL,
        number TEXT NOT NULL, part BIGINT NOT NULL, parts BIGINT NOT NULL, body TEXT NOT NULL,
        media TEXT NOT NULL, act TEXT NOT NULL, message_class TEXT NOT NULL,
        initiator TEXT NOT NULL, state TEXT NOT NULL, due_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL, created_at BIGINT NOT NULL, attempt BIGINT NOT NULL,
        lease_owner TEXT NOT NULL, lease_until BIGINT, provider_id TEXT NOT NULL,
        status TEXT NOT NULL, error_code BIGINT, reason TEXT NOT NULL, text_digest TEXT NOT NULL,
        segments BIGINT NOT NULL, head BIGINT NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX outbox_message ON outbox (message_id, part)",
    "CREATE INDEX outbox_provider ON outbox (provider_id) WHERE provider_id <> ''",
    """CREATE INDEX outbox_open ON outbox (number, line, seq)
        WHERE state IN ('due', 'sending', 'unknown')""",
    "CREATE INDEX outbox_due ON outbox (line, due_at, seq) WHERE state = 'due' AND head = 1",
    "CREATE INDEX outbox_expiry ON outbox (expires_at) WHERE state IN ('due', 'held')",
    "CREATE INDEX outbox_held ON outbox (number) WHERE state = 'held'",
    "CREATE INDEX outbox_leased ON outbox (lease_until) WHERE state = 'sending'",
    "CREATE INDEX outbox_dead ON outbox (seq) WHERE state = 'dead'",
    """CREATE TABLE watches (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, line TEXT NOT NULL, due_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL, attempt BIGINT NOT NULL
    )""",
    "CREATE INDEX watches_due ON watches (due_at)",
    """CREATE TABLE tallies (
        ledger TEXT NOT NULL, line TEXT NOT NULL, state TEXT NOT NULL, count BIGINT NOT NULL,
        PRIMARY KEY (ledger, line, state)
    ) {clustered}""",
    """CREATE TABLE counters (
        name TEXT NOT NULL, window_s BIGINT NOT NULL, window_start BIGINT NOT NULL,
        ends_at BIGINT NOT NULL, count BIGINT NOT NULL,
        PRIMARY KEY (name, window_s, window_start)
    ) {clustered}""",
    "CREATE INDEX counters_end ON counters (ends_at)",
)

_EVENTS = (
    """CREATE TABLE observations (
        seq {seq}, outbox_id TEXT NOT NULL, provider_id TEXT NOT NULL,
        provider_status TEXT NOT NULL, status TEXT NOT NULL, error_code BIGINT,
        at BIGINT NOT NULL, conflicting BIGINT NOT NULL
    )""",
    """CREATE UNIQUE INDEX observations_once
        ON observations (provider_id, provider_status, COALESCE(error_code, -1))""",
    "CREATE INDEX observations_item ON observations (outbox_id, seq)",
    """CREATE TABLE dead_events (
        seq {seq}, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, dedupe_token TEXT NOT NULL,
        kind TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL,
        UNIQUE (line, dedupe_token)
    )""",
    """CREATE TABLE audit (
        seq {position}, id TEXT NOT NULL UNIQUE, at BIGINT NOT NULL, kind TEXT NOT NULL,
        subject TEXT NOT NULL, actor TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL,
        hash TEXT NOT NULL
    )""",
    "CREATE INDEX audit_subject ON audit (subject, seq)",
    """CREATE TABLE audit_head (
        id BIGINT PRIMARY KEY CHECK (id = 1), count BIGINT NOT NULL, hash TEXT NOT NULL
    )""",
    "INSERT INTO audit_head (id, count, hash) VALUES (1, 0, '" + "0" * 64 + "')",
)

BOTH = (*_VERSION, *_PEOPLE, *_MESSAGES, *_LEDGERS, *_EVENTS)

SQLITE = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'); END""",
)

POSTGRES = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit entries are never changed or deleted'; END $$""",
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)
