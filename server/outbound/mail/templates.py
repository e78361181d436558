"""The mails' words: a catalogue for each language, one layout as text and one in MJML for all of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Final, Literal

import jinja2
import mrml
import msgspec

Language = Literal["en", "ar"]
TemplateName = Literal[
    "verify_email",
    "reset_password",
    "password_changed",
    "new_device",
    "deletion_scheduled",
    "email_changed",
    "export_ready",
    "confirm_provider",
    "suspended",
    "factor_added",
    "factor_removed",
    "codes_renewed",
    "passkey_added",
    "passkey_removed",
    "provider_linked",
    "provider_unlinked",
    "token_added",
    "operator_reset_password",
    "operator_removed_factor",
    "operator_made_token",
    "webhook_disabled",
    "subscription_unpaid",
    "subscription_unpaid_still",
    "subscription_unpaid_last",
    "notification",
    "digest",
]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "ar")
FOLDER: Final = Path(__file__).parent
LINK: Final = "link"
UNSUBSCRIBE: Final = "unsubscribe"
PATHS: Final = frozenset({LINK, UNSUBSCRIBE})
"""Values that are paths of this server."""
LINES: Final = "lines"
"""The value that is a list: its lines become paragraphs."""
PATH: Final = re.compile(r"/(?!/)[!-\[\]-~]{0,1000}")
"""Of a link: what is ASCII and shows, but for the backslash, which browsers take for a slash."""
GIVEN: Final = frozenset({"server", "name"})
"""Values that the outbox adds to those of a mail."""

_RIGHT_TO_LEFT: Final = frozenset({"ar"})
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One mail in one language. ``button``: the label of its link; empty for a mail that has none. ``has_lines``: a
    list follows the paragraphs. ``unsubscribe``: the label of the link by which a person has no more of these.
    """

    subject: str
    paragraphs: list[str]
    button: str = ""
    small: list[str] = []
    has_lines: bool = False
    unsubscribe: str = ""

    def texts(self) -> Iterator[str]:
        yield from (self.subject, *self.paragraphs, self.button, *self.small, self.unsubscribe)

    def extra(self) -> Iterator[str]:
        """The values that it is given without naming them."""
        given = ((LINK, self.button), (LINES, self.has_lines), (UNSUBSCRIBE, self.unsubscribe))
        yield from (name for name, is_given in given if is_given)


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all mails of a language share."""

    greeting: str
    link_hint: str


class Rendered(msgspec.Struct, frozen=True):
    """``unsubscribe``: the address that a POST to ends such mails (RFC 8058); empty: there is none."""

    subject: str
    text: str
    html: str
    unsubscribe: str = ""


class Catalogue:
    """The wordings of one language."""

    def __init__(self, language: Language) -> None:
        read = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
        self.language = language
        self.frame = msgspec.convert(read.pop("frame"), Frame)
        self.wordings = msgspec.convert(read, dict[TemplateName, Wording])
        self.is_right_to_left = language in _RIGHT_TO_LEFT

    def fields(self, template: TemplateName) -> frozenset[str]:
        """The values that a mail of this template is given."""
        wording = self.wordings[template]
        named = {name for text in wording.texts() for _, name, _, _ in Formatter().parse(text) if name}
        return frozenset(named - GIVEN | set(wording.extra()))

    def fill(self, text: str, values: Mapping[str, str]) -> str:
        """The text with its values; one in another script than the text leaves the order of the words alone."""
        return text.format_map({name: self.isolated(value) for name, value in values.items()})

    def isolated(self, value: str) -> str:
        """A value that leaves the order of the words around it alone."""
        if self.is_right_to_left or not value.isascii():
            return f"{_FIRST_STRONG_ISOLATE}{value}{_POP_ISOLATE}"
        return value


@cache
def _catalogue(language: Language) -> Catalogue:
    return Catalogue(language)


@cache
def _environment() -> jinja2.Environment:
    """It keeps what it has compiled, which takes some tens of milliseconds."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=jinja2.select_autoescape(["mjml"], default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class Templates:
    """``server``: the name that mails speak in. ``origin``: the address that links begin with, without a slash."""

    def __init__(self, *, server: str, origin: str) -> None:
        self._server = server
        self._origin = origin
        self._catalogues = {language: _catalogue(language) for language in LANGUAGES}
        self._text = _environment().get_template("layout.txt")
        self._html = _environment().get_template("layout.mjml")

    def catalogue(self, language: str) -> Catalogue:
        """The catalogue of the language; the English one where there is none."""
        return self._catalogues["ar" if language == "ar" else "en"]

    def check(self, template: TemplateName, values: Mapping[str, str]) -> None:
        """Raises ``ValueError`` when a value is missing or unknown, or ``link`` is not a path of this server."""
        expected = self.catalogue("en").fields(template)
        if values.keys() != expected:
            raise ValueError(f"a mail {template} is given {sorted(expected)}, not {sorted(values)}")
        if not all(PATH.fullmatch(values[name]) for name in PATHS & expected):
            raise ValueError(f"a link of a mail {template} must be a path of this server, quoted as in a URL")

    def subject(self, template: TemplateName, language: str, values: Mapping[str, str]) -> str:
        catalogue = self.catalogue(language)
        return catalogue.fill(catalogue.wordings[template].subject, {**values, "server": self._server})

    def render(self, template: TemplateName, language: str, name: str, values: Mapping[str, str]) -> Rendered:
        """``name``: whom the mail greets. Takes about 1 ms."""
        catalogue = self.catalogue(language)
        wording = catalogue.wordings[template]
        filled = {**values, "server": self._server, "name": name}
        subject = self.subject(template, language, values)
        context = {
            "language": catalogue.language,
            "direction": "rtl" if catalogue.is_right_to_left else "ltr",
            "start": "right" if catalogue.is_right_to_left else "left",
            "subject": subject,
            "greeting": catalogue.fill(catalogue.frame.greeting, filled),
            "paragraphs": [
                *(catalogue.fill(text, filled) for text in wording.paragraphs),
                *(catalogue.isolated(line) for line in (values[LINES].split("\n") if wording.has_lines else ())),
            ],
            "button": catalogue.fill(wording.button, filled),
            "link": self._origin + values[LINK] if wording.button else "",
            "link_hint": catalogue.frame.link_hint,
            "small": [catalogue.fill(text, filled) for text in wording.small],
            "server": self._server,
            "origin": self._origin,
            "unsubscribe": self._origin + values[UNSUBSCRIBE] if wording.unsubscribe else "",
            "unsubscribe_label": wording.unsubscribe,
        }
        html = mrml.to_html(self._html.render(context))
        return Rendered(subject, self._text.render(context), html.content, str(context["unsubscribe"]))
