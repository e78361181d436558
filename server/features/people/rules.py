"""What names, addresses and passwords may be, and the form in which two of them are the same. Pure."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import unicodedata
from functools import partial
from typing import Annotated, Final

import idna
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from actors.text import clean_line
from server.features.people.confusables import bare_skeleton, skeleton
from server.features.people.weak_passwords import WEAK, is_weak
from server.http.shapes import Text, one_line, several_lines

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


def _only_seen(email: str) -> str:
    if clean_line(email) != unicodedata.normalize("NFC", email):
        raise ValueError("has a character that cannot be seen")
    return email


Username = Annotated[
    str,
    StringConstraints(min_length=3, max_length=30, pattern=USERNAME_PATTERN),
    Field(description="Letters, digits and underscores; unique whatever the case", examples=["ada"]),
]
Email = Annotated[
    str,
    StringConstraints(min_length=6, max_length=254, pattern=EMAIL_PATTERN),
    Field(description="Checked for its form only", examples=["ada@example.org"]),
    AfterValidator(_only_seen),
]


EARLIEST_BIRTH: Final = dt.date(1900, 1, 1)


def _as_text(given: object) -> object:
    if not isinstance(given, str):
        raise ValueError("must be a date as RFC 3339 writes it")
    return given


def _born(given: dt.date) -> dt.date:
    if not EARLIEST_BIRTH <= given <= dt.datetime.now(dt.UTC).date():
        raise ValueError(f"must be between {EARLIEST_BIRTH} and today")
    return given


BirthDate = Annotated[dt.date, Field(strict=False), BeforeValidator(_as_text), AfterValidator(_born)]


def _uncommon(password: str) -> str:
    if is_weak(password):
        raise ValueError(WEAK)
    return password


Password = Annotated[
    Text, AfterValidator(_uncommon), Field(min_length=10, max_length=256, examples=["correct horse battery staple"])
]
"""Checked with the other fields, so that one answer names all that is wrong; names are compared by ``Accounts``."""


def normal_password(password: str) -> str:
    """The same password from every keyboard (RFC 8265 asks for NFC of an "OpaqueString"; NFKC also joins widths)."""
    return unicodedata.normalize("NFKC", password)


def username_key(username: str) -> str:
    return username.lower()


def email_key(email: str) -> str:
    """The form in which two addresses are the same: in any case, in NFC, the domain in Unicode (RFC 5891) or ASCII."""
    local, _, domain = unicodedata.normalize("NFC", email).rpartition("@")
    return unicodedata.normalize("NFC", f"{local.casefold()}@{_domain_key(domain)}") if local else email.casefold()


def _domain_key(domain: str) -> str:
    try:
        ascii_form = idna.encode(domain, uts46=True, std3_rules=False).decode()
        return idna.decode(ascii_form)
    except (idna.IDNAError, UnicodeError):
        return domain.casefold()


def is_email(text: str) -> bool:
    """Whether it has the form of an address, as ``Email`` checks it."""
    if not 6 <= len(text) <= 254 or re.fullmatch(EMAIL_PATTERN, text) is None:
        return False
    return clean_line(text) == unicodedata.normalize("NFC", text)


def username_of(hint: str) -> str:
    """A username that is most like a name of somewhere else."""
    plain = unicodedata.normalize("NFKD", hint).encode("ascii", "ignore").decode()
    name = re.sub("_+", "_", re.sub("[^A-Za-z0-9_]", "_", plain)).strip("_")[:30]
    return name if len(name) >= 3 else f"person_{name}".rstrip("_")


# Behind a letter, digit or dot of ASCII it is an address of mail, or of another network; other scripts write without a
# space in between, as Arabic does behind a conjunction.
_MENTION: Final = re.compile(r"(?<![A-Za-z0-9_@./])@([A-Za-z0-9_]{3,30})(?![A-Za-z0-9_@]|\.[A-Za-z0-9])")


def mentioned_in(text: str, at_most: int) -> list[str]:
    """The usernames that a text mentions, each once in lower case: the first ``at_most``."""
    return list(dict.fromkeys(username_key(name) for name in _MENTION.findall(text)))[:at_most]


def is_reserved(name: str) -> bool:
    """Whether a username, or a display name, reads as one that lends its bearer an authority."""
    return bare_skeleton(name) in _RESERVED_SKELETONS or skeleton(name).startswith("deleted_")


_RESERVED_SKELETONS: Final = frozenset(map(skeleton, RESERVED))


DisplayName = Annotated[
    Text, Field(max_length=50, examples=["Ada Lovelace"]), AfterValidator(partial(one_line, at_most=50))
]
Pronouns = Annotated[Text, Field(max_length=40, examples=["she/her"]), AfterValidator(partial(one_line, at_most=40))]
Bio = Annotated[
    Text, Field(max_length=500, examples=["Engines, poetry."]), AfterValidator(partial(several_lines, at_most=500))
]

# RFC 3986 in ASCII, without the user information before an @, by which an address can seem to be another.
LINK_PATTERN: Final = "^https?://[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})*(:[0-9]{1,5})?([/?#][!#-;=?-\\[\\]_a-z~]*)?$"
MAX_LINKS: Final = 5
Link = Annotated[
    str,
    StringConstraints(max_length=300, pattern=LINK_PATTERN),
    Field(description="A web address", examples=["https://ada.example"]),
]


def new_password() -> str:
    return secrets.token_urlsafe(15)
