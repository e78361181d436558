"""Packets in any order, on virtual time."""

from __future__ import annotations

import pytest

from media.webrtc import rtp
from media.webrtc.jitter import JitterBuffer, Reception


def packet(sequence: int, *, timestamp: int = 0) -> rtp.RtpPacket:
    return rtp.RtpPacket(96, False, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1, b"media", 0, b"")


class Receiver:
    """A buffer that is asked for what is ready whenever a packet came, and how late it is now."""

    def __init__(self, *, wait_s: float = 1.0, max_packets: int = 100) -> None:
        self.buffer = JitterBuffer(wait_s=wait_s, max_packets=max_packets)
        self.got: list[int] = []
        self.breaks: list[int] = []

    def push(self, *sequences: int, now: float = 0.0) -> list[int]:
        """The sequence numbers that these packets make ready."""
        before = len(self.got)
        for sequence in sequences:
            self.buffer.push(packet(sequence), now)
            self.pop(now)
        return self.got[before:]

    def pop(self, now: float) -> list[int]:
        before = len(self.got)
        while (popped := self.buffer.pop(now)) is not None:
            self.got.append(popped[0].sequence)
            if popped[1]:
                self.breaks.append(popped[0].sequence)
        return self.got[before:]


@pytest.mark.parametrize("first", [0, 7, 0xFFFE])
def test_packets_in_order_are_handed_on_at_once_and_numbers_wrap(first: int) -> None:
    receiver = Receiver()
    sequences = [(first + n) & 0xFFFF for n in range(200)]
    assert [receiver.push(sequence) for sequence in sequences] == [[sequence] for sequence in sequences]
    assert (receiver.breaks, receiver.buffer.lost_packets, receiver.buffer.to_ask(9)) == ([], 0, [])


def test_nothing_is_ready_before_the_first_packet() -> None:
    assert Receiver().pop(0) == []


@pytest.mark.parametrize("first", [0, 1, 0xFFFF])
def test_packets_that_come_together_are_handed_on_in_order(first: int) -> None:
    receiver = Receiver()
    for n in range(3):
        receiver.buffer.push(packet(first + n), 0.0)
    assert receiver.pop(0.0) == [(first + n) & 0xFFFF for n in range(3)]


@pytest.mark.parametrize("first", [10, 0xFFFE])
def test_packet_that_comes_late_is_put_in_its_place(first: int) -> None:
    receiver = Receiver()
    receiver.push(first)
    assert receiver.push(first + 3, first + 2, now=0.1) == []
    assert receiver.push(first + 1, now=1.0) == [(first + n) & 0xFFFF for n in (1, 2, 3)]
    assert (receiver.breaks, receiver.buffer.lost_packets) == ([], 0)


def test_packet_that_came_twice_or_too_late_is_ignored() -> None:
    receiver = Receiver(wait_s=1.0)
    assert receiver.push(10, 10, 9, 12, 12) == [10]
    assert receiver.pop(1.0) == [12]
    assert receiver.push(11, 12, now=1.0) == []
    assert receiver.push(13, now=1.0) == [13]


def test_gap_is_waited_for_exactly_as_long_as_it_may() -> None:
    receiver = Receiver(wait_s=0.25)
    receiver.push(10, now=5.0)
    receiver.push(13, now=6.0)
    assert receiver.pop(6.249) == []
    assert receiver.pop(6.25) == [13]
    assert (receiver.breaks, receiver.buffer.lost_packets) == ([13], 2)
    assert receiver.push(14, now=6.25) == [14]
    assert receiver.breaks == [13]


def test_each_gap_is_waited_for_from_when_it_showed() -> None:
    receiver = Receiver(wait_s=1.0)
    receiver.push(10, 12, now=0.0)
    receiver.push(14, now=0.5)
    assert receiver.pop(1.0) == [12]
    assert receiver.pop(1.49) == []
    assert receiver.pop(1.5) == [14]
    assert receiver.breaks == [12, 14]


def test_more_than_max_packets_behind_a_gap_are_not_held() -> None:
    receiver = Receiver(max_packets=100)
    receiver.push(10)
    assert receiver.push(*range(12, 111)) == []
    assert receiver.push(111) == list(range(12, 112))
    assert receiver.breaks == [12]


def test_jump_of_max_packets_is_a_gap_and_a_larger_one_starts_anew() -> None:
    receiver = Receiver(max_packets=100)
    receiver.push(10)
    receiver.buffer.push(packet(110), 0.0)
    assert receiver.buffer.to_ask(0.0) == list(range(11, 110))
    receiver = Receiver(max_packets=100)
    assert receiver.push(10, 111) == [10, 111]
    assert (receiver.buffer.lost_packets, receiver.buffer.to_ask(0.0)) == (1, [])
    assert receiver.push(112, 113) == [112, 113]


def test_start_anew_forgets_what_was_held_and_missed() -> None:
    receiver = Receiver(max_packets=100)
    receiver.push(10, 12)
    assert receiver.push(5_000, 11, 12, 5_001, 5_003, 5_002, now=0.1) == [5_000, 5_001, 5_002, 5_003]
    assert receiver.buffer.to_ask(9.0) == []


def test_jump_back_of_16384_is_too_late_and_a_larger_one_starts_anew() -> None:
    receiver = Receiver()
    receiver.push(20_000)
    assert receiver.push(20_001 - 0x4000) == []
    assert receiver.push(20_000 - 0x4000) == [20_000 - 0x4000]
    assert receiver.buffer.lost_packets == 1


def test_sender_that_jumps_back_again_and_again_is_followed() -> None:
    receiver = Receiver()
    firsts = [60_000 - 0x5000 * n for n in range(30)]
    for first in firsts:
        assert receiver.push(first, first + 2, first + 1) == [(first + n) & 0xFFFF for n in range(3)]
    assert receiver.buffer.lost_packets == len(firsts) - 1


def test_holes_that_a_hostile_sender_leaves_are_bounded() -> None:
    """Each packet as far ahead as a jump may be: what is missing must not grow with their number."""
    receiver = Receiver(wait_s=1.0, max_packets=100)
    for n in range(50):
        receiver.push(n * 100)
        assert len(receiver.buffer.to_ask(n / 1000)) <= 99
    assert receiver.got == [n * 100 for n in range(49)]


def test_lost_packets_are_asked_for_six_times_and_ever_more_seldom() -> None:
    buffer = JitterBuffer(wait_s=9.0, max_packets=100, ask_every_s=1.0)
    buffer.push(packet(0xFFFE), 0.0)
    buffer.push(packet(2), 10.0)
    asked = [second for second in range(10, 60) if buffer.to_ask(float(second))]
    assert asked == [10, 11, 13, 16, 20, 25]


def test_lost_packets_are_asked_for_again_after_50_ms() -> None:
    buffer = JitterBuffer(wait_s=9.0, max_packets=100)
    buffer.push(packet(0xFFFE), 0.0)
    buffer.push(packet(2), 0.0)
    assert buffer.to_ask(0.0) == [0xFFFF, 0, 1]
    assert buffer.to_ask(0.049) == []
    buffer.push(packet(0), 0.049)
    assert buffer.to_ask(0.05) == [0xFFFF, 1]
    assert buffer.to_ask(0.05) == []


def test_what_one_nack_does_not_hold_is_asked_for_with_the_next() -> None:
    buffer = JitterBuffer(wait_s=9.0, max_packets=500)
    buffer.push(packet(0), 0.0)
    buffer.push(packet(301), 0.0)
    assert buffer.to_ask(0.0) == list(range(1, 257))
    assert buffer.to_ask(0.0) == list(range(257, 301))
    assert buffer.to_ask(0.0) == []


def test_what_was_given_up_is_not_asked_for() -> None:
    receiver = Receiver(wait_s=1.0)
    receiver.push(10, 12, 14)
    receiver.pop(1.0)
    assert receiver.got == [10, 12, 14]
    assert receiver.buffer.to_ask(1.0) == []


RATE = 1000


def reception() -> Reception:
    return Reception(ssrc=7, clock_rate=RATE)


def received(*sequences: int) -> Reception:
    made = reception()
    for sequence in sequences:
        made.add(packet(sequence), 0.0)
    return made


def loss(made: Reception) -> tuple[int, int, int]:
    block = made.block(0.0)
    return block.fraction_lost, block.lost, block.highest


def test_report_before_the_first_packet_and_before_the_first_of_the_sender_says_nothing() -> None:
    block = reception().block(3.0)
    assert (block.ssrc, block.jitter, block.last_sr, block.since_sr) == (7, 0, 0, 0)
    assert (block.fraction_lost, block.lost) == (0, 0)
    block = received(5).block(3.0)
    assert (block.highest, block.last_sr, block.since_sr, block.fraction_lost, block.lost) == (5, 0, 0, 0, 0)


def test_report_counts_what_is_missing_since_the_one_before() -> None:
    made = received(0, 1, 3)
    assert loss(made) == (64, 1, 3)
    for sequence in (4, 5, 6, 7):
        made.add(packet(sequence), 0.0)
    assert loss(made) == (0, 1, 7)
    assert loss(made) == (0, 1, 7)
    made.add(packet(9), 0.0)
    assert loss(made) == (128, 2, 9)


def test_packets_that_come_twice_make_up_for_lost_ones() -> None:
    made = received(0, 1, 1, 1, 3)
    assert loss(made) == (0, -1, 3)


def test_loss_of_nearly_everything_is_255_of_256() -> None:
    assert loss(received(0, 1000)) == (255, 999, 1000)


def test_highest_sequence_counts_wraps_and_takes_no_step_back() -> None:
    assert loss(received(0xFFFE, 0xFFFF, 1, 0)) == (0, 0, 0x10001)
    assert loss(received(10, 10 + 0x7FFF))[2] == 10 + 0x7FFF
    assert loss(received(10, 10 + 0x8000))[2] == 10


def test_jitter_is_a_sixteenth_of_each_change_of_transit() -> None:
    made = reception()
    arrivals = [0.0, 0.1, 0.28, 0.3]  # sent every 100 ms; ticks of change: 0, 80, 80
    for n, now in enumerate(arrivals):
        made.add(packet(n, timestamp=n * 100), now)
    first = 80 / 16
    assert made.block(0.0).jitter == int(first + (80 - first) / 16)


@pytest.mark.parametrize(("change", "jitter"), [(RATE - 1, (RATE - 1) // 16), (RATE, 0)])
def test_change_of_a_second_is_another_clock_and_no_jitter(change: int, jitter: int) -> None:
    made = reception()
    made.add(packet(0, timestamp=0), 5.0)
    made.add(packet(1, timestamp=change), 5.0)
    assert made.block(5.0).jitter == jitter


def test_timestamps_that_wrap_are_no_jitter() -> None:
    made = reception()
    for n in range(4):
        made.add(packet(n, timestamp=(1 << 32) - 200 + n * 100), n / 10)
    assert made.block(0.4).jitter == 0


def test_report_says_which_of_the_sender_it_knows_and_for_how_long() -> None:
    made = received(0)
    made.on_report(rtp.SenderReport(7, 0x0123_4567_89AB_CDEF, 0), 10.0)
    block = made.block(12.5)
    assert (block.last_sr, block.since_sr) == (0x4567_89AB, int(2.5 * 65_536))


def filled(*packets: tuple[int, int, bool, bytes]) -> tuple[list[int], list[int], list[int]]:
    """What a buffer hands on of packets (number, time stamp, marker, payload), where it breaks, what it asks for."""
    buffer = JitterBuffer(wait_s=1.0, max_packets=100)
    got, breaks = [], []
    for sequence, timestamp, marker, payload in packets:
        buffer.push(rtp.RtpPacket(96, marker, sequence, timestamp, 1, payload, 0, b""), 0.0)
        while (popped := buffer.pop(0.0)) is not None:
            got.append(popped[0].sequence)
            breaks += [popped[0].sequence] if popped[1] else []
    return got, breaks, buffer.to_ask(0.0)


def test_what_only_fills_the_line_is_not_missed() -> None:
    frame, filling, following = (1, 9, True, b"media"), (4, 9, False, b""), (7, 18, True, b"media")
    assert filled(frame, filling, (5, 9, False, b""), (6, 9, False, b""), following) == ([1, 4, 5, 6, 7], [], [])


def test_what_may_be_a_frame_or_a_part_of_one_is_missed() -> None:
    assert filled((1, 9, True, b"media"), (3, 18, True, b"media")) == ([1], [], [2]), "the frame between the two"
    assert filled((1, 9, False, b"media"), (3, 9, True, b"media")) == ([1], [], [2]), "the middle of one"
    assert filled((1, 9, True, b"media"), (2, 9, False, b""), (4, 18, True, b"media")) == ([1, 2], [], [3])
