"""Hands one mail to a mail server, and says with proof whether it may have been taken. Must never
send a password over a connection that is not encrypted, never put a server's words, an address or a
password into an error or a log (P9)."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ringfence.model.errors import NotDispatched, PossiblyDispatched
from ringfence.model.mail import Mail, MailReply, MailServer, MailTls

log = logging.getLogger("ringfence.smtp")

_TAKEN = frozenset({250, 251})


class SmtpMailer:
    """`ports.Mailer` on the standard library, in a thread of its own for each mail. `tls` replaces the
    default TLS context, which checks the server's name and certificate."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls

    async def send(self, mail: Mail) -> MailReply:
        """Hand it over once. The answer is the server's last word, whichever it is.

        Raises NotDispatched for a failure before the text was sent, PossiblyDispatched after."""
        reply = await asyncio.to_thread(self._send, mail)
        if reply.refused:
            extra = {"refused": reply.refused, "code": reply.code}
            log.warning("the mail server refused recipients", extra=extra)
        return reply

    def _send(self, mail: Mail) -> MailReply:
        place = f"{mail.server.host}:{mail.server.port}"
        try:
            with _failures(place, NotDispatched):
                server = self._connected(mail.server, mail.sender.rpartition("@")[2])
        except smtplib.SMTPResponseException as error:
            return MailReply(error.smtp_code)
        try:
            with _failures(place, NotDispatched):
                stopped, refused = _addressed(server, mail)
            if stopped is not None:
                return MailReply(stopped, refused)
            with _failures(place, PossiblyDispatched):
                return MailReply(_handed_over(server, mail.content), refused)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _connected(self, to: MailServer, name: str) -> smtplib.SMTP:
        """Connected, encrypted and logged in as told. The name is what we greet with."""
        tls = self._tls or ssl.create_default_context()
        server: smtplib.SMTP
        if to.tls is MailTls.IMPLICIT:
            server = smtplib.SMTP_SSL(to.host, to.port, name, timeout=to.timeout_s, context=tls)
        else:
            server = smtplib.SMTP(to.host, to.port, name, timeout=to.timeout_s)
        try:
            server.ehlo_or_helo_if_needed()
            if to.tls is MailTls.STARTTLS:
                _encrypted(server, tls)
            if to.user and to.password is not None and to.tls is not MailTls.NONE:
                server.login(to.user, to.password.reveal())
        except BaseException:
            server.close()
            raise
        return server


def _encrypted(server: smtplib.SMTP, tls: ssl.SSLContext) -> None:
    if not server.has_extn("starttls"):
        raise NotDispatched(
            "The mail server offers no STARTTLS; nothing is sent in the clear.", code="no_starttls"
        )
    code, _ = server.starttls(context=tls)
    if code != 220:
        raise smtplib.SMTPResponseException(code, b"")
    server.ehlo()


def _addressed(server: smtplib.SMTP, mail: Mail) -> tuple[int | None, int]:
    """Name sender and recipients. The code that stops the mail (None: it may go on), and how many
    recipients are refused for good. One that may be taken later stops it, so that nobody gets it
    twice; those refused for good do not keep it from the others."""
    code, _ = server.mail(mail.sender)
    if code != 250:
        return code, 0
    codes = [server.rcpt(address)[0] for address in mail.recipients]
    later = [code for code in codes if code not in _TAKEN and code < 500]
    never = [code for code in codes if code >= 500]
    if later or len(never) == len(codes):
        return (later or never)[0], len(never)
    return None, len(never)


def _handed_over(server: smtplib.SMTP, content: bytes) -> int:
    try:
        code, _ = server.data(content)
    except smtplib.SMTPDataError as error:  # it would not even listen
        return error.smtp_code
    return code


@contextmanager
def _failures(place: str, kind: type[NotDispatched | PossiblyDispatched]) -> Iterator[None]:
    """Name the failures of the wire as ours. Their texts are dropped, chain included: they quote
    the server, and some the address."""
    try:
        yield
    except smtplib.SMTPResponseException:
        raise
    except TimeoutError:
        raise kind(f"{place}: no answer in time.", code="timeout") from None
    except ssl.SSLError:
        raise kind(f"{place}: TLS failed.", code="tls_failed") from None
    except smtplib.SMTPNotSupportedError:
        raise kind(f"{place}: the server knows no way to log in that we know.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise kind(f"{place}: the connection failed ({type(error).__name__}).") from None
