"""DTLS 1.2 and the SRTP keys it yields (RFC 5764). Sans-I/O: datagrams in, datagrams out.

The peer is authenticated by the fingerprint of its certificate, which came over HTTPS with the offer.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import struct
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from media.webrtc.srtp import SALT_BYTES, RtpSealer

State = Literal["connecting", "connected", "closed"]

MTU = 1_200
_RECORD_HEADER = 13
_RECORD_LENGTH = struct.Struct("!H")
_MAX_FLIGHT = 65_536
_MAX_HELLOS = 10
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"
_DTLS_1_2 = 0xFEFD

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}

#: OpenSSL's name → (libsrtp profile, key length, salt length); the first that both know is taken.
_SRTP_PROFILES: dict[bytes, tuple[int, int, int]] = {
    b"SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    b"SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}


def supported_digests() -> frozenset[str]:
    """The ``a=fingerprint`` hash functions that can be checked."""
    return frozenset(_DIGESTS)


class Certificate:
    """A self-signed certificate and its DTLS context, shared by all sessions of an endpoint."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _self_signed(key)
        self._context = SSL.Context(SSL.DTLS_METHOD)
        self._context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        self._context.set_max_proto_version(_DTLS_1_2)
        # Any certificate is let through here, as all of them are self-signed: the fingerprint decides.
        self._context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self._context.use_certificate(self._certificate)
        self._context.use_privatekey(key)
        self._context.set_cipher_list(_CIPHERS)
        self._context.set_tlsext_use_srtp(b":".join(_SRTP_PROFILES))

    @property
    def fingerprint(self) -> str:
        """SHA-256, as ``a=fingerprint`` wants it."""
        return fingerprint(self._certificate, "sha-256")

    def connection(self, *, is_client: bool) -> SSL.Connection:
        connection = SSL.Connection(self._context)
        if is_client:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        connection.set_ciphertext_mtu(MTU)
        return connection


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, os.urandom(16).hex())])
    now = datetime.datetime.now(tz=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    return builder.not_valid_after(now + datetime.timedelta(days=365)).sign(key, hashes.SHA256())


def fingerprint(certificate: x509.Certificate, algorithm: str) -> str:
    return certificate.fingerprint(_DIGESTS[algorithm]).hex(":").upper()


class DtlsPeer:
    """One handshake and what follows it. ``rx`` and ``tx`` protect media once ``state`` is "connected".

    ``sealer`` is there beside ``tx`` when the profile is one of GCM: RTP goes through it, RTCP through ``tx``.
    ``fingerprints`` are the peer's (algorithm, value); the certificate must match one (RFC 8122, section 5).
    As the client, :meth:`start` begins the handshake; as the server, the peer does.
    ``outgoing`` holds the datagrams to send after each call; the caller empties it.
    """

    def __init__(
        self, *, certificate: Certificate, fingerprints: tuple[tuple[str, str], ...], is_client: bool = False
    ) -> None:
        self.state: State = "connecting"
        self.reason = ""
        self.outgoing: list[bytes] = []
        self.rx: Session | None = None
        self.tx: Session | None = None
        self.sealer: RtpSealer | None = None
        self._fingerprints = fingerprints
        self._is_client = is_client
        self._has_started = not is_client
        self._hello: list[bytes] = []
        self._hellos_left = _MAX_HELLOS
        self._ssl = certificate.connection(is_client=is_client)

    def start(self) -> None:
        """As the client: say hello. Only the first call does something."""
        if not self._has_started:
            self._has_started = True
            self._handshake()
            self._flush()
            self._hello = list(self.outgoing)

    def receive(self, datagram: bytes) -> None:
        """Feed one datagram whose first byte is 20 to 63."""
        if self.state == "closed":
            return
        self._hellos_left = 0
        try:
            self._ssl.bio_write(datagram)
        except SSL.Error:
            return
        if self.state == "connecting":
            self._handshake()
        else:
            self._read()
        self._flush()

    def on_timer(self) -> None:
        """Repeat a flight that was lost, when its time has come. Call it every 50 ms or so while connecting."""
        if self.state != "connecting" or not self._has_started:
            return
        timeout = self._ssl.DTLSv1_get_timeout()
        if timeout is not None and timeout <= 0:
            try:
                self._ssl.DTLSv1_handle_timeout()
            except SSL.Error:
                self._fail("the DTLS handshake timed out")
        self._flush()
        if self._hellos_left and not self.outgoing:
            # Some servers lose a hello that comes while they end their ICE checks; a second is long to wait.
            self._hellos_left -= 1
            self.outgoing.extend(self._hello)

    def close(self) -> None:
        """Queue a close_notify. Idempotent."""
        if self.state == "connected":
            with contextlib.suppress(SSL.Error):
                self._ssl.shutdown()
            self._flush()
        self.state = "closed"

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self._fail("the DTLS handshake failed")
            return
        self._finish()

    def _finish(self) -> None:
        if not self._is_expected_peer():
            self._fail("the DTLS certificate is not the one of the offer")
            return
        profile = _SRTP_PROFILES.get(self._ssl.get_selected_srtp_profile())
        if profile is None:
            self._fail("no SRTP profile in common")
            return
        self._derive_keys(*profile)
        self.state = "connected"

    def _is_expected_peer(self) -> bool:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return False
        known = [(name, value) for name, value in self._fingerprints if name in _DIGESTS]
        return any(fingerprint(certificate, name) == value.upper() for name, value in known)

    def _derive_keys(self, profile: int, key_length: int, salt_length: int) -> None:
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key_length + salt_length))
        salts = 2 * key_length
        client = material[:key_length] + material[salts : salts + salt_length]
        server = material[key_length:salts] + material[salts + salt_length :]
        ours, theirs = (client, server) if self._is_client else (server, client)
        self.rx = _session(theirs, profile, Policy.SSRC_ANY_INBOUND)
        self.tx = _session(ours, profile, Policy.SSRC_ANY_OUTBOUND)
        if salt_length == SALT_BYTES:
            self.sealer = RtpSealer.of_master(ours[:key_length], ours[key_length:])

    def _read(self) -> None:
        try:
            self._ssl.recv(MTU)
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self.reason = "closed by the peer"
            self.close()
        except SSL.Error:
            self._fail("DTLS failed")

    def _fail(self, reason: str) -> None:
        self.reason = reason
        self.state = "closed"

    def _flush(self) -> None:
        try:
            flight = self._ssl.bio_read(_MAX_FLIGHT)
        except SSL.Error:
            return
        self.outgoing.extend(split_records(flight))


def split_records(flight: bytes) -> list[bytes]:
    """Cut what OpenSSL wrote for one flight at record borders into datagrams that fit the MTU."""
    datagrams: list[bytes] = []
    start = position = 0
    while position + _RECORD_HEADER <= len(flight):
        end = position + _RECORD_HEADER + _RECORD_LENGTH.unpack_from(flight, position + 11)[0]
        if end - start > MTU and position > start:
            datagrams.append(flight[start:position])
            start = position
        position = end
    if start < len(flight):
        datagrams.append(flight[start:])
    return datagrams


def _session(key: bytes, profile: int, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.allow_repeat_tx = True
    policy.window_size = 1_024
    return Session(policy)
