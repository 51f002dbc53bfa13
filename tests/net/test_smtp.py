"""net/smtp.py against a mail server of ours on loopback that counts what reaches it and then
misbehaves."""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ringfence.model.errors import NotDispatched, PossiblyDispatched
from ringfence.model.line import Secret
from ringfence.model.mail import Mail, MailReply, MailServer, MailTls
from ringfence.net.smtp import SmtpMailer

PASSWORD = "hunter2-of-tests"
CONTENT = b"Subject: x\r\n\r\nfirst\r\n.hidden dot\r\nlast\r\n"


@dataclass
class Server:
    """`replies` overrides the answer to a verb; `hang` is a verb that is never answered, `drop` one
    that ends the connection."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    replies: dict[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("AUTH PLAIN",)
    hang: str = ""
    drop: str = ""
    said: list[tuple[bool, str]] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    encrypted: bool = False

    def verbs(self) -> list[str]:
        return [line.split(" ")[0] for _, line in self.said]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._say(writer, self.replies.get("CONNECT", "220 hello"))
            while line := (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n"):
                verb = line.split(" ")[0].upper()
                self.said.append((self.encrypted, line))
                if verb == self.hang:
                    await reader.read()
                if verb == self.drop:
                    return
                if not await self._answer(verb, line, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()

    async def _answer(
        self, verb: str, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if verb == "EHLO":
            offered = [*self.extensions, *(["STARTTLS"] if self.tls and not self.encrypted else [])]
            known = ["hello", *offered]
            lines = [f"250-{word}" for word in known[:-1]] + [f"250 {known[-1]}"]
            await self._say(writer, "\r\n".join(lines))
        elif verb == "STARTTLS":
            await self._say(writer, self.replies.get(verb, "220 go on"))
            assert self.tls is not None
            await writer.start_tls(self.tls)
            self.encrypted = True
        elif verb == "DATA" and "DATA" not in self.replies:
            await self._say(writer, "354 go on")
            self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            if self.drop == "TEXT":
                return False
            if self.hang == "TEXT":
                await reader.read()
            await self._say(writer, self.replies.get("TEXT", "250 taken"))
        else:
            said = {"AUTH": "235 welcome", "QUIT": "221 bye"}.get(verb, "250 fine")
            await self._say(writer, self.replies.get(line, self.replies.get(verb, said)))
        return True

    async def _say(self, writer: asyncio.StreamWriter, text: str) -> None:
        writer.write(text.encode() + b"\r\n")
        await writer.drain()


@asynccontextmanager
async def serving(server: Server, *, implicit: bool = False) -> AsyncIterator[Server]:
    server.encrypted = implicit
    tls = server.tls if implicit else None
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


@dataclass(frozen=True)
class Trust:
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """A certificate for 127.0.0.1 of our own making, and a client that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path = Path(tmp_path_factory.mktemp("tls")) / "server.pem"
    path.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Trust(server, ssl.create_default_context(cadata=pem.decode()))


def mail(server: Server, **settings: object) -> Mail:
    to = MailServer("127.0.0.1", server.port, MailTls.NONE, timeout_s=5.0)
    to = replace(to, **settings)  # type: ignore[arg-type]
    return Mail(to, "gate@example.org", ("ops@example.org", "night@example.org"), CONTENT)


async def test_a_mail_arrives_as_it_was_made() -> None:
    async with serving(Server()) as server:
        assert await SmtpMailer().send(mail(server)) == MailReply(250)
    assert [line for _, line in server.said] == [
        "ehlo example.org",
        "mail FROM:<gate@example.org>",
        "rcpt TO:<ops@example.org>",
        "rcpt TO:<night@example.org>",
        "data",
        "quit",
    ]
    assert server.mails == [CONTENT.replace(b"\r\n.", b"\r\n..") + b".\r\n"]


@pytest.mark.proves("P9")
@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.IMPLICIT])
async def test_the_password_is_said_over_tls_only(
    trust: Trust, tls: MailTls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = {"user": "gate", "password": Secret(PASSWORD), "tls": tls}
    async with serving(Server(tls=trust.server), implicit=tls is MailTls.IMPLICIT) as server:
        assert await SmtpMailer(trust.client).send(mail(server, **given)) == MailReply(250)
    said = base64.b64encode(f"\0gate\0{PASSWORD}".encode()).decode()
    [(encrypted, _)] = [one for one in server.said if said in one[1]]
    assert encrypted
    assert all(
        encrypted for encrypted, line in server.said if not line.startswith(("ehlo", "STAR"))
    )
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(mail(server, **given))


@pytest.mark.parametrize("user", ["", "gate"])
async def test_without_starttls_nothing_is_said(user: str) -> None:
    given = {"tls": MailTls.STARTTLS, "user": user, "password": Secret(PASSWORD)}
    async with serving(Server()) as server:
        with pytest.raises(NotDispatched) as caught:
            await SmtpMailer().send(mail(server, **given))
    assert caught.value.code == "no_starttls"
    assert [verb.lower() for verb in server.verbs()] == ["ehlo"]


async def test_a_certificate_of_somebody_else_is_not_trusted(trust: Trust) -> None:
    for tls in (MailTls.STARTTLS, MailTls.IMPLICIT):
        implicit = tls is MailTls.IMPLICIT
        async with serving(Server(tls=trust.server), implicit=implicit) as server:
            with pytest.raises(NotDispatched) as caught:
                await SmtpMailer().send(mail(server, tls=tls))
        assert caught.value.code == "tls_failed"
        assert server.mails == []


@pytest.mark.parametrize(
    ("replies", "wanted"),
    [
        ({"CONNECT": "421 full"}, MailReply(421)),
        ({"MAIL": "452 full"}, MailReply(452)),
        ({"RCPT": "550 nobody"}, MailReply(550, 2)),
        ({"RCPT": "451 greylisted"}, MailReply(451)),
        ({"DATA": "451 later"}, MailReply(451)),
        ({"DATA": "554 no"}, MailReply(554)),
        ({"TEXT": "451 later"}, MailReply(451)),
        ({"TEXT": "552 too large"}, MailReply(552)),
        ({"rcpt TO:<ops@example.org>": "451 later"}, MailReply(451)),
    ],
)
async def test_what_the_server_says_is_the_answer(
    replies: dict[str, str], wanted: MailReply
) -> None:
    async with serving(Server(replies=replies)) as server:
        assert await SmtpMailer().send(mail(server)) == wanted


async def test_one_bad_recipient_does_not_keep_it_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    replies = {"rcpt TO:<night@example.org>": "550 unknown"}
    async with serving(Server(replies=replies)) as server:
        assert await SmtpMailer().send(mail(server)) == MailReply(250, 1)
    assert len(server.mails) == 1
    [record] = [one for one in caplog.records if one.name == "ringfence.smtp"]
    assert "refused recipients" in record.message
    assert "night" not in caplog.text


async def test_a_login_that_is_refused_is_the_answer(trust: Trust) -> None:
    given = {"user": "gate", "password": Secret(PASSWORD), "tls": MailTls.STARTTLS}
    async with serving(Server(tls=trust.server, replies={"AUTH": "535 wrong"})) as server:
        assert await SmtpMailer(trust.client).send(mail(server, **given)) == MailReply(535)
    assert server.mails == []


@pytest.mark.proves("P5")
@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT"])
async def test_a_failure_before_the_text_is_not_dispatched(verb: str) -> None:
    async with serving(Server(drop=verb)) as server:
        with pytest.raises(NotDispatched):
            await SmtpMailer().send(mail(server))
    async with serving(Server(hang=verb)) as server:
        with pytest.raises(NotDispatched) as caught:
            await SmtpMailer().send(mail(server, timeout_s=0.2))
    assert caught.value.code in ("timeout", "not_dispatched")
    assert "example.org" not in str(caught.value)


@pytest.mark.proves("P5")
async def test_a_failure_after_the_text_may_have_been_dispatched() -> None:
    for server in (Server(drop="TEXT"), Server(hang="TEXT")):
        async with serving(server):
            with pytest.raises(PossiblyDispatched) as caught:
                await SmtpMailer().send(mail(server, timeout_s=0.2))
        assert len(server.mails) == 1
        assert caught.value.__cause__ is None
        assert "example.org" not in str(caught.value)


async def test_nobody_there_is_not_dispatched() -> None:
    async with serving(Server()) as server:
        pass
    with pytest.raises(NotDispatched) as caught:
        await SmtpMailer().send(mail(server))
    assert f"127.0.0.1:{server.port}" in str(caught.value)
