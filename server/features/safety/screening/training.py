"""``python -m server.features.safety.screening.training OUT``: fit the heads to the sentences, and write their file."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.features.safety.screening.heads import NAMES, Heads, fitted
from server.features.safety.screening.sentences import Label, Language, Sentence, sentences
from server.sentences.encoder import Vectors, encoder

VERSION: Final = "1"
RIDGE: Final = 0.3
_WANTED: Final[dict[str, dict[Label, float]]] = {
    "toxicity": {"toxic": 1, "spam": 0, "positive": 0, "negative": 0, "neutral": 0},
    "spam": {"toxic": 0, "spam": 1, "positive": 0, "negative": 0, "neutral": 0},
    "sentiment": {"positive": 1, "negative": 0, "neutral": 0.5},
}
"""Head → label → what it is to say; what is not listed is left out."""


def trained(texts: Sequence[Sentence], vectors: Vectors, *, version: str = VERSION) -> Heads:
    """Each label and language weighs as much as any other."""
    counts = Counter((one.language, one.label) for one in texts)
    found = {name: _head(name, texts, vectors, counts) for name in NAMES}
    weights = {name: head[0] for name, head in found.items()}
    biases = {name: head[1] for name, head in found.items()}
    return Heads(version=version, measures={}, weights=weights, biases=biases)


def _head(
    name: str, texts: Sequence[Sentence], vectors: Vectors, counts: Counter[tuple[Language, Label]]
) -> tuple[Vectors, float]:
    wanted = _WANTED[name]
    rows = [row for row, one in enumerate(texts) if one.label in wanted]
    weights = [200 / counts[texts[row].language, texts[row].label] for row in rows]
    return fitted(vectors[rows], [wanted[texts[row].label] for row in rows], weights=weights, ridge=RIDGE)


def measured(heads: Heads, texts: Sequence[Sentence], vectors: Vectors, *, at: float = 0.5) -> dict[str, float]:
    """Precision and recall of toxicity and spam from the score ``at`` on, and the share of good and bad sentences whose
    sentiment is told right: ``label.language.measure`` → 0 to 1.
    """
    scored = list(zip(texts, heads.scores(vectors), strict=True))
    found: dict[str, float] = {}
    for language in ("en", "ar"):
        of_language = [(one, scores) for one, scores in scored if one.language == language]
        for name, label in (("toxicity", "toxic"), ("spam", "spam")):
            pairs = [(getattr(scores, name) >= at, one.label == label) for one, scores in of_language]
            hits = sum(is_found and is_so for is_found, is_so in pairs)
            found[f"{name}.{language}.precision"] = round(hits / max(1, sum(is_found for is_found, _ in pairs)), 3)
            found[f"{name}.{language}.recall"] = round(hits / sum(is_so for _, is_so in pairs), 3)
        told = [
            (scores.sentiment > 0) == (one.label == "positive")
            for one, scores in of_language
            if one.label in ("positive", "negative")
        ]
        found[f"sentiment.{language}.accuracy"] = round(sum(told) / len(told), 3)
    return found


def main(argv: Sequence[str]) -> int:
    texts = list(sentences())
    vectors = encoder()([one.text for one in texts])
    Path(argv[0]).write_bytes(trained(texts, vectors).encoded())
    print(f"fitted to {len(texts)} sentences")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
