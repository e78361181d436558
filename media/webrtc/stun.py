"""STUN as an ICE-lite agent needs it (RFC 8489, RFC 8445): Binding requests in, Binding responses out. Sans-I/O.

Only authenticated Binding requests are understood. Whatever else arrives is not answered, so that a stranger
who guesses the port can neither learn about sessions nor use it to reflect traffic.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib

import msgspec

MAGIC_COOKIE = 0x2112A442
_HEADER = struct.Struct("!HHL12s")
_ATTRIBUTE = struct.Struct("!HH")

BINDING_REQUEST = 0x0001
BINDING_RESPONSE = 0x0101

_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_XOR_MAPPED_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_FINGERPRINT_XOR = 0x5354554E

MAX_DATAGRAM = 1_500
MAX_ATTRIBUTES = 32


class BindingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A well-formed Binding request whose integrity was not checked yet."""

    transaction_id: bytes
    local_ufrag: str
    remote_ufrag: str
    nominates: bool
    #: The bytes that MESSAGE-INTEGRITY covers, with the length field already adjusted, and its 20 bytes.
    signed: bytes
    integrity: bytes

    def is_signed_with(self, password: str) -> bool:
        """Whether the short-term credential of RFC 8489, section 9.1 fits. Constant time."""
        return hmac.compare_digest(hmac.digest(password.encode(), self.signed, "sha1"), self.integrity)


def is_stun(data: bytes) -> bool:
    """Whether it is STUN and not DTLS or RTP, by the first byte (RFC 7983) and the magic cookie."""
    return len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def parse_request(data: bytes) -> BindingRequest | None:
    """The Binding request in a datagram; None when it is another message, unsigned or malformed."""
    if len(data) > MAX_DATAGRAM or not is_stun(data):
        return None
    kind, length, _, _ = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or length != len(data) - 20 or length % 4:
        return None
    username, nominates = b"", False
    position = 20
    for _ in range(MAX_ATTRIBUTES):
        if position + 4 > len(data):
            return None
        name, size = _ATTRIBUTE.unpack_from(data, position)
        value = data[position + 4 : position + 4 + size]
        if len(value) != size:
            return None
        if name == _USERNAME:
            username = value
        elif name == _USE_CANDIDATE:
            nominates = True
        elif name == _MESSAGE_INTEGRITY:
            return _signed(data, position, value, username=username, nominates=nominates)
        position += 4 + size + (-size % 4)
    return None


def _signed(data: bytes, position: int, integrity: bytes, *, username: bytes, nominates: bool) -> BindingRequest | None:
    try:
        local, _, remote = username.decode("utf-8").partition(":")
    except UnicodeDecodeError:
        return None
    if len(integrity) != 20 or not local or not remote:
        return None
    covered = data[:2] + (position + 24 - 20).to_bytes(2, "big") + data[4:position]
    return BindingRequest(
        transaction_id=data[8:20],
        local_ufrag=local,
        remote_ufrag=remote,
        nominates=nominates,
        signed=covered,
        integrity=integrity,
    )


def response(request: BindingRequest, *, address: tuple[str, int], password: str) -> bytes:
    """The success response to ``request``, which came from ``address``, signed and with a fingerprint."""
    mapped = _attribute(_XOR_MAPPED_ADDRESS, _xor_address(address, request.transaction_id))
    head = _HEADER.pack(BINDING_RESPONSE, len(mapped) + 24, MAGIC_COOKIE, request.transaction_id) + mapped
    signed = head + _attribute(_MESSAGE_INTEGRITY, hmac.digest(password.encode(), head, "sha1"))
    sealed = signed[:2] + (len(signed) - 20 + 8).to_bytes(2, "big") + signed[4:]
    checksum = (zlib.crc32(sealed) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
    return sealed + _attribute(_FINGERPRINT, checksum)


def _attribute(name: int, value: bytes) -> bytes:
    """``value`` has whole words, so that it needs no padding."""
    return _ATTRIBUTE.pack(name, len(value)) + value


def _xor_address(address: tuple[str, int], transaction_id: bytes) -> bytes:
    ip = ipaddress.ip_address(address[0].partition("%")[0])
    key = MAGIC_COOKIE.to_bytes(4, "big") + transaction_id
    host = bytes(a ^ b for a, b in zip(ip.packed, key, strict=False))
    family = 1 if ip.version == 4 else 2
    return struct.pack("!xBH", family, address[1] ^ (MAGIC_COOKIE >> 16)) + host
