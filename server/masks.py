"""What stands in the place of secrets where texts are shown. Apart from settings, which most processes have none of."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"

_IN_URL: Final = re.compile(r"(?<=://)([^:@/]*):.*@", re.DOTALL)
_IN_WORDS: Final = re.compile(r"(?i)(password|secret|token|key)(\s*=\s*)('[^']*'|[^&\s]+)")


def masked_text(text: str) -> str:
    """Without the passwords of URLs, and what follows words such as ``password=``."""
    return _IN_WORDS.sub(rf"\1\2{MASK}", _IN_URL.sub(rf"\1:{MASK}@", text))
