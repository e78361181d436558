"""Trickle fragments (RFC 8840), and the answers to them. Sans-I/O."""

from __future__ import annotations

import msgspec

from media.webrtc.errors import malformed
from media.webrtc.sdp import ICE, MAX_CANDIDATES, checked, sdp_lines
from media.webrtc.sdp_answer import LocalIce, candidate_lines


class SdpFragment(msgspec.Struct, frozen=True, kw_only=True):
    """A trickle-ice-sdpfrag: the credentials it is about. Its candidates are not needed, a lite agent never checks."""

    ufrag: str
    password: str


def parse_fragment(text: str) -> SdpFragment:
    """Raises Refused: 413 when too long, 400 when malformed."""
    found = {"ice-ufrag": "", "ice-pwd": ""}
    candidates = 0
    for line in sdp_lines(text):
        name, _, value = line[2:].partition(":")
        candidates += line.startswith("a=candidate")
        if line.startswith("a=") and name in found and not found[name]:
            found[name] = checked(ICE, value)
    if candidates > MAX_CANDIDATES:
        raise malformed(f"More than {MAX_CANDIDATES} candidates.")
    return SdpFragment(ufrag=found["ice-ufrag"], password=found["ice-pwd"])


def build_fragment(local: LocalIce) -> str:
    """The answer to an ICE restart (RFC 9725, section 4.3.2)."""
    lines = ["a=ice-lite", f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    return "\r\n".join([*lines, *candidate_lines(local)]) + "\r\n"
