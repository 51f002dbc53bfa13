"""E-mail as values: what should go out, through which server, what it answered. No sockets here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ringfence.model.line import Secret


class MailTls(Enum):
    """STARTTLS: the connection is encrypted before anything is said (RFC 3207). IMPLICIT: from its
    first byte (RFC 8314). NONE: never, for a server on this machine."""

    STARTTLS = "starttls"
    IMPLICIT = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. `user` empty: nobody logs in. `timeout_s` is for each answer."""

    host: str
    port: int
    tls: MailTls = MailTls.STARTTLS
    user: str = ""
    password: Secret | None = None
    timeout_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, whole: `content` is headers and body with CRLF line ends (RFC 5322), `sender` and
    `recipients` the addresses of the envelope."""

    server: MailServer
    sender: str = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailReply:
    """The server's last word: the three digits of RFC 5321 section 4.2. `refused` is how many of
    the recipients it would not take."""

    code: int
    refused: int = 0
