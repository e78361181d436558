"""What names, addresses and passwords may be, and the form in which two of them are the same. Pure."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from server.http.shapes import Text

USERNAME_PATTERN: Final = "^[A-Za-z0-9_]{3,30}$"

# Form only: an atom of RFC 5322 or RFC 6531 on the left, two or more labels on the right. Whether the domain is there
# is not looked up, so that registration needs no network.
_ATOM: Final = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u00a1-\\ud7ff-]+"
_LABEL: Final = "[A-Za-z0-9\\u00a1-\\ud7ff]([A-Za-z0-9\\u00a1-\\ud7ff-]{0,61}[A-Za-z0-9\\u00a1-\\ud7ff])?"
EMAIL_PATTERN: Final = f"^{_ATOM}(\\.{_ATOM})*@{_LABEL}(\\.{_LABEL})+$"

# Names that would lend their bearer an authority, or be taken for the absence of a person.
RESERVED: Final = frozenset(
    {"admin", "administrator", "anonymous", "api", "deleted", "help", "moderator", "null", "official", "root"}
    | {"security", "socialflow", "staff", "support", "system", "undefined"}
)

Username = Annotated[
    str,
    StringConstraints(min_length=3, max_length=30, pattern=USERNAME_PATTERN),
    Field(description="Letters, digits and underscores; unique whatever the case", examples=["ada"]),
]
Email = Annotated[
    str,
    StringConstraints(min_length=6, max_length=254, pattern=EMAIL_PATTERN),
    Field(description="Checked for its form only", examples=["ada@example.org"]),
]
Password = Annotated[Text, Field(min_length=8, max_length=256, examples=["correct horse battery staple"])]


def normal_password(password: str) -> str:
    """The same password from every keyboard (RFC 8265 asks for NFC of an "OpaqueString"; NFKC also joins widths)."""
    return unicodedata.normalize("NFKC", password)


def username_key(username: str) -> str:
    return username.lower()


def email_key(email: str) -> str:
    return unicodedata.normalize("NFC", email).casefold()


def is_reserved(username: str) -> bool:
    return username_key(username) in RESERVED or username_key(username).startswith("deleted_")


def display_text(text: str) -> str:
    """One line as people see it: NFC, no control or direction-changing characters, single spaces."""
    shown = "".join(" " if _is_invisible(char) else char for char in unicodedata.normalize("NFC", text))
    return " ".join(shown.split())


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cc" or char in _DIRECTIONS


_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def paragraph(text: str) -> str:
    """Several lines as people see them: NFC, line ends as ``\\n``, no other control characters, no blank edges."""
    lines = re.split("\r\n|\r|\n", unicodedata.normalize("NFC", text))
    kept = ("".join(char for char in line if char == "\t" or not _is_invisible(char)) for line in lines)
    return "\n".join(kept).strip()


DisplayName = Annotated[Text, Field(max_length=50, examples=["Ada Lovelace"]), AfterValidator(display_text)]
Bio = Annotated[Text, Field(max_length=500, examples=["Engines, poetry."]), AfterValidator(paragraph)]


def new_stream_key() -> str:
    return "sk_" + secrets.token_urlsafe(24)


def new_password() -> str:
    return secrets.token_urlsafe(15)
