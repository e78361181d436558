"""Frames between the media process and its workers."""

from __future__ import annotations

import pytest

from media.transcode import messages
from media.transcode.tracks import aac_track, audio_lane
from media.unit import Codec, Unit

UNIT = Unit(kind="audio", pts=-3, dts=-3, is_key=True, data=bytes(range(256)), at=1.5)
ORDERS = [
    messages.Job(7, (audio_lane(aac_track(2), Codec.OPUS),)),
    messages.DecodeUnits([UNIT, UNIT]),
    messages.Finish(),
    messages.MakePicture(3, aac_track(1), UNIT),
]


def test_orders_survive_any_cut() -> None:
    stream = b"".join(messages.pack(order) for order in ORDERS)
    for size in (1, 2, 3, 5, 64, len(stream)):
        frames = messages.Frames()
        bodies = [body for at in range(0, len(stream), size) for body in frames.feed(stream[at : at + size])]
        assert [messages.orders.decode(body) for body in bodies] == ORDERS


def test_answer_is_not_an_order() -> None:
    body = messages.pack(messages.WorkerReady())[4:]
    assert messages.answers.decode(body) == messages.WorkerReady()
    with pytest.raises(messages.msgspec.ValidationError):
        messages.orders.decode(body)


def test_frame_that_is_too_long_raises_before_it_has_arrived() -> None:
    with pytest.raises(messages.BadFrameError):
        list(messages.Frames(max_bytes=10).feed((11).to_bytes(4, "big")))
