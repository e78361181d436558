"""Offers (RFC 8866, RFC 8829, RFC 9725 section 4.2). Sans-I/O.

An offer is untrusted text: its size is looked at before anything else, everything in it is counted, and
what is echoed into the answer was checked to be a token first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from media.webrtc.errors import OfferRefused, malformed, unusable

MAX_SDP_BYTES = 64 * 1024
MAX_LINES = 2_048
MAX_MEDIA = 16
MAX_CANDIDATES = 128
MAX_FORMATS = 96
MAX_EXTENSIONS = 64
MAX_RIDS = 8
MAX_FINGERPRINTS = 8

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: dict[str, Direction] = {d: d for d in ("sendrecv", "sendonly", "recvonly", "inactive")}

RID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_RID = re.compile(r"[A-Za-z0-9_-]{1,32}")
ICE = re.compile(r"[A-Za-z0-9+/=_-]{4,256}")
_LINE_END = re.compile(r"\r\n?|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MEDIA = re.compile(r"([a-z]{1,16}) (\d{1,5})(?:/\d{1,3})? ([A-Za-z0-9/]{1,32})((?: [^ ]{1,32})*) ?")


class Format(msgspec.Struct, kw_only=True):
    """One payload type of a media section. ``name`` is lower case, ``fmtp`` the raw parameters."""

    payload_type: int
    name: str = ""
    clock_rate: int = 0
    fmtp: str = ""
    feedback: list[str] = msgspec.field(default_factory=list)

    @property
    def parameters(self) -> dict[str, str]:
        pairs = (item.strip().partition("=") for item in self.fmtp.split(";") if item.strip())
        return {name.lower(): value for name, _, value in pairs}


class IceTransport(msgspec.Struct, kw_only=True):
    """ICE and DTLS of one media section, with what it inherits from the session level."""

    ufrag: str = ""
    password: str = ""
    setup: str = ""
    fingerprints: list[tuple[str, str]] = msgspec.field(default_factory=list)


class MediaSection(msgspec.Struct, kw_only=True):
    """One ``m=`` section of an offer, in the order of the offer."""

    kind: str
    port: int
    protocol: str
    payload_types: list[str]
    transport: IceTransport
    mid: str = ""
    direction: Direction = "sendrecv"
    formats: dict[int, Format] = msgspec.field(default_factory=dict)
    extensions: dict[str, int] = msgspec.field(default_factory=dict)
    rids: list[str] = msgspec.field(default_factory=list)
    is_simulcast: bool = False
    has_mux: bool = False
    is_mux_only: bool = False

    @property
    def can_send(self) -> bool:
        return self.direction in {"sendrecv", "sendonly"}

    @property
    def can_receive(self) -> bool:
        return self.direction in {"sendrecv", "recvonly"}

    @property
    def is_usable(self) -> bool:
        """Whether it is media over DTLS-SRTP with feedback that the offerer did not switch off itself."""
        is_srtp = self.protocol in {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF"}
        return self.kind in {"audio", "video"} and is_srtp and (self.port != 0 or bool(self.mid))

    def find(self, name: str) -> list[Format]:
        """The formats of that codec (lower case), the offerer's favourite first."""
        wanted = (self.formats.get(int(pt)) for pt in self.payload_types if pt.isdigit())
        return [found for found in wanted if found is not None and found.name == name]


class Offer(msgspec.Struct, kw_only=True):
    media: list[MediaSection]
    bundle: list[str]

    def first(self, kind: str) -> MediaSection | None:
        """The first usable section of that kind."""
        return next((m for m in self.media if m.kind == kind and m.is_usable), None)


def parse_offer(text: str) -> Offer:
    """The offer in ``text``. Raises Refused: 413 when it is too long, 400 when it is not a session description."""
    lines = sdp_lines(text)
    try:
        return _Parser().run(lines)
    except ValueError as error:
        raise malformed("A number or a value has the wrong form.") from error


def sdp_lines(text: str) -> list[str]:
    """The lines that are not empty: they may end in CR LF, LF or CR, and have tabs (RFC 8866, section 9)."""
    if len(text) > MAX_SDP_BYTES or len(text.encode("utf-8", "replace")) > MAX_SDP_BYTES:
        detail = f"At most {MAX_SDP_BYTES} bytes are read."
        raise OfferRefused(413, reason="too_large", title="Session description too large", detail=detail)
    lines = _LINE_END.split(text)
    if len(lines) > MAX_LINES:
        raise malformed(f"More than {MAX_LINES} lines.")
    if _CONTROL.search(text):
        raise malformed("It has control characters.")
    return [stripped for line in lines if (stripped := line.rstrip(" \t"))]


class _Parser:
    def __init__(self) -> None:
        self._session = IceTransport()
        self._direction: Direction = "sendrecv"
        self._media: list[MediaSection] = []
        self._bundle: list[str] = []
        self._candidates = 0
        self._has_own_fingerprint = False

    def run(self, lines: Sequence[str]) -> Offer:
        """Lines of a type that is not known are passed over (RFC 8866, section 5)."""
        if not lines or lines[0] != "v=0":
            raise malformed("The first line must be v=0.")
        for line in lines[1:]:
            if line.startswith("m="):
                self._start_media(line[2:])
            elif line.startswith("a="):
                name, _, value = line[2:].partition(":")
                self._attribute(name, value)
        if not self._media:
            raise malformed("It has no media section.")
        self._check_mids()
        return Offer(media=self._media, bundle=self._bundle)

    def _check_mids(self) -> None:
        mids = [media.mid for media in self._media if media.mid]
        if len(set(mids)) != len(mids):
            raise malformed("Two media sections have the same mid.")

    def _start_media(self, value: str) -> None:
        matched = _MEDIA.fullmatch(value)
        if matched is None or int(matched[2]) > 65_535:
            raise malformed("A media line has the wrong form.")
        if len(self._media) >= MAX_MEDIA:
            raise malformed(f"More than {MAX_MEDIA} media sections.")
        payload_types = matched[4].split()
        if not payload_types or len(payload_types) > MAX_FORMATS:
            raise malformed(f"A media section must have 1 to {MAX_FORMATS} formats.")
        transport = msgspec.structs.replace(self._session, fingerprints=list(self._session.fingerprints))
        self._has_own_fingerprint = False
        self._media.append(
            MediaSection(
                kind=matched[1],
                port=int(matched[2]),
                protocol=matched[3],
                payload_types=payload_types,
                transport=transport,
                direction=self._direction,
            )
        )

    def _attribute(self, name: str, value: str) -> None:
        transport = self._media[-1].transport if self._media else self._session
        if name == "ice-ufrag":
            transport.ufrag = checked(ICE, value)
        elif name == "ice-pwd":
            transport.password = checked(ICE, value)
        elif name == "setup":
            transport.setup = value.strip()
        elif name == "fingerprint":
            self._fingerprint(transport, value)
        elif name == "group":
            self._group(value)
        elif name == "candidate":
            self._count_candidate()
        elif name in _DIRECTIONS and not self._media:
            self._direction = _DIRECTIONS[name]
        elif self._media:
            _media_attribute(self._media[-1], name, value)

    def _fingerprint(self, transport: IceTransport, value: str) -> None:
        """The fingerprints of a section take the place of the session's (RFC 8122, section 5)."""
        algorithm, _, digest = value.strip().partition(" ")
        if not re.fullmatch(r"[0-9A-Fa-f:]{1,256}", digest.strip()):
            raise malformed("A fingerprint has the wrong form.")
        if self._media and not self._has_own_fingerprint:
            self._has_own_fingerprint = True
            transport.fingerprints.clear()
        transport.fingerprints.append((algorithm.lower(), digest.strip().upper()))
        if len(transport.fingerprints) > MAX_FINGERPRINTS:
            raise malformed(f"More than {MAX_FINGERPRINTS} fingerprints.")

    def _group(self, value: str) -> None:
        semantics, *mids = value.split()
        if semantics == "BUNDLE" and not self._bundle:
            self._bundle = mids[:MAX_MEDIA]

    def _count_candidate(self) -> None:
        self._candidates += 1
        if self._candidates > MAX_CANDIDATES:
            raise malformed(f"More than {MAX_CANDIDATES} candidates.")


def checked(pattern: re.Pattern[str], value: str) -> str:
    if pattern.fullmatch(value.strip()) is None:
        raise malformed("An attribute has the wrong form.")
    return value.strip()


def _media_attribute(media: MediaSection, name: str, value: str) -> None:
    if name == "mid":
        media.mid = checked(_TOKEN, value)
    elif name in _DIRECTIONS:
        media.direction = _DIRECTIONS[name]
    elif name == "rtcp-mux":
        media.has_mux = True
    elif name == "rtcp-mux-only":
        media.has_mux = media.is_mux_only = True
    elif name == "extmap":
        _extension(media, value)
    elif name in {"rtpmap", "fmtp", "rtcp-fb"}:
        _format_attribute(media, name, value)
    elif name == "rid" and " send" in value and len(media.rids) < MAX_RIDS:
        media.rids.append(checked(_RID, value.split(maxsplit=1)[0]))
    elif name == "simulcast":
        media.is_simulcast = "send" in value.split()


def _extension(media: MediaSection, value: str) -> None:
    number, _, rest = value.partition(" ")
    uri = rest.split(" ")[0]
    identifier = int(number.partition("/")[0])
    if not 1 <= identifier <= 255 or len(media.extensions) >= MAX_EXTENSIONS:
        raise malformed("A header extension has no usable number, or there are too many.")
    media.extensions[uri] = identifier


def _format_attribute(media: MediaSection, name: str, value: str) -> None:
    number, _, rest = value.partition(" ")
    if name == "rtcp-fb" and number == "*":
        wanted = list(media.payload_types)
    else:
        wanted = [number] if number in media.payload_types else []
    for text in wanted:
        if not text.isdigit() or not 0 <= int(text) <= 127:
            raise malformed("A payload type must be 0 to 127.")
        found = media.formats.setdefault(int(text), Format(payload_type=int(text)))
        _set_format(found, name, rest)


def _set_format(found: Format, name: str, rest: str) -> None:
    if name == "rtpmap":
        encoding, clock, *_ = [*rest.split("/"), ""]
        found.name, found.clock_rate = encoding.strip().lower(), int(clock)
    elif name == "fmtp":
        found.fmtp = rest.strip()
    elif len(found.feedback) < 16:
        found.feedback.append(rest.strip())


def check_transport(offer: Offer, accepted: Sequence[MediaSection], *, digests: frozenset[str]) -> IceTransport:
    """The one transport of the accepted sections. Raises Refused (422) when they have none that can be used.

    All must be bundled (RFC 9725, section 4.2) with RTP and RTCP on one port, and the offerer's
    certificate must be named by a hash that can be checked.
    """
    if len(accepted) > 1 and not all(media.mid in offer.bundle for media in accepted):
        raise unusable("All media must be in one BUNDLE group.")
    tagged = _tagged(offer, accepted)
    if not all(media.has_mux or tagged.has_mux for media in accepted):
        raise unusable("RTP and RTCP must share one port (rtcp-mux).")
    transport = tagged.transport
    if not transport.ufrag or len(transport.password) < 22:
        raise unusable("ice-ufrag or ice-pwd is missing or too short.")
    if transport.setup not in {"actpass", "active", "passive"}:
        raise unusable("The offer must have a=setup.")
    if not any(algorithm in digests for algorithm, _ in transport.fingerprints):
        raise unusable("No fingerprint with a known hash function.")
    return transport


def _tagged(offer: Offer, accepted: Sequence[MediaSection]) -> MediaSection:
    """The section whose transport counts: the first of the group that is accepted and has one, else the first of the
    group, as bundle-only sections have none (RFC 9143, sections 7.1.3 and 7.3.2)."""
    by_mid = {media.mid: media for media in offer.media if media.mid in offer.bundle}
    if accepted[0].mid not in by_mid:
        return accepted[0]
    group = [by_mid[mid] for mid in offer.bundle if mid in by_mid]
    return next((media for media in group if media in accepted and media.transport.ufrag), group[0])
