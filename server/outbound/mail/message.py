"""One mail as the bytes that SMTP carries (RFC 5322). Pure.

The bytes of a mail are the same each time they are made, the Message-ID included, so that a receiving server or mail
program recognises a mail that comes twice.
"""

from __future__ import annotations

import datetime as dt
from base64 import encodebytes
from collections.abc import Mapping
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import msgspec

from actors.text import clean_line
from server.outbound.envelopes import Envelope, envelope
from server.outbound.mail.templates import Rendered

MAX_NAME_CHARS: Final = 64

# Written here and not by `email`, which would take three times as long for them, on the event loop.
# Auto-Submitted (RFC 3834) asks for no out-of-office answers.
FIXED_HEAD: Final = """\
Date: {date}
Message-ID: {message_id}
Auto-Submitted: auto-generated
Content-Language: {language}
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="{boundary}"

"""
PART_HEAD: Final = """\
--{boundary}
Content-Type: text/{form}; charset="utf-8"
Content-Transfer-Encoding: base64

"""

# RFC 8058, 3.1. Not folded: `email` would encode an address that is longer than a line, which no program reads.
UNSUBSCRIBE_HEAD: Final = """\
List-Unsubscribe: <{address}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
"""


class Composed(msgspec.Struct, frozen=True):
    message_id: str
    recipient: Envelope
    content: bytes


def shown_name(name: str) -> str:
    """A name as a header may carry it: one line, nothing that cannot be seen, not too long."""
    return clean_line(name)[:MAX_NAME_CHARS].strip()


def compose(
    rendered: Rendered,
    *,
    mail_id: str,
    sender: str,
    sender_name: str,
    address: str,
    name: str,
    language: str,
    written_at: dt.datetime,
) -> Composed:
    """Raises ``BadAddress``. The content is 7-bit, but for the headers of an international address (RFC 6532)."""
    recipient = envelope(address)
    message_id, boundary = f"<{mail_id}@{sender.rpartition('@')[2]}>", f"=_{mail_id}"
    head = EmailMessage(policy=policy.SMTP.clone(utf8=recipient.is_international))
    head["From"] = Address(shown_name(sender_name), addr_spec=sender)
    head["To"] = _mailbox(recipient.address, shown_name(name))
    head["Subject"] = clean_line(rendered.subject)
    fixed = FIXED_HEAD.format(
        date=format_datetime(written_at), message_id=message_id, language=language, boundary=boundary
    )
    unsubscribe = UNSUBSCRIBE_HEAD.format(address=rendered.unsubscribe) if rendered.unsubscribe else ""
    texts = {"plain": rendered.text, "html": rendered.html}
    return Composed(message_id, recipient, _folded(head) + _lines(unsubscribe + fixed) + _alternatives(boundary, texts))


def _folded(head: EmailMessage) -> bytes:
    return b"".join(head.policy.fold_binary(name, value) for name, value in head.items())


def _alternatives(boundary: str, texts: Mapping[str, str]) -> bytes:
    """A body of RFC 2046, 5.1.4: the same in several forms, the best last."""
    parts = [
        _lines(PART_HEAD.format(boundary=boundary, form=form)) + encodebytes(text.encode()).replace(b"\n", b"\r\n")
        for form, text in texts.items()
    ]
    return b"".join([*parts, _lines(f"--{boundary}--\n")])


def _lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("ascii")


def _mailbox(address: str, name: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)
