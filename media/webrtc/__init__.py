"""WebRTC: WHIP ingest (RFC 9725) and WHEP egress over one UDP port, with ICE-lite, DTLS-SRTP and no decoding."""
