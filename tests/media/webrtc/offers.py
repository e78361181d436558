"""Offers as text, in the shapes that encoders and browsers send."""

from __future__ import annotations

FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
ICE = "a=ice-ufrag:remote1\r\na=ice-pwd:0123456789012345678901"

VIDEO = f"""m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=rtcp-mux
{ICE}
{FINGERPRINT}
a=setup:actpass
a=rtpmap:96 VP8/90000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
a=rtcp-fb:97 nack
a=rtcp-fb:97 nack pli
a=rtcp-fb:97 goog-remb
"""

AUDIO = f"""m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtcp-mux
{ICE}
{FINGERPRINT}
a=setup:actpass
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
"""


def offer(*sections: str, bundle: str = "0 1") -> str:
    head = f"v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE {bundle}\n"
    return (head + "".join(sections)).replace("\r\n", "\n").replace("\n", "\r\n")


def to_watch(text: str) -> str:
    return text.replace("a=sendonly", "a=recvonly")
