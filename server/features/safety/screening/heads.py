"""Small heads on sentence vectors: the scores of a text. Pure but for numpy.

A head is a logistic regression on the vector of a sentence (512 numbers, of length 1). The file of a version is JSON:
``{format, version, measures, heads: {name: {bias, weights: base64 of little-endian float32}}}``; nothing is unpickled.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from server.sentences.encoder import SIZE, Vectors

FORMAT: Final = 1
NAMES: Final = ("toxicity", "spam", "sentiment")
_MOST: Final = 30.0


class BadHeads(Exception):
    """The file of a version cannot be used, for the reason that this says."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """``toxicity`` and ``spam``: probabilities from 0 to 1; ``sentiment``: from -1 (bad) to 1 (good)."""

    toxicity: float
    spam: float
    sentiment: float


class _Head(msgspec.Struct, frozen=True):
    bias: float
    weights: str


class _File(msgspec.Struct, frozen=True):
    format: int
    version: str
    measures: dict[str, float]
    heads: dict[str, _Head]


class Heads:
    """``weights``: name → 512 numbers, ``biases``: name → a number, for each of ``NAMES``."""

    def __init__(
        self, *, version: str, measures: Mapping[str, float], weights: Mapping[str, Any], biases: Mapping[str, float]
    ) -> None:
        self.version = version
        self.measures = dict(measures)
        self._weights = {name: np.asarray(weights[name], dtype=np.float32) for name in NAMES}
        self._biases = {name: float(biases[name]) for name in NAMES}

    def scores(self, vectors: Vectors) -> list[Scores]:
        """Of as many texts as there are rows."""
        found = {name: sigmoid(vectors @ self._weights[name] + self._biases[name]) for name in NAMES}
        return [
            Scores(toxicity=float(toxicity), spam=float(spam), sentiment=float(sentiment) * 2 - 1)
            for toxicity, spam, sentiment in zip(*(found[name] for name in NAMES), strict=True)
        ]

    def encoded(self) -> bytes:
        heads = {
            name: _Head(self._biases[name], base64.b64encode(self._weights[name].astype("<f4").tobytes()).decode())
            for name in NAMES
        }
        return msgspec.json.format(msgspec.json.encode(_File(FORMAT, self.version, self.measures, heads)), indent=1)


def read(content: bytes) -> Heads:
    """Raises ``BadHeads``."""
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadHeads(f"the file is corrupt: {error}") from None
    if file.format != FORMAT:
        raise BadHeads(f"the file is of format {file.format}, this server reads {FORMAT}")
    if missing := [name for name in NAMES if name not in file.heads]:
        raise BadHeads(f"the file has no head for {', '.join(missing)}")
    weights = {name: _numbers(name, file.heads[name].weights) for name in NAMES}
    biases = {name: file.heads[name].bias for name in NAMES}
    return Heads(version=file.version, measures=file.measures, weights=weights, biases=biases)


def _numbers(name: str, text: str) -> Vectors:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadHeads(f"the head for {name} is corrupt") from None
    if len(raw) != SIZE * 4:
        raise BadHeads(f"the head for {name} has {len(raw)} bytes instead of {SIZE * 4}")
    numbers = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise BadHeads(f"the head for {name} has numbers that are none")
    return numbers


def sigmoid(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -_MOST, _MOST)))


def fitted(vectors: Vectors, wanted: Sequence[float], *, weights: Sequence[float], ridge: float) -> tuple[Any, float]:
    """A logistic regression with L2 regularisation, by Newton's method: its weights and its bias."""
    x = np.hstack([np.asarray(vectors, dtype=np.float64), np.ones((len(vectors), 1))])
    y, w = np.asarray(wanted, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(25):
        p = sigmoid(x @ beta)
        gradient = x.T @ (w * (p - y)) + penalty * beta
        hessian = (x * (w * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-6:
            break
    return beta[:-1], float(beta[-1])
