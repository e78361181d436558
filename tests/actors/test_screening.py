"""What the screening sees through, and what it leaves alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.screening import (
    ALLOW,
    Action,
    BannedWord,
    ChatFilter,
    Reason,
    Screen,
    Verdict,
    has_link,
    hosts_in,
    is_repetition,
    is_shouted,
    is_word,
)
from tests.actors.screened_texts import ARABIC, LATIN, evasions, ordinary, other_words

OF_WORDS = ChatFilter(words=tuple(BannedWord(text=word) for word in (*LATIN, *ARABIC)))


def screen(*words: str, action: Action = "refuse") -> Screen:
    return Screen(ChatFilter(words=tuple(BannedWord(text=word, action=action) for word in words)))


def is_caught(by: Screen, text: str) -> bool:
    return by.judge(text).action != "allow"


def test_ninety_nine_of_a_hundred_disguises_are_seen_through() -> None:
    judging = Screen(OF_WORDS)
    tried, caught = Counter[str](), Counter[str]()
    for name, text in evasions(3_000):
        tried[name] += 1
        caught[name] += is_caught(judging, text)
    assert caught.total() >= 0.99 * tried.total(), {name: (caught[name], tried[name]) for name in tried}
    assert all(caught[name] >= 0.9 * tried[name] for name in tried), {n: (caught[n], tried[n]) for n in tried}


def test_one_of_a_thousand_ordinary_messages_is_held_at_most() -> None:
    many = tuple(BannedWord(text=word) for word in other_words(1_000))
    rules = ChatFilter(words=many, link_action="hold", repeats="hold", capitals="hold")
    judging = Screen(OF_WORDS, rules)
    stopped = [text for text in ordinary(10_000) if is_caught(judging, text)]
    assert len(stopped) <= 10, stopped


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ass", "as"), ("ass", "class"), ("ass", "a s"), ("god", "good"), ("twit", "twitter"),
        ("fail", "fall"), ("bum", "burn"), ("meme", "me me"), ("penis", "the pen is mine"), ("ass", "455"),
        ("boob", "8008"), ("كلب", "قلب"), ("حمار", "حمامة"), ("wall", "we will all go"), ("nitwit", "knit wit"),
    ],
)  # fmt: skip
def test_what_only_resembles_a_word_is_let_through(word: str, text: str) -> None:
    assert not is_caught(screen(word), text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ass", "asss"), ("ass", "a$$"), ("ass", "@ss"), ("ass", "a s s"), ("moron", "M O R O N"), ("moron", "mo r on"),
        ("moron", "m.o.r.o.n you"), ("moron", "mmooroonn"), ("nitwit", "n1tw1t!!!"), ("kill", "kiII"), ("kill", "k!ll"),
        ("moron", "moron123"), ("moron", "\u043c\u043e\u0433\u043en".replace("\u0433", "r")), ("moron", "m0r0n"),
        ("moron", "mor\u00f3n"), ("git gud", "GIT   gud"), ("git gud", "g1t, gud"), ("git gud", "gitgud"),
        ("حمار", "يا حِمَـار"), ("حمار", "7mar"), ("7mar", "حمار"), ("7mar", "7 m a r"), ("أحمق", "الاحمق"),
        ("بقرة", "بقره"), ("غبي", "غبى"), ("moron", "s moron s"), ("moron", "moro n"), ("moron", "m oron"),
    ],
)  # fmt: skip
def test_a_word_is_found_however_it_is_written(word: str, text: str) -> None:
    assert is_caught(screen(word), text)


def test_the_strictest_of_all_filters_counts() -> None:
    held, refused = (ChatFilter(words=(BannedWord(text=word, action=action),)) for word, action in DIFFERENT)
    both = Screen(held, refused)
    assert both.judge("one").action == "hold"
    assert both.judge("two one").action == both.judge("one two").action == "refuse"
    again = ChatFilter(words=(BannedWord(text="One"),))
    assert Screen(held, again).judge("one").action == Screen(again, held).judge("one").action == "refuse"
    assert Screen().judge("one") is Screen(ChatFilter()).judge("one") is ALLOW


DIFFERENT: list[tuple[str, Action]] = [("one", "hold"), ("two", "refuse")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("see example.org", "link"), ("LISTEN TO ME ALL OF YOU NOW", "capitals"), ("a" * 15, "repeats"),
        ("buy buy buy buy buy buy buy buy", "repeats"), ("hello", None),
    ],
)  # fmt: skip
def test_each_rule_holds_by_itself_and_says_which_it_is(text: str, reason: Reason | None) -> None:
    judging = Screen(ChatFilter(link_action="hold", repeats="hold", capitals="hold"))
    expected = ALLOW if reason is None else Verdict(action="hold", reason=reason)
    assert judging.judge(text) == expected
    assert Screen(ChatFilter(words=(BannedWord(text="x"),))).judge(text) == ALLOW


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://Example.org:8080/path", ["example.org"]), ("www.example.de", ["example.de"]),
        ("http://user@example.org/", ["example.org"]), ("example.com", ["example.com"]),
        ("go to sub.example.tv!", ["sub.example.tv"]),
        ("example dot com", ["example.com"]), ("example[.]com", ["example.com"]),
        ("example (dot) com", ["example.com"]),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", ["example.com"]), ("example。com", ["example.com"]),
        ("hxxps://evil.zip", ["evil.zip"]),
        ("nice.but no", []), ("e.g. this", []), ("3.5 stars", []), ("wait...what", []),
        ("ann@example.com", []), ("the dot is red", []),
    ],
)  # fmt: skip
def test_links_are_found_by_their_hosts(text: str, hosts: list[str]) -> None:
    assert list(hosts_in(text)) == hosts


def test_a_host_is_allowed_with_its_subdomains_and_no_other() -> None:
    for text, is_other in (("example.org", False), ("a.example.org", False), ("badexample.org", True)):
        assert has_link(text, ["example.org"]) is is_other
    assert has_link("example.org other.com", ["example.org"])


def test_repetition_is_of_one_character_or_of_few_words() -> None:
    assert [is_repetition(text) for text in ("a" * 14, "a" * 15, "x" + " " * 20 + "y")] == [False, True, False]
    assert [is_repetition(text) for text in ("go " * 7, "Go go " * 4, "a b c go go go go go")] == [False, True, False]


def test_shouting_is_many_capitals_that_are_most_letters() -> None:
    assert not is_shouted("THIS IS SHORT ENOUGH")
    assert is_shouted("THIS IS NO LONGER SHORT ENOUGH")
    assert not is_shouted("THIS IS NO LONGER SHORT ENOUGH but more is said quietly")
    assert not is_shouted("@THIS_IS_A_LONG_NAME_OF_SOMEONE :AND_A_LONG_EMOTE_TOO: hi")


@pytest.mark.parametrize(
    ("text", "answer"), [("ok", True), ("7mar", True), ("!!!", False), ("123", False), ("a " * 9, False)]
)
def test_what_a_filter_could_never_find_is_no_word(text: str, answer: bool) -> None:
    assert is_word(text) is answer


ALL_RULES = Screen(OF_WORDS, ChatFilter(link_action="hold", repeats="hold", capitals="hold"))


@settings(max_examples=60)
@given(st.text(max_size=500))
def test_any_text_is_judged(text: str) -> None:
    assert ALL_RULES.judge(text).action in ("allow", "hold", "refuse")
