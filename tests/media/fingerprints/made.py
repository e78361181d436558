"""Made music, voices and pictures, and what is done to them: for tests and benches of fingerprints."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray

from media.fingerprints.audio import RATE

Floats = NDArray[np.float32]


def music(seed: int, seconds: float) -> Floats:
    """Notes of a few instruments over a bass and a drum, at a tempo and in a key of its own."""
    random = np.random.default_rng(seed)
    beat_s = random.uniform(0.28, 0.6)
    scale = random.choice(12, 7, replace=False)
    made = np.zeros(int(seconds * RATE) + 4 * RATE, np.float32)
    for start in np.arange(0.0, seconds, beat_s / 2):
        for _ in range(int(random.integers(1, 4))):
            note = 45 + 12 * int(random.integers(0, 4)) + int(random.choice(scale))
            _add(made, start + random.normal(0, 0.008), _note(random, note, random.uniform(0.15, 1.2)))
        if random.random() < 0.5:
            _add(made, start, _drum(random))
    return _levelled(made[: int(seconds * RATE)])


def _note(random: np.random.Generator, note: int, seconds: float) -> Floats:
    t = np.arange(int(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    waves = sum(
        random.uniform(0.2, 1) / n * np.sin(2 * np.pi * hz * n * t + random.uniform(0, 6.28))
        for n in range(1, 7)
        if hz * n < RATE / 2.2
    )
    envelope = np.minimum(1, t / 0.012) * np.exp(-t * random.uniform(1, 6))
    return (waves * envelope * random.uniform(0.3, 1)).astype(np.float32)


def _drum(random: np.random.Generator) -> Floats:
    t = np.arange(int(0.12 * RATE)) / RATE
    return (random.normal(0, 0.7, len(t)) * np.exp(-t * 40)).astype(np.float32)


def _add(made: Floats, start_s: float, sound: Floats) -> None:
    at = max(0, int(start_s * RATE))
    made[at : at + len(sound)] += sound[: len(made) - at]


def speech(seed: int, seconds: float) -> Floats:
    """What sounds like speech to a spectrogram: syllables of a gliding pitch through moving formants."""
    random = np.random.default_rng(seed)
    made, at = np.zeros(int(seconds * RATE) + RATE, np.float32), 0.0
    while at < seconds:
        length = random.uniform(0.12, 0.35)
        t = np.arange(int(length * RATE)) / RATE
        pitch = random.uniform(95, 220) * (1 + random.uniform(-0.5, 0.5) * t)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        formants = [random.uniform(300, 900), random.uniform(900, 2_300), random.uniform(2_300, 3_200)]
        sound = np.zeros(len(t))
        for n in range(1, 30):
            gain = sum(np.exp(-(((pitch * n - f) / 160) ** 2)) for f in formants)
            sound += gain * np.sin(n * phase) * (pitch * n < RATE / 2.1)
        _add(made, at, (sound * np.sin(np.pi * t / length)).astype(np.float32))
        at += length + random.exponential(0.08)
    return _levelled(made[: int(seconds * RATE)])


def _levelled(sound: Floats) -> Floats:
    return (sound * (0.12 / (np.sqrt(np.mean(sound**2)) + 1e-9))).clip(-1, 1).astype(np.float32)


def faster(sound: Floats, speed: float) -> Floats:
    """Played at another speed, which changes the pitch as well."""
    at = np.arange(0, len(sound) - 1, speed)
    return np.interp(at, np.arange(len(sound)), sound).astype(np.float32)


def reencoded(sound: Floats, *, rate: int = 44_100, bits: int = 64_000) -> Floats:
    """Through AAC and back, at another sampling rate."""
    held = BytesIO()
    with av.open(held, "w", format="adts") as out:
        stream = out.add_stream("aac", rate=rate, layout="mono")
        stream.bit_rate = bits
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(sound[None, :].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE
        frame.time_base, frame.pts = Fraction(1, RATE), 0
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    held.seek(0)
    back = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    with av.open(held, format="aac") as read:
        frames = [out for frame in read.decode(audio=0) for out in back.resample(frame)]
    return np.concatenate([each.to_ndarray()[0] for each in frames]).astype(np.float32)


def film(seed: int, seconds: float, *, width: int = 320, height: int = 180, rate: int = 8) -> NDArray[np.uint8]:
    """Frames by rows by columns, grey: shots of a few seconds, in which a view moves over a landscape of clouds."""
    random = np.random.default_rng(seed)
    frames: list[NDArray[np.uint8]] = []
    while len(frames) < seconds * rate:
        frames += _shot(random, int(random.uniform(1.5, 5) * rate), width, height)
    return np.stack(frames[: int(seconds * rate)])


def _shot(random: np.random.Generator, count: int, width: int, height: int) -> list[NDArray[np.uint8]]:
    land = _clouds(random, height * 2, width * 2)
    at, step = np.array([random.uniform(0, height), random.uniform(0, width)]), random.normal(0, 1.2, 2)
    things = [
        (random.uniform(0, 1, 2), random.normal(0, 0.01, 2), random.uniform(0.06, 0.2), random.uniform(-90, 90))
        for _ in range(4)
    ]
    y, x = np.mgrid[0:height, 0:width] / height
    shown = []
    for number in range(count):
        top, left = np.clip(at + step * number, 0, (height, width)).astype(int)
        frame = land[top : top + height, left : left + width].copy()
        for place, speed, size, light in things:
            middle = place + speed * number
            frame += light * (np.hypot(y - middle[0], x - middle[1] * width / height) < size)
        shown.append(frame.clip(0, 255).astype(np.uint8))
    return shown


def _clouds(random: np.random.Generator, height: int, width: int) -> Floats:
    """Noise whose amplitude falls with the frequency, as that of photographs does."""
    waves = np.fft.rfft2(random.normal(0, 1, (height, width)))
    far = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    clouds = np.fft.irfft2(waves / (far + 0.5 / width) ** 1.2, s=(height, width))
    return (128 + 45 * clouds / clouds.std()).astype(np.float32)


def small(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """As a scaler makes it: each point the mean of its area."""
    rows, columns = _areas(frame.shape[0], side), _areas(frame.shape[1], side)
    return (rows @ frame.astype(np.float32) @ columns.T).round().clip(0, 255).astype(np.uint8)


def _areas(size: int, side: int) -> Floats:
    edges = np.linspace(0, size, side + 1)
    points = np.arange(size)
    inside = np.minimum(edges[1:, None], points + 1) - np.maximum(edges[:-1, None], points)
    weights = np.maximum(inside, 0)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def cropped(frame: NDArray[np.uint8], *, top: float = 0, bottom: float = 0, left: float = 0, right: float = 0):
    """Shares of the height and the width that are cut away."""
    height, width = frame.shape
    return frame[int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)]


def with_logo(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A bright sign in a corner, an eighth of the width."""
    marked = frame.copy()
    height, width = frame.shape
    marked[height // 20 : height // 20 + height // 7, -width // 20 - width // 8 : -width // 20] = 240
    return marked
