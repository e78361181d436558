"""Answers to offers (RFC 8829, RFC 9725 section 4.2): which format, and the lines of this side. Sans-I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from media.webrtc.sdp import Direction, Format, MediaSection

_PASSIVE = 4
"""How much a passive candidate is preferred to others over TCP (RFC 6544, section 4.2)."""
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")


def choose_h264(media: MediaSection, *, profile: bytes = b"") -> Format | None:
    """The H.264 format to answer with: packetization-mode 1 before 0, then the profile (3 bytes of an ``avcC``
    or an SPS) that fits, then the offerer's order."""
    formats = [f for f in media.find("h264") if f.clock_rate == 90_000]
    wanted = profile[:1].hex()

    def rank(found: Format) -> tuple[bool, bool]:
        parameters = found.parameters
        has_profile = not wanted or parameters.get("profile-level-id", "42e01f").lower().startswith(wanted)
        return (parameters.get("packetization-mode", "0") != "1", not has_profile)

    return min(formats, key=rank, default=None)


def repeats_of(media: MediaSection, chosen: Format) -> Format | None:
    """The format for packets of ``chosen`` that are sent once more (RFC 4588)."""
    wanted = str(chosen.payload_type)
    return next((again for again in media.find("rtx") if again.parameters.get("apt") == wanted), None)


def answer_h264_fmtp(offered: Format) -> str:
    """The offered parameters, with the level raised to 5.2 where the levels may differ."""
    parameters = offered.parameters
    profile = parameters.get("profile-level-id", "42e01f").lower()
    if not re.fullmatch(r"[0-9a-f]{6}", profile):
        profile = "42e01f"
    mode = "1" if parameters.get("packetization-mode") == "1" else "0"
    if parameters.get("level-asymmetry-allowed") != "1":
        return f"packetization-mode={mode};profile-level-id={profile}"
    return f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile[:4]}34"


class MediaAnswer(msgspec.Struct, kw_only=True):
    """How one section is answered; ``format`` None rejects it. ``lines`` are attributes of the sender, ``repeats``
    is the format that lost packets are sent once more in (RFC 4588), ``feedback`` what is taken of what is offered."""

    media: MediaSection
    format: Format | None = None
    fmtp: str = ""
    direction: Direction = "inactive"
    extensions: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    repeats: Format | None = None
    feedback: tuple[str, ...] = _FEEDBACK


class LocalIce(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer says about this side: always ICE-lite, and the passive side of DTLS unless the peer is it."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[tuple[str, int], ...]
    setup: str = "passive"
    tcp_candidates: tuple[tuple[str, int], ...] = ()


def build_answer(answers: Sequence[MediaAnswer], local: LocalIce, *, bundle: Sequence[str], session_id: int) -> str:
    """The answer: one section for each section of the offer, in its order, all candidates included.

    ``bundle`` are the mids of the offered group; without one the answer has none either (RFC 9143, section 7.3).
    """
    accepted = {a.media.mid for a in answers if a.format is not None}
    bundled = [mid for mid in bundle if mid in accepted]
    lines = ["v=0", f"o=- {session_id} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    if bundled:
        lines.append("a=group:BUNDLE " + " ".join(bundled))
    lines += ["a=extmap-allow-mixed", "a=msid-semantic: WMS *"]
    for answer in answers:
        lines += _section(answer, local)
    return "\r\n".join(lines) + "\r\n"


def _section(answer: MediaAnswer, local: LocalIce) -> list[str]:
    media, chosen = answer.media, answer.format
    if chosen is None:
        rejected = [f"m={media.kind} 0 {media.protocol} {media.payload_types[0]}", "c=IN IP4 0.0.0.0", "a=inactive"]
        return rejected + ([f"a=mid:{media.mid}"] if media.mid else [])
    numbers = [chosen.payload_type] if answer.repeats is None else [chosen.payload_type, answer.repeats.payload_type]
    lines = [f"m={media.kind} {local.candidates[0][1]} {media.protocol} {' '.join(map(str, numbers))}"]
    lines.append(_connection(local.candidates[0][0]))
    lines.append(f"a={answer.direction}")
    if media.mid:
        lines.append(f"a=mid:{media.mid}")
    lines.append("a=rtcp-mux")
    if media.is_mux_only:
        lines.append("a=rtcp-mux-only")
    lines += [f"a=extmap:{media.extensions[uri]} {uri}" for uri in answer.extensions]
    lines += _format_lines(answer, chosen)
    lines += _simulcast_lines(media, answer.direction)
    lines += answer.lines
    return lines + transport_lines(local)


def _connection(host: str) -> str:
    return f"c=IN IP{6 if ':' in host else 4} {host}"


def _format_lines(answer: MediaAnswer, chosen: Format) -> list[str]:
    number = chosen.payload_type
    name = {"h264": "H264", "vp8": "VP8", "opus": "opus"}[chosen.name]
    lines = [f"a=rtpmap:{number} {name}/{chosen.clock_rate}" + ("/2" if answer.media.kind == "audio" else "")]
    lines += [f"a=rtcp-fb:{number} {wanted}" for wanted in answer.feedback if wanted in chosen.feedback]
    if answer.fmtp:
        lines.append(f"a=fmtp:{number} {answer.fmtp}")
    if answer.repeats is not None:
        again = answer.repeats.payload_type
        lines += [f"a=rtpmap:{again} rtx/{chosen.clock_rate}", f"a=fmtp:{again} apt={number}"]
    return lines


def _simulcast_lines(media: MediaSection, direction: Direction) -> list[str]:
    if not media.is_simulcast or direction != "recvonly":
        return []
    return [*(f"a=rid:{rid} recv" for rid in media.rids), "a=simulcast:recv " + ";".join(media.rids)]


def transport_lines(local: LocalIce) -> list[str]:
    """ICE and DTLS of this side, in the order in which most implementations write them."""
    lines = [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    lines += [f"a=fingerprint:sha-256 {local.fingerprint}", f"a=setup:{local.setup}"]
    return lines + candidate_lines(local)


def candidate_lines(local: LocalIce) -> list[str]:
    """Host candidates, the first one preferred (RFC 8839, section 5.1), and those over TCP behind all others: some
    clients look at the first line only."""
    lines = []
    for index, (host, port) in enumerate(local.candidates):
        priority = (126 << 24) + ((65_535 - index) << 8) + 255
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {host} {port} typ host")
    for index, (host, port) in enumerate(local.tcp_candidates):
        priority = (90 << 24) + ((_PASSIVE << 13 | 8_191 - index) << 8) + 255
        number = len(local.candidates) + index + 1
        lines.append(f"a=candidate:{number} 1 tcp {priority} {host} {port} typ host tcptype passive")
    return [*lines, "a=end-of-candidates"]
