"""Segments that are encrypted as a whole: AES-128 in CBC with PKCS #7 padding (RFC 8216, 4.3.2.4). Pure."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from media.errors import ProtocolError

KEY_BYTES: Final = 16
_BLOCK_BITS: Final = 128


def decrypted(body: bytes, *, key: bytes, iv: bytes) -> bytes:
    """Raises ``ProtocolError`` for what was not encrypted with this key."""
    if len(key) != KEY_BYTES:
        raise ProtocolError("a key of the segments has not 16 bytes")
    decryptor = Cipher(algorithms.AES128(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    try:
        padded = decryptor.update(body) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise ProtocolError("a segment cannot be decrypted with its key") from None
