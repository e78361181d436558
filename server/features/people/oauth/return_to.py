"""Where a sign-in may lead back to: paths of this server, and nothing that a browser takes for another one."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

MAX_CHARS: Final = 512
_PATH: Final = re.compile(r"/[\x21-\x5b\x5d-\x7e]*")
_TURNS: Final = 4
_LEFT_OUT: Final = re.compile(r"[\x00-\x20]")
_WRONG: Final = "must be a path of this server, as /settings"


def local_path(text: str) -> str:
    """``text`` itself. Raises ``ValueError`` for what is no path here: ``//host``, ``/\\host``, also percent-encoded
    or with characters that browsers leave out (WHATWG URL section 4.4).
    """
    if not _PATH.fullmatch(text) or "#" in text:
        raise ValueError(_WRONG)
    decoded = text
    for _ in range(_TURNS):
        if _LEFT_OUT.sub("", decoded)[:2] in ("//", "/\\"):
            raise ValueError(_WRONG)
        decoded = unquote(decoded)
    return text
