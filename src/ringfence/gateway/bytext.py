"""What an operator may do by text from their own number: decide a draft (OK, NO, EDIT and its code)
and stop everything (HALT). A code is worth nothing from any other number, and an operator's number
that guesses is locked out and the other operators are told. Resuming is never done by text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfence.gateway import disclosing, drafts, halt
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import quoted
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import CODE_LENGTH
from ringfence.model.contact import SwitchScope
from ringfence.model.draft import Draft
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

# Why a turn is owed for a text no agent is asked about.
COMMAND = "operator_command"
WRONG_CODES_MAX = 5
# Of 650,000 codes a patient guesser tries 120 a day.
WRONG_WITHIN, LOCKED_FOR = timedelta(hours=24), timedelta(hours=1)
# Nothing in these may match the same space in two ways: a text can hold thousands.
_DECIDE = re.compile(
    rf"\s*(ok|no|edit)[\s:]+([a-z0-9]{{{CODE_LENGTH}}})\b[\s:,.!]*(.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
# Alone, or with ALL and a reason: "halt mal" is a German's "wait a moment".
_HALT = re.compile(r"\s*halt(?:[\s:,]+all\b[\s:,.!]*(.*))?[\s.!]*\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """What a text asks for: `verb` is ok, no, edit or halt."""

    verb: str
    code: str
    rest: str


def read(line: Line, number: PhoneNumber, body: str) -> Command | None:
    """The command in a text of an operator's number; None for any other text or sender, and on a line
    that takes unsigned webhooks, where anybody can be that number. A word that is no code ("ok
    then") has no digit, and every code has one."""
    if number not in line.owners or not line.validate_signature:
        return None
    found = _DECIDE.match(body)
    if found and any(sign.isdigit() for sign in found[2]):
        return Command(found[1].lower(), found[2].upper(), found[3].rstrip())
    if found := _HALT.match(body):
        return Command("halt", "", (found[1] or "").rstrip())
    return None


def obey(
    kit: Equipment, tx: Tx, line: Line, message: Message, command: Command, now: datetime
) -> list[Proposal]:
    """Do it, and answer what to text for it. Raises what `drafts` raises; the caller's job is then
    undone and the operator told."""
    # By their contact, never by a number (P9).
    actor = f"operator:{message.contact_id}"
    if command.verb == "halt":
        held = halt.stop(kit, tx, SwitchScope.EVERYTHING, "", command.rest, actor, now)
        # This very answer is stopped too; it stands in the record and goes nowhere.
        return [answer(line, message, f"Everything is stopped; {held} messages are held.")]
    subject = f"code:{message.number.e164}"
    if tx.guesses.locked(subject, now):
        return []
    draft = _draft(tx, kit, message.number, command.code)
    if draft is None:
        return _wrong(kit, tx, line, message, subject, actor, now)
    tx.guesses.right(subject)
    return [answer(line, message, _decide(kit, tx, draft, command, actor, now))]


def answer(line: Line, message: Message, text: str) -> Proposal:
    """A word to the operator who texted."""
    return Proposal(
        line,
        message.number,
        text,
        Act.REPLY,
        "system",
        MessageClass.OWNER_NOTICE,
        in_reply_to=message.id,
    )


def _decide(
    kit: Equipment, tx: Tx, draft: Draft, command: Command, actor: str, now: datetime
) -> str:
    code = draft.code
    match command.verb:
        case "ok" if command.rest:
            return (
                f"{code} is not approved, since more words came with it. Reply OK {code} alone, or "
                f"EDIT {code} and the new text."
            )
        case "ok":
            return _going(kit, code, drafts.approve(kit, tx, draft, actor, now))
        case "edit":
            return _going(kit, code, drafts.edit(kit, tx, draft, command.rest, actor, now))
        case _:
            drafts.reject(kit, tx, draft, command.rest, actor, now)
            return f"{code} is rejected; nothing is sent."


def _going(kit: Equipment, code: str, approved: drafts.Approved) -> str:
    when = "" if approved.until is None else f" not before {approved.until:%d %b %H:%M} UTC"
    message = approved.message
    _, words = disclosing.said(kit.lines[message.line], message)
    return f"{code} goes to {message.number.e164}{when}: {quoted(words)}"


def _draft(tx: Tx, kit: Equipment, number: PhoneNumber, code: str) -> Draft | None:
    """The draft with this code, of a line whose operator this number is."""
    draft = tx.drafts.by_code(code)
    line = None if draft is None else kit.lines.get(draft.line)
    return draft if line is not None and number in line.owners else None


def _wrong(
    kit: Equipment,
    tx: Tx,
    line: Line,
    message: Message,
    subject: str,
    actor: str,
    now: datetime,
) -> list[Proposal]:
    locked = tx.guesses.wrong(subject, now, WRONG_CODES_MAX, WRONG_WITHIN, LOCKED_FOR)
    kind = "codes_locked" if locked else "code_wrong"
    tx.audit.append([kit.audit(kind, message.id, actor, now, {"line": line.id})])
    if not locked:
        return [answer(line, message, "No draft that you decide on has this code.")]
    minutes = int(LOCKED_FOR.total_seconds() // 60)
    told = f"Too many wrong codes; codes from this number are not taken for {minutes} minutes."
    warning = (
        f"Somebody gave {WRONG_CODES_MAX} wrong draft codes from {message.number.e164}. Codes from "
        f"there are not taken for {minutes} minutes."
    )
    others = [
        Proposal(line, owner, warning, Act.INITIATE, "system", MessageClass.OWNER_NOTICE)
        for owner in line.owners
        if owner != message.number
    ]
    return [answer(line, message, told), *others]
