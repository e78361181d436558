"""RTP packets under AEAD_AES_GCM (RFC 7714) with many of them at once: what a frame to one viewer costs. Sans-I/O.

What comes in, RTCP and the older profiles are libsrtp's business. This does only the sending of RTP, whose sender
knows the number of each packet beyond 16 bits, so that there is no state to keep.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TAG_BYTES = 16
SALT_BYTES = 12
_KEY_LABEL, _SALT_LABEL = 0x00, 0x02


class RtpSealer:
    """One direction of one session.

    A number must not be used for two packets that differ: that would give the key of the tags away. So what is
    sent once more under its number is the same to the last byte.
    """

    def __init__(self, *, key: bytes, salt: bytes) -> None:
        """The session's: ``key`` has 16 or 32 bytes, ``salt`` 12."""
        self._key = key
        self._salt = int.from_bytes(salt, "big")
        self._ciphers: dict[int, Callable[[int, bytes, bytes], bytes]] = {}

    @classmethod
    def of_master(cls, key: bytes, salt: bytes) -> RtpSealer:
        """With the session's keys that come of these."""
        return cls(
            key=derived(key, salt, label=_KEY_LABEL, size=len(key)),
            salt=derived(key, salt, label=_SALT_LABEL, size=SALT_BYTES),
        )

    def seal(self, headers: Sequence[bytes], payloads: Sequence[bytes], *, ssrc: int, first: int) -> list[bytes]:
        """The sealed payloads. ``first`` is the number of the first packet beyond 16 bits, the others follow;
        ``headers`` have the low 16 bits, ``ssrc``, which is one of few, and their extensions (section 8.1)."""
        encrypt = self._ciphers.get(ssrc) or self._cipher(ssrc)
        return list(map(encrypt, range(first, first + len(headers)), payloads, headers))

    def _cipher(self, ssrc: int) -> Callable[[int, bytes, bytes], bytes]:
        """The nonce is made as QUIC makes it: what is the same in all, and the packet's number laid over its end."""
        nonce = (self._salt ^ (ssrc << 48)).to_bytes(SALT_BYTES, "big")
        encrypt: Callable[[int, bytes, bytes], bytes] = _kinds()[len(self._key)](self._key, nonce).encrypt
        self._ciphers[ssrc] = encrypt
        return encrypt


@functools.cache
def _kinds() -> Mapping[int, Any]:
    """By the size of the key. They need half of the time of others, which begin anew with each packet; imported with
    the first session, as a whole QUIC comes along."""
    from qh3._hazmat import AeadAes128Gcm, AeadAes256Gcm

    return {16: AeadAes128Gcm, 32: AeadAes256Gcm}


def derived(master_key: bytes, master_salt: bytes, *, label: int, size: int) -> bytes:
    """A session key or salt (RFC 3711, section 4.3.1; for salts of 12 bytes RFC 7714, section 11)."""
    salt = int.from_bytes(master_salt.ljust(14, b"\0"), "big") ^ (label << 48)
    counter = modes.CTR(salt.to_bytes(14, "big") + bytes(2))
    return Cipher(algorithms.AES(master_key), counter).encryptor().update(bytes(size))
