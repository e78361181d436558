"""One peer behind the UDP port: ICE-lite (RFC 8445, section 2.5), DTLS-SRTP, and when it counts as gone.

A lite agent never checks: it answers the peer's checks and uses the pair that the peer nominates, so that an
offer's candidates are not needed, whatever their number or kind. Consent (RFC 7675) is the peer's business
too; here a peer that has sent nothing authentic for ``idle_after_s`` has gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

import pylibsrtp

from media.webrtc import rtp, stun
from media.webrtc.dtls import Certificate, DtlsPeer
from media.webrtc.paths import Path, Run
from media.webrtc.port import RtcPort
from media.webrtc.sdp import IceTransport
from media.webrtc.sdp_answer import LocalIce
from media.webrtc.srtp import RtpSealer

MAX_PATHS = 8
_MAX_ICE_SESSIONS = 2
_HANDSHAKE_TICK_S = 0.05


class Handler(Protocol):
    """What a session's media is for. Calls are synchronous; ``now`` is the loop's time."""

    def on_connected(self, now: float) -> None:
        """Keys are there: from now on media can be sent."""

    def on_rtp(self, data: bytes, now: float) -> None:
        """A decrypted RTP packet."""

    def on_rtcp(self, data: bytes, now: float) -> None:
        """A decrypted compound RTCP packet."""

    def on_tick(self, now: float) -> None:
        """About every ``tick_s`` while connected."""


class PeerSession:
    """Created with the answer; lives until :meth:`close`, which it also calls itself with the reason.

    ``on_closed`` comes exactly once, and after it the handler is not called.
    """

    def __init__(
        self,
        *,
        port: RtcPort,
        certificate: Certificate,
        remote: IceTransport,
        handler: Handler,
        on_closed: Callable[[str], None],
        now: float,
        connect_within_s: float,
        idle_after_s: float,
        tick_s: float,
    ) -> None:
        self.next_tick_at = now
        self.path: Path | None = None
        self.is_connected = False
        self.closed: str | None = None
        self.auth_failures = 0
        self._port = port
        self._fingerprint = certificate.fingerprint
        self._remote = remote
        self._remote_ufrags = {remote.ufrag}
        self._handler = handler
        self._on_closed = on_closed
        self._connect_by = now + connect_within_s
        self._idle_after_s = idle_after_s
        self._tick_s = tick_s
        self._heard_at = now
        self._is_nominated = False
        self._paths: list[Path] = []
        self._credentials: dict[str, str] = {}
        self._dtls = DtlsPeer(
            certificate=certificate, fingerprints=tuple(remote.fingerprints), is_client=remote.setup == "passive"
        )
        self._tx: pylibsrtp.Session | None = None
        self._rx: pylibsrtp.Session | None = None
        self._sealer: RtpSealer | None = None
        self._ufrag = self._new_credentials()

    @property
    def etag(self) -> str:
        """The entity tag of the ICE session: changes with every restart (RFC 9725, section 4.3.1)."""
        return f'"{self._ufrag}"'

    @property
    def local(self) -> LocalIce:
        return LocalIce(
            ufrag=self._ufrag,
            password=self._credentials[self._ufrag],
            fingerprint=self._fingerprint,
            candidates=self._port.candidates,
            tcp_candidates=self._port.tcp_candidates,
            setup="active" if self._remote.setup == "passive" else "passive",
        )

    def is_current(self, ufrag: str) -> bool:
        """Whether a fragment that names ``ufrag`` is about this ICE session."""
        return ufrag in {"", self._remote.ufrag}

    def restart(self, ufrag: str) -> None:
        """A new ICE session for the same DTLS session: the old credentials stay good until a nomination."""
        self._remote_ufrags = {self._remote.ufrag, ufrag}
        self._remote.ufrag = ufrag
        self._ufrag = self._new_credentials()
        self._is_nominated = False

    def _new_credentials(self) -> str:
        while len(self._credentials) >= _MAX_ICE_SESSIONS:
            oldest = next(iter(self._credentials))
            del self._credentials[oldest]
            self._port.unlisten(oldest)
        ufrag = secrets.token_hex(6)
        self._credentials[ufrag] = secrets.token_hex(16)
        self._port.listen(self, ufrag)
        return ufrag

    def on_check(self, request: stun.BindingRequest, path: Path, now: float) -> bytes | None:
        password = self._credentials.get(request.local_ufrag)
        if password is None or not request.is_signed_with(password) or request.remote_ufrag not in self._remote_ufrags:
            self.auth_failures += 1
            return None
        self._heard_at = now
        self._admit(path)
        if request.local_ufrag == self._ufrag and (request.nominates or not self._is_nominated):
            self.path = path
            self._is_nominated |= request.nominates
        return stun.response(request, address=(path.address[0], path.address[1]), password=password)

    def _admit(self, path: Path) -> None:
        if path in self._paths:
            return
        self._paths.append(path)
        self._port.admit(self, path)
        if len(self._paths) > MAX_PATHS:
            oldest = next(known for known in self._paths if known is not self.path)
            self._paths.remove(oldest)
            self._port.revoke(self, oldest)

    def on_datagram(self, datagram: bytes, path: Path, now: float) -> None:
        if self._is_nominated and path is not self.path:
            return
        first = datagram[0]
        if 127 < first < 192:
            self._media(datagram, now)
        elif 19 < first < 64:
            self._handshake(datagram, now)

    def _media(self, datagram: bytes, now: float) -> None:
        if self._rx is None:
            return
        is_control = rtp.is_rtcp(datagram)
        try:
            plain = self._rx.unprotect_rtcp(datagram) if is_control else self._rx.unprotect(datagram)
        except (pylibsrtp.Error, ValueError):
            self.auth_failures += 1
            return
        self._heard_at = now
        if is_control:
            self._handler.on_rtcp(plain, now)
        else:
            self._handler.on_rtp(plain, now)

    def _handshake(self, datagram: bytes, now: float) -> None:
        self._dtls.receive(datagram)
        self._flush()
        if self._dtls.state == "closed":
            self.close(self._dtls.reason)
        elif self._dtls.state == "connected" and not self.is_connected:
            self.is_connected = True
            self._rx, self._tx, self._sealer = self._dtls.rx, self._dtls.tx, self._dtls.sealer
            self._handler.on_connected(now)

    def _flush(self) -> None:
        for datagram in self._dtls.outgoing:
            if self.path is not None:
                self.path.send(datagram)
        self._dtls.outgoing.clear()

    def on_tick(self, now: float) -> None:
        if not self.is_connected:
            self.next_tick_at = now + _HANDSHAKE_TICK_S
            if self.path is not None:
                # Not with the first check: its answer should be there before the hello.
                self._dtls.start()
            self._dtls.on_timer()
            self._flush()
            if now >= self._connect_by or self._dtls.state == "closed":
                self.close(self._dtls.reason or "no connection came about")
        elif now - self._heard_at > self._idle_after_s:
            self.close("nothing was heard of the peer")
        else:
            self.next_tick_at = now + self._tick_s
            self._handler.on_tick(now)

    def send_rtp(
        self, headers: Sequence[bytes], payloads: Sequence[bytes], *, ssrc: int, first: int, runs: Sequence[Run]
    ) -> None:
        """Protect and send RTP packets, in order; nothing while not connected. As ``RtpSealer.seal`` has it: headers of
        one size, ``first`` the number of the first packet beyond 16 bits. ``runs`` are those of the payloads."""
        if self._tx is None or self.path is None:
            return
        if self._sealer is not None:
            self.path.send_runs(headers, self._sealer.seal(headers, payloads, ssrc=ssrc, first=first), runs)
            return
        try:
            sealed = [self._tx.protect(header + payload) for header, payload in zip(headers, payloads, strict=True)]
        except (pylibsrtp.Error, ValueError):
            return
        self.path.send_runs(sealed, [b""] * len(sealed), runs)

    def send_rtcp(self, compound: bytes) -> None:
        if self._tx is None or self.path is None:
            return
        try:
            self.path.send(self._tx.protect_rtcp(compound))
        except (pylibsrtp.Error, ValueError):
            return

    def close(self, reason: str) -> None:
        """Send the peer close_notify and let go of everything. Idempotent: the first reason stays."""
        if self.closed is not None:
            return
        self.closed = reason
        self._dtls.close()
        self._flush()
        self._port.forget(self, ufrags=list(self._credentials), paths=self._paths)
        self._tx = self._rx = self._sealer = None
        self._on_closed(reason)
