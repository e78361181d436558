"""Feedback on when packets came: byte for byte, and read again as a sender would."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import rtp
from media.webrtc.twcc import MAX_SPAN, Arrivals, chunks


class Told:
    """One feedback packet as a sender reads it: what came when, in ticks of 250 µs, None where it did not."""

    def __init__(self, packet: bytes) -> None:
        first, kind, words = struct.unpack_from("!BBH", packet)
        assert (first & 0xDF, kind, 4 * (words + 1)) == (0x8F, rtp.RTPFB, len(packet))
        end = len(packet) - packet[-1] if first & 0x20 else len(packet)
        _, _, self.base, count, self.reference, self.number = struct.unpack_from("!LLHHxBxB", packet[4:])
        self.reference = int.from_bytes(packet[16:19], "big")
        symbols, position = _symbols(packet, 20, count)
        at = self.reference * 256
        self.came: list[int | None] = []
        for symbol in symbols:
            size = (0, 1, 2)[symbol]
            delta = int.from_bytes(packet[position : position + size], "big", signed=size == 2)
            at += delta
            self.came.append(at if size else None)
            position += size
        assert position == end


def _symbols(packet: bytes, position: int, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    while len(symbols) < count:
        chunk = int.from_bytes(packet[position : position + 2], "big")
        position += 2
        if not chunk >> 15:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
        else:
            assert chunk >> 14 == 0b11
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
    return symbols[:count], position


def arrivals(*came: tuple[int, float]) -> Arrivals:
    made = Arrivals()
    for sequence, at in came:
        made.add(sequence, at)
    return made


def test_a_message_byte_for_byte() -> None:
    made = arrivals(*((number & 0xFFFF, 1_000 + at / 100) for at, number in enumerate(range(65_530, 65_540))))
    made.add(20, 1_000.2)
    assert [packet.hex(" ", 4) for packet in made.feedback(sender=1, media=2)] == [
        "afcd0009 00000001 00000002 fffa001b 003d0900 200a0010 40010028 28282828 28282828 01b80002"
    ]


def test_statuses_are_run_lengths_and_vectors_as_in_the_draft() -> None:
    assert chunks([1] * 221).hex() == "20dd"
    assert chunks([0] * 24).hex() == "0018"
    assert chunks([0, 1, 1, 1, 1, 1, 0, 0]).hex() == "c5540001"
    assert chunks([]) == b""


def test_nothing_is_told_twice_and_what_stayed_away_is_told_as_lost() -> None:
    made = arrivals((5, 1.0), (8, 1.01))
    (packet,) = made.feedback(sender=1, media=2)
    assert Told(packet).came == [4_000, None, None, 4_040]
    assert made.feedback(sender=1, media=2) == []
    made.add(9, 1.02)
    (packet,) = made.feedback(sender=1, media=2)
    assert (Told(packet).base, Told(packet).came, Told(packet).number) == (9, [4_080], 1)


def test_one_that_comes_late_is_told_with_those_after_it() -> None:
    made = arrivals((5, 1.0), (7, 1.01))
    made.feedback(sender=1, media=2)
    made.add(6, 1.05)
    made.add(7, 1.06)
    (packet,) = made.feedback(sender=1, media=2)
    assert (Told(packet).base, Told(packet).came) == (6, [4_200, 4_040])


def test_a_pause_that_no_delta_can_tell_begins_another_message() -> None:
    packets = arrivals((1, 1.0), (3, 60.0)).feedback(sender=1, media=2)
    first, second = map(Told, packets)
    assert (first.base, first.came, second.base, second.came) == (1, [4_000, None], 3, [240_000])
    assert [first.number, second.number] == [0, 1]


def test_a_jump_begins_anew_so_that_a_stranger_numbers_cost_nothing() -> None:
    made = arrivals((1, 1.0), (1 + MAX_SPAN, 1.1))
    (packet,) = made.feedback(sender=1, media=2)
    assert (Told(packet).base, Told(packet).came) == (1 + MAX_SPAN, [4_400])


steps = st.tuples(st.integers(min_value=-3, max_value=30), st.floats(min_value=0, max_value=20))


@given(st.lists(steps, min_size=1, max_size=60), st.integers(min_value=0, max_value=65_535))
def test_what_came_is_told_at_the_time_when_it_came(moves: list[tuple[int, float]], start: int) -> None:
    made, now, number, came = Arrivals(), 100.0, start, dict[int, int]()
    for step, after in moves:
        now, number = now + after, max(number + step, start)
        made.add(number & 0xFFFF, now)
        came.setdefault(number & 0xFFFF, round(now * 4_000))
    if max(step for step, _ in moves) * len(moves) >= MAX_SPAN:
        return
    told: dict[int, int] = {}
    for packet in made.feedback(sender=1, media=2):
        read = Told(packet)
        told |= {(read.base + i) & 0xFFFF: at for i, at in enumerate(read.came) if at is not None}
    assert told == came


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=65_535), st.floats(0, 1e6)), max_size=80))
def test_any_numbers_at_any_times_can_be_told(came: list[tuple[int, float]]) -> None:
    made = arrivals(*came)
    packets = made.feedback(sender=1, media=2)
    assert len(packets) <= len(came)
    for packet in packets:
        assert len(packet) < 4_000
        Told(packet)
