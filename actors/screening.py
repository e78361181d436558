"""What may be written in a room: words, links, repeats and capitals, judged before a message is shown. Pure.

A filter is compiled once, and costs the same however many words it has. The strictest of all outcomes counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from operator import eq
from typing import Final, Literal

import msgspec

from actors.screening_words import (
    HAS_DIGITS,
    MAX_WORD,
    consonants,
    folded,
    forms,
    is_arabic,
    is_joined,
    is_letters,
    is_written_as,
    joined,
    readings,
    shortened,
    spelled,
    tokens_of,
    without_article,
    without_articles,
    without_numbers,
)

Action = Literal["refuse", "hold"]
Reason = Literal["word", "link", "repeats", "capitals", "judge"]

MAX_WORDS: Final = 5_000
MAX_HOSTS: Final = 500
_MAX_PHRASE: Final = 8
_MIN_CONSONANTS: Final = 3
_FLOOD: Final = re.compile(r"(\S)\1{14,}")
_FEWEST_REPEATED: Final = 8
_REPEATED_SHARE: Final = 4
_FEWEST_CAPITALS: Final = 20
_CAPITALS_SHARE: Final = 0.8
_NAMES: Final = re.compile(r"[@:][^\s:]+:?")
_CAPITAL: Final = re.compile("[A-Z\u00c0-\u00de\u0391-\u03a9\u0410-\u042f]")
NOTHING: Final[Mapping[str, Action]] = {}

_TLDS: Final = (
    "com|net|org|info|biz|io|co|me|tv|gg|ly|to|cc|ru|cn|uk|de|fr|es|it|nl|us|ca|au|jp|br|in|ae|sa|eg|iq|ir|tr|xyz|top|app"
    "|dev|live|link|shop|store|site|online|club|win|vip|pro|fun|icu|space|website|stream|chat|game|games|bet|casino|porn|xxx"
)
_HOST: Final = re.compile(
    rf"(?:(?:https?|hxxps?|ftp)://|www\.)(?P<any>[^\s/?#]+)|(?<![\w@.-])(?P<bare>(?:[\w-]+\.)+(?:{_TLDS}))(?![\w-]|\.\w)",
    re.IGNORECASE,
)
_DOT: Final = re.compile(
    r"\s*[\[({]\s*(?:\.|dot|point)\s*[\])}]\s*|\s+(?:dot)\s+(?=\w+\b)|[\u3002\uff0e\uff61\u2024]", re.IGNORECASE
)
_DOTS: Final = ".\u3002\uff0e\uff61\u2024"
_DOTTED: Final = re.compile(rf"[{_DOTS}][^\W\d_]|www[{_DOTS}]|[\[({{]\.[\])}}]", re.IGNORECASE)
"""Every host has one of these: a number with a decimal point has none."""


class BannedWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word, or several with spaces between them."""

    text: str
    action: Action = "refuse"


class ChatFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What may not be written; None: nothing is done. ``allowed_hosts`` may be linked to, with their subdomains."""

    words: tuple[BannedWord, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    link_action: Action | None = None
    repeats: Action | None = None
    capitals: Action | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    action: Literal["allow", "refuse", "hold"]
    reason: Reason | None = None


ALLOW: Final = Verdict(action="allow")


class Screen:
    """Filters, compiled. ``judge`` takes some ten microseconds and keeps nothing."""

    def __init__(self, *filters: ChatFilter) -> None:
        self._filters = [one for one in filters if one.link_action or one.repeats or one.capitals]
        self._words: dict[str, dict[str, Action]] = {}
        self._phrases: dict[str, list[tuple[Sequence[str], Action]]] = {}
        self._arabizi: dict[str, Action] = {}
        self._arabic: dict[str, Action] = {}
        for one in filters:
            for banned in one.words:
                self._add(banned)
        self._keys = frozenset((*self._words, *self._phrases))
        self._beginnings = frozenset(key[:2] for key in self._keys)

    def _add(self, banned: BannedWord) -> None:
        for reading in readings(folded(banned.text)):
            tokens = tokens_of(reading)
            words = [form for token in tokens for form in list(forms(token))[:1]]
            if not words or len(words) > _MAX_PHRASE:
                continue
            for token in tokens if len(tokens) == 1 else ():
                for form in forms(token):
                    self._add_word(form, banned.action)
                self._add_consonants(token, banned.action)
            if len(words) > 1:
                self._phrases.setdefault(shortened(words[0]), []).append((words, banned.action))
                self._add_word("".join(words), banned.action)

    def _add_word(self, word: str, action: Action) -> None:
        same = self._words.setdefault(shortened(word), {})
        same[word] = _stricter(action, same.get(word))

    def _add_consonants(self, token: str, action: Action) -> None:
        found = consonants(token)
        if len(found) >= _MIN_CONSONANTS:
            table = self._arabizi if is_arabic(token) else self._arabic
            table[found] = _stricter(action, table.get(found))

    def judge(self, text: str) -> Verdict:
        found: Verdict = ALLOW
        for verdict in self._verdicts(text):
            if verdict.action == "refuse":
                return verdict
            found = verdict if found is ALLOW else found
        return found

    def _verdicts(self, text: str) -> Iterator[Verdict]:
        if self._keys:
            for action in self._word_actions(text):
                yield Verdict(action=action, reason="word")
        for one in self._filters:
            if one.link_action and has_link(text, one.allowed_hosts):
                yield Verdict(action=one.link_action, reason="link")
            if one.repeats and is_repetition(text):
                yield Verdict(action=one.repeats, reason="repeats")
            if one.capitals and is_shouted(text):
                yield Verdict(action=one.capitals, reason="capitals")

    # words

    def _word_actions(self, text: str) -> Iterator[Action]:
        """One look at each reading finds whether there may be a word at all; hardly any message needs another."""
        plain = without_numbers(folded(text))
        if is_letters(plain):
            if self._may_have_letters(plain):
                yield from self._found(plain)
        else:
            for reading in readings(plain):
                if self._may_have_words(reading):
                    yield from self._found(reading)
        if not plain.isascii() and is_arabic(plain) and self._may_have_arabic(plain):
            for token in tokens_of(plain):
                yield from self._of_arabic(token)

    def _may_have_letters(self, plain: str) -> bool:
        """As ``_may_have_words``, for letters with spaces between them: most messages, at a third of the price."""
        tokens = shortened(plain).split()
        if not self._keys.isdisjoint(tokens):
            return True
        lengths = [*map(len, tokens)]
        return 1 in lengths and any(map(self._is_key, spelled(tokens, lengths)))

    def _may_have_arabic(self, plain: str) -> bool:
        """Never False for one in which ``_of_arabic`` finds any."""
        return bool(self._arabic) or any(map(self._is_key, without_articles(plain)))

    def _is_key(self, token: str) -> bool:
        may_begin = token[:2] in self._beginnings or token[:1] == token[1:2]
        return may_begin and shortened(token) in self._keys

    def _may_have_words(self, reading: str) -> bool:
        """Never False for one in which ``_found`` finds any."""
        tokens = tokens_of(shortened(reading))
        if not self._keys.isdisjoint(tokens):
            return True
        lengths = [*map(len, tokens)]
        if 1 in lengths and any(map(self._may_be_word, spelled(tokens, lengths))):
            return True
        if HAS_DIGITS.search(reading) and any(self._may_be_word(t) for t in tokens_of(reading) if not t.isalpha()):
            return True
        return is_joined(reading) and any(map(self._may_be_word, joined(reading)))

    def _may_be_word(self, token: str) -> bool:
        if token.isalpha():
            return self._is_key(token)
        if any(map(self._is_key, forms(token))):
            return True
        return bool(self._arabizi) and consonants(token) in self._arabizi

    def _found(self, reading: str) -> Iterator[Action]:
        tokens = tokens_of(reading)
        for token in tokens:
            yield from self._of_token(token)
        for token in spelled(tokens, [len(shortened(token)) for token in tokens]):
            yield from self._of_token(token)
        for token in joined(reading):
            yield from self._of_token(token)
        yield from self._of_phrases(tokens)

    def _of_token(self, token: str) -> Iterator[Action]:
        if len(token) > MAX_WORD:
            return
        for form in forms(token):
            yield from _written(form, self._words.get(shortened(form), NOTHING))
        if self._arabizi and not token.isalpha():
            action = self._arabizi.get(consonants(token))
            if action is not None:
                yield action

    def _of_arabic(self, token: str) -> Iterator[Action]:
        bare = without_article(token)
        if bare != token:
            yield from _written(bare, self._words.get(shortened(bare), NOTHING))
        action = self._arabic.get(consonants(bare)) if self._arabic else None
        if action is not None:
            yield action

    def _of_phrases(self, tokens: Sequence[str]) -> Iterator[Action]:
        read = [next(iter(forms(token)), token) for token in tokens] if self._phrases else []
        for at, first in enumerate(read):
            for words, action in self._phrases.get(shortened(first), ()):
                if _are_written(read[at : at + len(words)], words):
                    yield action


def _stricter(one: Action, other: Action | None) -> Action:
    return "refuse" if "refuse" in (one, other) else "hold"


def _written(token: str, words: Mapping[str, Action]) -> Iterator[Action]:
    for word, action in words.items():
        if is_written_as(token, word):
            yield action


def _are_written(tokens: Sequence[str], words: Sequence[str]) -> bool:
    return len(tokens) == len(words) and all(
        shortened(token) == shortened(word) and is_written_as(token, word)
        for token, word in zip(tokens, words, strict=True)
    )


def hosts_in(text: str) -> Sequence[str]:
    """The hosts of the links in a text, those too that are written so as not to look like one."""
    if not (_is_dotted(text) or "://" in text or "dot" in text.lower()):
        return ()
    plain = _DOT.sub(".", unicodedata.normalize("NFKC", text))
    return [host_of(found["any"] or found["bare"]) for found in _HOST.finditer(plain)]


def _is_dotted(text: str) -> bool:
    has_dot = "." in text if text.isascii() else any(map(text.__contains__, _DOTS))
    return has_dot and _DOTTED.search(text) is not None


def is_word(text: str) -> bool:
    """Whether a filter can find this."""
    tokens = tokens_of(folded(text))
    return 0 < len(tokens) <= _MAX_PHRASE and all(next(iter(forms(token)), "") for token in tokens)


def host_of(address: str) -> str:
    """Without the user's part, the port and www."""
    return address.rpartition("@")[2].partition(":")[0].rstrip(".,;!?)]}>\"'").lower().removeprefix("www.")


def has_link(text: str, allowed_hosts: Sequence[str]) -> bool:
    """Whether there is a link to a host that is neither allowed nor a subdomain of one that is."""
    hosts = hosts_in(text)
    return bool(hosts) and not all(_is_within(host, allowed_hosts) for host in hosts)


def _is_within(host: str, allowed: Sequence[str]) -> bool:
    return any(host == one or host.endswith("." + one) for one in allowed)


def is_repetition(text: str) -> bool:
    """One character without end, or the same few words over and over."""
    if any(map(eq, text[::8], text[7::8])) and _FLOOD.search(text):  # 15 in a row have such a pair among them
        return True
    words = text.split()
    most = len(words) // _REPEATED_SHARE
    return len(words) >= _FEWEST_REPEATED and _are_at_most(most, words[: most + 1]) and _are_at_most(most, words)


def _are_at_most(most: int, words: Sequence[str]) -> bool:
    return len(set(map(str.casefold, words))) <= most


def is_shouted(text: str) -> bool:
    """A sentence in capitals. Names of people and emotes do not count."""
    if len(_CAPITAL.findall(text)) < _FEWEST_CAPITALS:
        return False
    plain = _NAMES.sub("", text)
    capitals = sum(map(str.isupper, plain))
    return capitals >= _FEWEST_CAPITALS and capitals >= _CAPITALS_SHARE * (capitals + sum(map(str.islower, plain)))
