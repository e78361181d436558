"""RTP under GCM: the vectors of the RFCs, and libsrtp on the other side."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from media.webrtc import rtp
from media.webrtc.paths import runs_of
from media.webrtc.srtp import RtpSealer, derived

SSRC = 0x5501A0B2
PLAIN = b"Gallia est omnis divisa in partes tres"


def test_a_packet_is_sealed_as_in_rfc_7714_section_16_1_1() -> None:
    sealer = RtpSealer(key=bytes(range(16)), salt=b"Quid pro quo")
    header = bytes.fromhex("8040f17b8041f8d35501a0b2")
    assert sealer.seal([header], [PLAIN], ssrc=SSRC, first=0xF17B) == [
        bytes.fromhex(
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
            "899d7f27beb16a9152cf765ee4390cce"
        ),
    ]


def test_keys_are_derived_as_in_rfc_3711_appendix_b_3() -> None:
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derived(key, salt, label=0, size=16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derived(key, salt, label=2, size=14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"


@pytest.mark.parametrize(
    ("profile", "size"),
    [(Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16), (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32)],
)
def test_libsrtp_opens_what_was_sealed_past_the_roll_over_of_the_number(profile: int, size: int) -> None:
    key, salt = os.urandom(size), os.urandom(12)
    receiver = Session(Policy(key=key + salt, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
    sealer = RtpSealer.of_master(key, salt)
    numbers = range(65_530, 65_545)
    headers = [rtp.HEADER.pack(0x80, 96, number & 0xFFFF, 1, SSRC) for number in numbers]
    payloads = [bytes([number & 0xFF]) * 100 for number in numbers]
    sealed = sealer.seal(headers, payloads, ssrc=SSRC, first=numbers[0])
    opened = [receiver.unprotect(header + body) for header, body in zip(headers, sealed, strict=True)]
    assert opened == [header + payload for header, payload in zip(headers, payloads, strict=True)]
    other = rtp.HEADER.pack(0x80, 97, numbers[0] & 0xFFFF, 1, SSRC + 1)
    (body,) = sealer.seal([other], payloads[:1], ssrc=SSRC + 1, first=numbers[0])
    assert body[:-16] != sealed[0][:-16], "one number of two sources is two nonces"
    assert receiver.unprotect(other + body) == other + payloads[0]


@given(st.lists(st.integers(min_value=1, max_value=1_200), max_size=150))
def test_runs_hold_every_datagram_once_in_order_and_only_the_last_of_one_is_smaller(sizes: list[int]) -> None:
    runs = runs_of(sizes)
    assert [number for start, end in runs for number in range(start, end)] == list(range(len(sizes)))
    for start, end in runs:
        assert end - start <= 41
        assert len(set(sizes[start : end - 1])) <= 1
        assert sizes[end - 1] <= sizes[start]


def test_the_packets_of_a_frame_are_one_run() -> None:
    assert runs_of([35, 1_160, 1_160, 1_160, 700]) == ((0, 1), (1, 5))
    assert runs_of([160]) == ((0, 1),)
    assert runs_of([]) == ()
