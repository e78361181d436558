"""The encryption of Web Push: RFC 8291 over the one record of RFC 8188 ``aes128gcm``. Pure."""

from __future__ import annotations

import struct
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SALT_BYTES: Final = 16
AUTH_BYTES: Final = 16
POINT_BYTES: Final = 65
RECORD_BYTES: Final = 4_096
MAX_PLAINTEXT: Final = 3_993
"""What every push service must take (RFC 8291, 4): 4,096 bytes less header, padding delimiter and tag."""
_LAST: Final = b"\x02"
"""The padding delimiter of the last record (RFC 8188, 2)."""


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as an uncompressed point: 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def device_key(p256dh: bytes) -> ec.EllipticCurvePublicKey:
    """Raises ``ValueError`` for what is no uncompressed point of P-256."""
    if len(p256dh) != POINT_BYTES or p256dh[0] != 4:
        raise ValueError("no uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)


def encrypted(
    plaintext: bytes, *, p256dh: bytes, auth: bytes, private: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    """The body of a push request. ``private`` and ``salt`` are new for each message.

    Raises ``ValueError`` for a key that is none and for more than ``MAX_PLAINTEXT`` bytes.
    """
    if len(plaintext) > MAX_PLAINTEXT:
        raise ValueError(f"a push message has at most {MAX_PLAINTEXT} bytes")
    theirs, ours = device_key(p256dh), point(private.public_key())
    shared = private.exchange(ec.ECDH(), theirs)
    ikm = _hkdf(salt=auth, ikm=shared, info=b"WebPush: info\0" + p256dh + ours, length=32)
    key = _hkdf(salt=salt, ikm=ikm, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _hkdf(salt=salt, ikm=ikm, info=b"Content-Encoding: nonce\0", length=12)
    header = salt + struct.pack(">IB", RECORD_BYTES, len(ours)) + ours
    return header + AESGCM(key).encrypt(nonce, plaintext + _LAST, None)


def _hkdf(*, salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(ikm)
