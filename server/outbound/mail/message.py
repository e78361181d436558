"""One mail as the bytes that SMTP carries (RFC 5322), and the address as its envelope has it (RFC 5321). Pure.

The bytes of a mail are the same each time they are made, the Message-ID included: whoever gets a mail twice can tell.
"""

from __future__ import annotations

import datetime as dt
import re
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final

import idna
import msgspec

from actors.text import clean_line
from server.outbound.mail.templates import Rendered

MAX_NAME_CHARS: Final = 64
MAX_LOCAL_BYTES: Final = 64
MAX_DOMAIN_CHARS: Final = 253

_ATOM: Final = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\ud7ff\uf900-\ufffd\U00010000-\U0010ffff-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL: Final = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")


class BadAddress(ValueError):
    """An address that no envelope can carry."""


class Envelope(msgspec.Struct, frozen=True):
    """``is_international``: the part before the @ is not ASCII, so that only a server with SMTPUTF8 can take it."""

    address: str
    is_international: bool


class Composed(msgspec.Struct, frozen=True):
    message_id: str
    recipient: Envelope
    content: bytes


def envelope(address: str) -> Envelope:
    """The address with its domain in ASCII. Raises ``BadAddress`` for what is not ``atoms@domain``."""
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local.encode()) > MAX_LOCAL_BYTES:
        raise BadAddress("what stands before the @ cannot be written in an envelope")
    host = _ascii_domain(domain)
    if not _HOST.fullmatch(host) or len(host) > MAX_DOMAIN_CHARS:
        raise BadAddress("what stands behind the @ is no domain")
    return Envelope(f"{local}@{host}", not local.isascii())


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress("what stands behind the @ is no domain") from error


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
