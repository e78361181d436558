"""An address as the envelope of a mail has it (RFC 5321, 4.1.2; RFC 6531). Pure."""

from __future__ import annotations

import re
from typing import Final

import idna
import msgspec

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
