"""Version 4, calls: each with its legs, what was said in it, and what agents were asked. What belongs to
a call goes with it. Times and spans are in microseconds."""

from __future__ import annotations

_CALLS = (
    """CREATE TABLE calls (
        seq {seq}, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, direction TEXT NOT NULL,
        mode TEXT NOT NULL, number TEXT NOT NULL, contact_id TEXT NOT NULL,
        time_limit BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
        initiator TEXT NOT NULL, message_id TEXT NOT NULL, outbox_id TEXT NOT NULL,
        turn BIGINT NOT NULL, sequence BIGINT NOT NULL, disclosed_at BIGINT, said_at BIGINT,
        pressed TEXT NOT NULL, ending TEXT NOT NULL, look_at BIGINT, looks BIGINT NOT NULL,
        error_code BIGINT, called TEXT NOT NULL, silences BIGINT NOT NULL,
        recent TEXT NOT NULL,         pin_given BIGINT NOT NULL, awaited_until BIGINT,
        live BIGINT NOT NULL
    )""",
    "CREATE INDEX calls_live ON calls (seq) WHERE live = 1",
    "CREATE INDEX calls_due ON calls (look_at, seq) WHERE look_at IS NOT NULL",
    "CREATE INDEX calls_line ON calls (line, seq)",
    "CREATE INDEX calls_number ON calls (number, seq)",
    "CREATE INDEX calls_message ON calls (message_id, seq) WHERE message_id <> ''",
    "CREATE INDEX calls_pressed ON calls (created_at) WHERE pressed <> ''",
    # Place 0 is the person's.
    """CREATE TABLE call_legs (
        call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, place BIGINT NOT NULL,
        line TEXT NOT NULL, number TEXT NOT NULL, role TEXT NOT NULL, state TEXT NOT NULL,
        provider_id TEXT NOT NULL, offered_at BIGINT, answered_at BIGINT, ended_at BIGINT,
        answered_by TEXT NOT NULL, end_reason TEXT NOT NULL,
        PRIMARY KEY (call_id, place)
    ) {clustered}""",
    """CREATE UNIQUE INDEX call_legs_provider ON call_legs (provider_id, line)
        WHERE provider_id <> ''""",
    "CREATE INDEX call_legs_number ON call_legs (number)",
)

_SAID = (
    """CREATE TABLE call_words (
        call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, n BIGINT NOT NULL,
        speaker TEXT NOT NULL, text TEXT NOT NULL, at BIGINT NOT NULL, turn BIGINT NOT NULL,
        heard BIGINT, decision TEXT NOT NULL, confidence DOUBLE PRECISION,
        PRIMARY KEY (call_id, n)
    ) {clustered}""",
    "CREATE INDEX call_words_kept ON call_words (at) WHERE text <> ''",
    """CREATE TABLE call_turns (
        id TEXT PRIMARY KEY, call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
        n BIGINT NOT NULL, state TEXT NOT NULL, asked_at BIGINT NOT NULL,
        lease_until BIGINT NOT NULL, answer TEXT NOT NULL, reason TEXT NOT NULL,
        hang_up BIGINT NOT NULL, transfer TEXT NOT NULL,
        UNIQUE (call_id, n)
    )""",
    "CREATE INDEX call_turns_kept ON call_turns (asked_at) WHERE answer <> ''",
    # Of live sound; in milliseconds.
    """CREATE TABLE call_times (
        call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, turn BIGINT NOT NULL,
        over_ms BIGINT NOT NULL, allowed_ms BIGINT NOT NULL, made_ms BIGINT NOT NULL,
        sent_ms BIGINT NOT NULL, played_ms BIGINT NOT NULL,
        PRIMARY KEY (call_id, turn)
    ) {clustered}""",
)

# What a caller left after the tone, with its sound.
_LEFT = (
    """CREATE TABLE call_messages (
        call_id TEXT PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE, state TEXT NOT NULL,
        recording_id TEXT NOT NULL, lasted_s BIGINT NOT NULL, left_at BIGINT NOT NULL,
        url TEXT NOT NULL, content_type TEXT NOT NULL, size BIGINT NOT NULL, due_at BIGINT,
        tries BIGINT NOT NULL, content {bytes}
    )""",
    "CREATE INDEX call_messages_due ON call_messages (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX call_messages_left ON call_messages (left_at, call_id)",
)

BOTH = (*_CALLS, *_SAID, *_LEFT)
