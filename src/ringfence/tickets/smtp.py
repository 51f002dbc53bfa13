"""Tickets as e-mail: each change is a mail, and mails of one ticket make a thread. Must never let
words of an event become a header or an address.

A mail has no answer to look up: after a try of unknown outcome it is handed over once more with the
same Message-ID, by which many mail programs show it once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from ringfence.model.line import Secret
from ringfence.model.mail import Mail, MailReply, MailServer, MailTls
from ringfence.model.ticket import TicketAction
from ringfence.tickets.base import Errand, Talk, TicketOutcome, again, done, refused
from ringfence.tickets.wording import body, news, title

PORT: Final = 587  # submission (RFC 6409)
RECIPIENTS_MAX: Final = 50
# A cautious part of RFC 5321 section 4.1.2: neither quotes nor comments.
_address: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_host: Final = re.compile(r"[A-Za-z0-9.:_-]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """`tls` is starttls, tls (from the first byte) or none."""

    host: str
    sender: str = field(repr=False)
    to: tuple[str, ...] = field(repr=False)
    port: int = PORT
    tls: str = MailTls.STARTTLS.value
    user: str = field(default="", repr=False)
    password: Secret | None = None


class Smtp:
    name = "smtp"
    settings = Settings
    local = False

    def problems(self, settings: Settings) -> tuple[str, ...]:
        found = []
        if not _host.fullmatch(settings.host):
            found.append("host: expected the name of a mail server")
        if not 0 < settings.port < 65_536:
            found.append("port: expected 1 to 65535")
        if settings.tls not in {tls.value for tls in MailTls}:
            found.append("tls: expected starttls, tls or none")
        if not _address.fullmatch(settings.sender):
            found.append("sender: expected an e-mail address")
        if not 0 < len(settings.to) <= RECIPIENTS_MAX:
            found.append(f"to: expected 1 to {RECIPIENTS_MAX} addresses")
        found += [
            f"to[{place}]: expected an e-mail address"
            for place, address in enumerate(settings.to)
            if not _address.fullmatch(address)
        ]
        return (*found, *_login_problems(settings))

    def carry_out(self, errand: Errand, settings: Settings) -> Talk[TicketOutcome]:
        answer = yield mail(errand, settings)
        assert isinstance(answer, MailReply), "mail is answered by a mail server"
        return outcome(answer)


def _login_problems(settings: Settings) -> list[str]:
    given = settings.password is not None and bool(settings.password.reveal())
    found = []
    if bool(settings.user) != given:
        found.append("user: give user and password, or neither")
    if given and settings.tls == MailTls.NONE.value:
        found.append("tls: a password is sent over an encrypted connection only")
    return found


def mail(errand: Errand, settings: Settings) -> Mail:
    server = MailServer(
        settings.host,
        settings.port,
        MailTls(settings.tls),
        settings.user,
        settings.password,
    )
    return Mail(server, settings.sender, settings.to, _message(errand, settings).as_bytes())


def outcome(answer: MailReply) -> TicketOutcome:
    """RFC 5321 section 4.2.1: 2yz is taken, 4yz may be taken later, 5yz never."""
    reason = f"smtp_{answer.code}"
    match answer.code // 100:
        case 2:
            return done()
        case 5:
            return refused(reason)
        case _:
            return again(reason, slowly=True)


def _message(errand: Errand, settings: Settings) -> EmailMessage:
    opening = errand.task.action is TicketAction.OPEN
    first = _message_id(errand.ticket.id, settings)
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(addr_spec=settings.sender)
    made["To"] = tuple(Address(addr_spec=address) for address in settings.to)
    made["Subject"] = title(errand) if opening else f"Re: {title(errand)}"
    made["Date"] = format_datetime(errand.task.created_at)
    made["Message-ID"] = first if opening else _message_id(errand.task.id, settings)
    if not opening:
        made["In-Reply-To"] = first
        made["References"] = first
    # RFC 3834: no automatic reply to this.
    made["Auto-Submitted"] = "auto-generated"
    # Seven bits go through every server, whatever it announces.
    said = body(errand) if opening else f"{news(errand)}\n\n{body(errand)}"
    made.set_content(said, cte="quoted-printable")
    return made


def _message_id(name: str, settings: Settings) -> str:
    return f"<{name}@{settings.sender.rpartition('@')[2]}>"


SYSTEM = Smtp()
