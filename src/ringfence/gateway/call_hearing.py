"""Listening to what callers left: a person's act, on record each time. Never an agent's (P2)."""

from __future__ import annotations

from ringfence.gateway import call_views
from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import NotFound
from ringfence.ports import Tx


async def heard(kit: Equipment, key: str, actor: str) -> tuple[bytes, str]:
    """The sound and its content type, by the call's id or its message's. Raises NotFound where none was
    left, or none is here."""

    def job(tx: Tx) -> tuple[bytes, str]:
        call, _ = call_views.found(tx, key)
        left = tx.calls.message_of(call.id) if call is not None else None
        content = tx.calls.sound_of(call.id) if call is not None else None
        if call is None or left is None or content is None:
            raise NotFound("No message that was left in this call is here.")
        now, body = kit.clock.now(), {"line": call.line, "size": left.size}
        tx.audit.append([kit.audit("call_message_heard", call.id, actor, now, body)])
        return content, left.content_type

    return await kit.store.write(job)
