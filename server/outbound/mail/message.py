"""One mail as the bytes that SMTP carries (RFC 5322). Pure.

The bytes of a mail are the same each time they are made, the Message-ID included: whoever gets a mail twice can tell.
"""

from __future__ import annotations

import datetime as dt
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final

import msgspec

from actors.text import clean_line
from server.outbound.envelopes import Envelope, envelope
from server.outbound.mail.templates import Rendered

MAX_NAME_CHARS: Final = 64


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
    host = sender.rpartition("@")[2]
    message = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit", utf8=recipient.is_international))
    message["From"] = Address(shown_name(sender_name), addr_spec=sender)
    message["To"] = _mailbox(recipient.address, shown_name(name))
    message["Subject"] = clean_line(rendered.subject)
    message["Date"] = written_at
    message["Message-ID"] = f"<{mail_id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message["Content-Language"] = language
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{mail_id}")
    return Composed(message["Message-ID"], recipient, message.as_bytes())


def _mailbox(address: str, name: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)
