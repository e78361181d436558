"""The relay: one writer, many bounded readers."""

from __future__ import annotations

import pytest

from media.relay import End, Reader, Relay, Tracks
from tests.media.hls.sources import AUDIO, VIDEO, sound, video


class Wakes:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def units(reader: Reader) -> list:
    return [item for item in reader.take() if not isinstance(item, Tracks | End)]


@pytest.fixture
def relay() -> Relay:
    relay = Relay()
    relay.configure([VIDEO, AUDIO])
    return relay


def test_reader_gets_tracks_then_units_in_order(relay):
    reader = relay.subscribe(Wakes())
    written = [video(0, key=True), sound(0), video(33)]
    for unit in written:
        relay.write(unit)
    assert reader.take() == [Tracks((VIDEO, AUDIO)), *written]
    assert reader.take() == []


def test_reader_is_woken_once_per_filling(relay):
    wakes = Wakes()
    reader = relay.subscribe(wakes)
    relay.write(video(0, key=True))
    assert wakes.count == 1
    reader.take()
    relay.write(video(33))
    relay.write(video(66))
    assert wakes.count == 2


def test_late_reader_starts_with_the_last_key_frame(relay):
    for unit in (video(0, key=True), video(33), video(66, key=True), sound(3), video(99)):
        relay.write(unit)
    assert units(relay.subscribe(Wakes())) == [video(66, key=True), sound(3), video(99)]


def test_reader_without_replay_waits_for_the_next_key_frame(relay):
    relay.write(video(0, key=True))
    reader = relay.subscribe(Wakes(), from_key=False)
    for unit in (video(33), sound(0), video(66, key=True), sound(3)):
        relay.write(unit)
    assert units(reader) == [video(66, key=True), sound(3)]


def test_slow_reader_loses_up_to_the_next_key_frame_and_counts(relay):
    slow, quick = relay.subscribe(Wakes(), max_units=4), relay.subscribe(Wakes())
    for n in range(8):
        relay.write(video(n * 33, key=n == 0))
    relay.write(sound(9))
    relay.write(video(300, key=True))
    assert units(slow) == [video(300, key=True)]
    assert slow.dropped_units == 9
    assert len(units(quick)) == 10
    assert quick.dropped_units == 0


def test_slow_reader_is_bounded_in_bytes(relay):
    reader = relay.subscribe(Wakes(), max_bytes=250)
    for n in range(3):
        relay.write(video(n * 33, key=n == 0, size=100))
    assert units(reader) == []
    assert reader.dropped_units == 3


def test_key_frame_too_large_for_a_reader_does_not_end_its_gap(relay):
    reader = relay.subscribe(Wakes(), max_bytes=150)
    relay.write(video(0, key=True, size=200))
    relay.write(video(33, size=10))
    assert units(reader) == []
    assert reader.dropped_units == 2


def test_key_frame_that_overflows_begins_anew(relay):
    reader = relay.subscribe(Wakes(), max_units=2)
    relay.write(video(0, key=True))
    relay.write(video(33, key=True))
    relay.write(video(66))
    assert units(reader) == []
    relay.write(video(99, key=True))
    assert units(reader) == [video(99, key=True)]
    assert reader.dropped_units == 3


def test_reader_that_overflows_keeps_the_tracks_that_hold_now(relay):
    reader = relay.subscribe(Wakes(), max_units=4)
    for n in range(20):
        relay.configure([VIDEO, AUDIO] if n % 2 else [VIDEO])
        relay.write(video(n * 33, key=True))
    items = reader.take()
    assert len(items) <= 5
    assert [item for item in items if isinstance(item, Tracks)][-1] == Tracks((VIDEO, AUDIO))


def test_tracks_announced_over_and_over_do_not_grow_a_queue(relay):
    reader = relay.subscribe(Wakes())
    for _ in range(10):
        relay.configure([VIDEO])
        relay.configure([VIDEO, AUDIO])
    assert reader.take() == [Tracks((VIDEO, AUDIO))]


def test_same_tracks_again_are_no_change(relay):
    reader = relay.subscribe(Wakes())
    reader.take()
    relay.configure((VIDEO, AUDIO))
    assert reader.take() == []


def test_audio_only_readers_are_not_made_to_wait_for_video():
    relay = Relay()
    relay.configure([AUDIO])
    reader = relay.subscribe(Wakes())
    relay.write(sound(0))
    assert units(reader) == [sound(0)]


def test_whole_replay_fits_into_a_reader_with_room_to_spare(relay):
    for n in range(1_024):
        relay.write(video(n * 33, key=n == 0))
    reader = relay.subscribe(Wakes())
    relay.write(video(99_999))
    assert len(units(reader)) == 1_025
    assert reader.dropped_units == 0


def test_replay_that_grew_too_long_is_forgotten_until_the_next_key_frame(relay):
    for n in range(1_100):
        relay.write(video(n * 33, key=n == 0))
    reader = relay.subscribe(Wakes())
    relay.write(video(99_999))
    assert units(reader) == []


def test_close_ends_readers_now_and_later_with_the_first_reason(relay):
    reader = relay.subscribe(Wakes())
    relay.close("gone")
    relay.close("again")
    assert reader.take()[-1] == End("gone")
    assert relay.subscribe(Wakes()).take() == [Tracks((VIDEO, AUDIO)), End("gone")]
    assert relay.readers == 0


def test_writes_after_the_end_reach_nobody(relay):
    relay.close("gone")
    relay.write(video(0, key=True))
    assert units(relay.subscribe(Wakes())) == []


def test_reader_that_leaves_while_it_is_woken_costs_others_nothing(relay):
    readers: list[Reader] = []
    first = relay.subscribe(lambda: relay.unsubscribe(readers[0]) if readers else None)
    second = relay.subscribe(Wakes())
    readers.append(first)
    first.take()
    relay.write(video(0, key=True))
    assert units(second) == [video(0, key=True)]
    assert relay.readers == 1


def test_unsubscribed_reader_gets_nothing_more(relay):
    reader = relay.subscribe(Wakes())
    relay.unsubscribe(reader)
    relay.unsubscribe(reader)
    relay.write(video(0, key=True))
    assert units(reader) == []


def test_sound_before_the_first_picture_reaches_readers_and_pictures_begin_with_a_key_frame(relay):
    reader = relay.subscribe(Wakes())
    for unit in (sound(0), video(30), sound(1), video(60, key=True), sound(2)):
        relay.write(unit)
    assert units(reader) == [sound(0), video(60, key=True), sound(2)]
    assert reader.dropped_units == 0
    later = relay.subscribe(Wakes(), from_key=False)
    relay.write(sound(3))
    assert units(later) == []


def test_a_reader_may_begin_with_the_key_frame_before_the_last(relay):
    written = [video(33 * n, key=n % 3 == 0) for n in range(7)]
    for unit in written:
        relay.write(unit)
    assert units(relay.subscribe(Wakes(), from_before=True)) == written[3:]
    assert units(relay.subscribe(Wakes())) == written[6:]


def test_what_is_held_for_such_a_reader_is_bounded():
    relay = Relay(max_gop_units=8)
    relay.configure([VIDEO])
    written = [video(33 * n, key=n in (0, 6)) for n in range(8)]
    for unit in written:
        relay.write(unit)
    assert units(relay.subscribe(Wakes(), from_before=True)) == written[6:]


def test_relay_is_as_patient_as_its_least_patient_reader(relay):
    assert relay.patience_s == 0
    relay.subscribe(Wakes(), patience=lambda: 0.2)
    assert relay.patience_s == 0.2
    prompt = relay.subscribe(Wakes())
    assert relay.patience_s == 0
    relay.unsubscribe(prompt)
    assert relay.patience_s == 0.2
