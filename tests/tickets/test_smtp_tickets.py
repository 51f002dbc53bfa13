"""tickets/smtp.py: the mail to the last byte, threads, and headers that no event can write."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickets_rig import NUMBER, errand, play, taken

from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Secret
from ringfence.model.mail import Mail, MailServer, MailTls
from ringfence.model.ticket import TicketAction
from ringfence.tickets import settings_of
from ringfence.tickets.base import again, done, refused
from ringfence.tickets.smtp import mail

OPTIONS: dict[str, Any] = {
    "host": "mail.example.org",
    "sender": "gate@example.org",
    "to": ("ops@example.org", "night@example.org"),
}
SETTINGS = settings_of("smtp", OPTIONS)
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding", "In-Reply-To", "References"),
}


def test_opening_is_one_mail() -> None:
    asked, outcome = play("smtp", SETTINGS, errand(), [taken()])
    assert asked == [
        Mail(
            MailServer("mail.example.org", 587, MailTls.STARTTLS),
            "gate@example.org",
            ("ops@example.org", "night@example.org"),
            b"From: gate@example.org\r\n"
            b"To: ops@example.org, night@example.org\r\n"
            b"Subject: Alert 12: Disk full\r\n"
            b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            b"Message-ID: <tkt_0199aa@example.org>\r\n"
            b"Auto-Submitted: auto-generated\r\n"
            b'Content-Type: text/plain; charset="utf-8"\r\n'
            b"Content-Transfer-Encoding: quoted-printable\r\n"
            b"MIME-Version: 1.0\r\n"
            b"\r\n"
            b"Disk full\r\n\r\n"
            b"Alert:    12\r\nState:    triggered\r\nSeverity: critical\r\n"
            b"Service:  db\r\nFlow:     incident\r\nOpened:   2026-11-21 12:00:00 UTC\r\n"
            b"Page:     https://mon.example.org/a/12\r\n\r\n"
            b"Ringfence: tkt_0199aa\r\n",
        )
    ]
    assert outcome == done()


def test_later_mails_answer_the_first_so_that_they_thread() -> None:
    first = _read(mail(errand(), SETTINGS))
    for action in (TicketAction.UPDATE, TicketAction.CLOSE):
        later = _read(mail(errand(action, "News.", state="resolved"), SETTINGS))
        assert later["Subject"] == f"Re: {first['Subject']}"
        assert later["In-Reply-To"] == later["References"] == first["Message-ID"]
        assert later["Message-ID"] == "<tsk_0199bb@example.org>"
        assert later.get_content().startswith("News.\r\n\r\nDisk full\r\n")
        assert "State:    resolved" in later.get_content()


def test_the_same_mail_is_made_in_every_try() -> None:
    assert mail(errand(), SETTINGS) == mail(errand(again=True), SETTINGS)


@given(title=st.text(max_size=300), service=st.text(max_size=100), text=st.text(max_size=500))
def test_words_of_an_event_never_become_a_header(title: str, service: str, text: str) -> None:
    sly = f"x\r\nBcc: eve@example.org\r\n\r\n{title}"
    for action in TicketAction:
        what = errand(action, text, title=sly, service=f"\nTo: x{service}", url=f"\n{title}")
        made = mail(what, SETTINGS)
        read = _read(made)
        assert set(read.keys()) <= HEADERS
        assert len(read.keys()) == len(set(read.keys()))
        assert read["To"] == "ops@example.org, night@example.org"
        assert made.recipients == ("ops@example.org", "night@example.org")
        head, _, rest = made.content.partition(b"\r\n\r\n")
        assert all(line[:1].isalpha() or line[:1] == b" " for line in head.split(b"\r\n"))
        assert made.content.isascii()
        assert all(len(line) <= 998 for line in rest.split(b"\r\n"))


def test_no_number_is_written() -> None:
    what = errand(TicketAction.UPDATE, f"Ask {NUMBER}", title=f"Call {NUMBER}", service=NUMBER)
    assert NUMBER.encode() not in mail(what, SETTINGS).content
    assert NUMBER[1:].encode() not in mail(what, SETTINGS).content


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (250, done()),
        (421, again("smtp_421", slowly=True)),
        (451, again("smtp_451", slowly=True)),
        (550, refused("smtp_550")),
        (535, refused("smtp_535")),
        (-1, again("smtp_-1", slowly=True)),
    ],
)
def test_what_a_code_means(code: int, wanted: Any) -> None:
    assert play("smtp", SETTINGS, errand(), [taken(code)])[1] == wanted


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (
            {"sender": "gate@example.org\r\nBcc: x@example.org"},
            "sender: expected an e-mail address",
        ),
        ({"sender": "Gate <gate@example.org>"}, "sender: expected an e-mail address"),
        ({"to": ()}, "to: expected 1 to 50 addresses"),
        ({"to": ("ops@example.org", "x")}, "to[1]: expected an e-mail address"),
        ({"host": "mail example"}, "host: expected the name of a mail server"),
        ({"port": 0}, "port: expected 1 to 65535"),
        ({"tls": "ssl"}, "tls: expected starttls, tls or none"),
        ({"user": "gate"}, "user: give user and password, or neither"),
        (
            {"user": "gate", "password": Secret("pw-x"), "tls": "none"},
            "tls: a password is sent over an encrypted connection only",
        ),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        settings_of("smtp", {**OPTIONS, **options})
    assert wrong in str(refusal.value)
    assert "pw-x" not in str(refusal.value)


def _read(made: Mail) -> Any:
    return email.message_from_bytes(made.content, policy=email.policy.default)
