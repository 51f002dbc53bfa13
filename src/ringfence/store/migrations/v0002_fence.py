"""Version 2, the fence: what people decided (drafts, grants, consent, pauses), what a person was
told (disclosures), who may act (tokens), and which policies decided. Times are microseconds since
the epoch."""

from __future__ import annotations

_PEOPLE = (
    "ALTER TABLE people ADD COLUMN zone TEXT NOT NULL DEFAULT ''",
    # An emergency or a hand-over: nothing automatic goes to the person until it is lifted. An empty
    # line means every line.
    """CREATE TABLE pauses (
        number TEXT NOT NULL, line TEXT NOT NULL, why TEXT NOT NULL, since BIGINT NOT NULL,
        actor TEXT NOT NULL, message_id TEXT NOT NULL, PRIMARY KEY (number, line)
    ) {clustered}""",
    # When somebody last wrote, however much was sent to them since.
    """CREATE INDEX messages_heard ON messages (number, line, seq)
        WHERE direction = 'in' AND status = 'received'""",
    # Whom a line ever wrote to: what makes a first contact one.
    """CREATE TABLE acquaintances (
        number TEXT NOT NULL, line TEXT NOT NULL, since BIGINT NOT NULL, PRIMARY KEY (number, line)
    ) {clustered}""",
    # Who got a text before there was a fence is no first contact.
    """INSERT INTO acquaintances (number, line, since)
        SELECT number, line, min(created_at) FROM messages
        WHERE direction = 'out' AND status IN ('sending', 'sent', 'delivered', 'read')
        GROUP BY number, line""",
    """CREATE TABLE disclosures (
        number TEXT NOT NULL, line TEXT NOT NULL, version TEXT NOT NULL, message_id TEXT NOT NULL,
        state TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (number, line, version)
    ) {clustered}""",
)

_DRAFTS = (
    # What the gate must know of a text besides its address: worked out once, when it is proposed.
    "ALTER TABLE messages ADD COLUMN traits TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE outbox ADD COLUMN traits TEXT NOT NULL DEFAULT '{}'",
    """CREATE TABLE drafts (
        message_id TEXT PRIMARY KEY, code TEXT NOT NULL, state TEXT NOT NULL, line TEXT NOT NULL,
        number TEXT NOT NULL, text_digest TEXT NOT NULL, created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL, decided_at BIGINT, decided_by TEXT NOT NULL,
        note TEXT NOT NULL, replaces TEXT NOT NULL, replaced_by TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX drafts_code ON drafts (code) WHERE state = 'waiting'",
    # A code is looked up when it is long decided too: who texts it again is told what became of it.
    "CREATE INDEX drafts_by_code ON drafts (code, created_at)",
    "CREATE INDEX drafts_waiting ON drafts (created_at) WHERE state = 'waiting'",
    "CREATE INDEX drafts_expiry ON drafts (expires_at) WHERE state = 'waiting'",
    "CREATE INDEX drafts_number ON drafts (number) WHERE state IN ('waiting', 'approved')",
    """CREATE TABLE grants (
        seq {seq}, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, agent TEXT NOT NULL,
        line TEXT NOT NULL, scope TEXT NOT NULL, count_max BIGINT, used BIGINT NOT NULL,
        valid_from BIGINT NOT NULL, valid_until BIGINT, state TEXT NOT NULL,
        created_at BIGINT NOT NULL, created_by TEXT NOT NULL, ended_at BIGINT,
        ended_by TEXT NOT NULL, note TEXT NOT NULL
    )""",
    "CREATE INDEX grants_active ON grants (agent) WHERE state = 'active'",
    """CREATE TABLE grant_uses (
        seq {seq}, grant_id TEXT NOT NULL, message_id TEXT NOT NULL,
        contact_id TEXT NOT NULL, at BIGINT NOT NULL, UNIQUE (message_id, grant_id)
    )""",
    "CREATE INDEX grant_uses_grant ON grant_uses (grant_id, seq)",
)

_CONSENT = (
    """CREATE TABLE consents (
        seq {seq}, id TEXT NOT NULL UNIQUE, number TEXT NOT NULL, programme TEXT NOT NULL,
        kind TEXT NOT NULL, level TEXT NOT NULL, channel TEXT NOT NULL, method TEXT NOT NULL,
        disclosure TEXT NOT NULL, disclosure_digest TEXT NOT NULL, evidence TEXT NOT NULL,
        actor TEXT NOT NULL, at BIGINT NOT NULL, recorded_at BIGINT NOT NULL, ip TEXT NOT NULL,
        user_agent TEXT NOT NULL, expires_at BIGINT, country TEXT NOT NULL
    )""",
    "CREATE INDEX consents_person ON consents (number, seq)",
    # What the events come to, for the gate: kept with every event, and made again from them.
    """CREATE TABLE consent_standings (
        number TEXT NOT NULL, programme TEXT NOT NULL, level TEXT NOT NULL, granted_at BIGINT,
        expires_at BIGINT, event_id TEXT NOT NULL, revoked_at BIGINT,
        PRIMARY KEY (number, programme, level)
    ) {clustered}""",
    # Whose events may be deleted in this very transaction: a person who is erased (see the triggers).
    "CREATE TABLE erasures (number TEXT PRIMARY KEY)",
    # Who had opted out before there was a ledger.
    """INSERT INTO consents (id, number, programme, kind, level, channel, method, disclosure,
        disclosure_digest, evidence, actor, at, recorded_at, ip, user_agent, country)
        SELECT 'cns_' || substr(contact_id, 5), number, '', 'opt_out', 'conversational', 'sms',
        opt_out_source, '', '', 'before the ledger', 'system', 0, 0, '', '', ''
        FROM people WHERE opt_out_source <> ''""",
    """CREATE TABLE opt_in_requests (
        id TEXT PRIMARY KEY, number TEXT NOT NULL, line TEXT NOT NULL, programme TEXT NOT NULL,
        level TEXT NOT NULL, code TEXT NOT NULL, state TEXT NOT NULL, tries BIGINT NOT NULL,
        created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, actor TEXT NOT NULL,
        disclosure TEXT NOT NULL, message_id TEXT NOT NULL
    )""",
    "CREATE INDEX opt_in_requests_number ON opt_in_requests (number, created_at)",
)

_INTAKE = (
    """CREATE TABLE intakes (
        number TEXT NOT NULL, line TEXT NOT NULL, state TEXT NOT NULL, message_id TEXT NOT NULL,
        fields TEXT NOT NULL, asked TEXT NOT NULL, tries BIGINT NOT NULL,
        started_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (number, line)
    ) {clustered}""",
    "CREATE INDEX intakes_asking ON intakes (line, updated_at) WHERE state = 'asking'",
)

_AUTHORITY = (
    """CREATE TABLE tokens (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, agent TEXT NOT NULL,
        lines TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created_at BIGINT NOT NULL,
        created_by TEXT NOT NULL, expires_at BIGINT, revoked_at BIGINT, last_used_at BIGINT
    )""",
    # Somebody guesses codes: who, how often, and until when nobody listens.
    """CREATE TABLE guesses (
        subject TEXT PRIMARY KEY, count BIGINT NOT NULL, since BIGINT NOT NULL,
        locked_until BIGINT
    )""",
    """CREATE TABLE policies (
        version TEXT PRIMARY KEY, document TEXT NOT NULL, first_used_at BIGINT NOT NULL
    )""",
    # How far forgetting texts came.
    "CREATE TABLE forgotten (name TEXT PRIMARY KEY, seq BIGINT NOT NULL)",
    # A template's name and version mean one text for good, by its digest.
    """CREATE TABLE templates (
        name TEXT NOT NULL, version BIGINT NOT NULL, digest TEXT NOT NULL,
        first_used_at BIGINT NOT NULL, PRIMARY KEY (name, version)
    )""",
    """CREATE TABLE checkpoints (
        seq {position}, hash TEXT NOT NULL, at BIGINT NOT NULL, public_key TEXT NOT NULL,
        signature TEXT NOT NULL
    )""",
)

BOTH = (*_PEOPLE, *_DRAFTS, *_CONSENT, *_INTAKE, *_AUTHORITY)

# The head only grows, checkpoints stay, and nothing is replaced (REPLACE fires no DELETE trigger in
# SQLite, https://www.sqlite.org/lang_conflict.html). `audit verify` looks whether these are there.
_AUDIT_SQLITE = (
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
        WHEN NEW.seq <= (SELECT max(seq) FROM audit)
            OR EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'); END""",
    """CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head
        WHEN NEW.id <> OLD.id OR NEW.count <= OLD.count
        BEGIN SELECT RAISE(ABORT, 'the head of the audit chain only grows'); END""",
    """CREATE TRIGGER audit_head_no_insert BEFORE INSERT ON audit_head
        BEGIN SELECT RAISE(ABORT, 'the audit chain has one head'); END""",
    """CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head
        BEGIN SELECT RAISE(ABORT, 'the head of the audit chain is never deleted'); END""",
    """CREATE TRIGGER checkpoints_no_replace BEFORE INSERT ON checkpoints
        WHEN EXISTS (SELECT 1 FROM checkpoints WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'checkpoints are never replaced'); END""",
    """CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
        BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END""",
    """CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
        BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END""",
)

_AUDIT_POSTGRES = (
    """CREATE FUNCTION audit_head_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF NEW.id = OLD.id AND NEW.count > OLD.count THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION 'the head of the audit chain only grows';
        END $$""",
    """CREATE TRIGGER audit_head_grows BEFORE INSERT OR UPDATE OR DELETE ON audit_head
        FOR EACH ROW EXECUTE FUNCTION audit_head_refuse()""",
    """CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)

# An event of consent is evidence: it goes only with the person it is about (issue 3, point 14).
SQLITE = (
    *_AUDIT_SQLITE,
    """CREATE TRIGGER consents_no_update BEFORE UPDATE ON consents
        BEGIN SELECT RAISE(ABORT, 'events of consent are never changed'); END""",
    """CREATE TRIGGER consents_no_delete BEFORE DELETE ON consents
        WHEN NOT EXISTS (SELECT 1 FROM erasures e WHERE e.number = OLD.number)
        BEGIN SELECT RAISE(ABORT, 'events of consent are deleted only with their person'); END""",
)

POSTGRES = (
    *_AUDIT_POSTGRES,
    """CREATE FUNCTION consents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF EXISTS (SELECT 1 FROM erasures e WHERE e.number = OLD.number) THEN
                    RETURN OLD;
                END IF;
            END IF;
            RAISE EXCEPTION 'events of consent are never changed, and deleted only with their person';
        END $$""",
    """CREATE TRIGGER consents_append_only BEFORE UPDATE OR DELETE ON consents
        FOR EACH ROW EXECUTE FUNCTION consents_refuse()""",
    """CREATE TRIGGER consents_no_truncate BEFORE TRUNCATE ON consents
        FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse()""",
)
