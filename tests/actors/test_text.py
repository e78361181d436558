"""What is kept of a text that people see."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text import MAX_MARKS, clean_line, clean_lines, clean_message

FLAG_OF_ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        "Ada Lovelace",
        "José, Zoë & Đặng Văn Ngữ",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\u0647\u200d",  # an Arabic abbreviation, with a joiner at its end
        "\u0627\u0644\u0652\u062d\u064e\u0645\u0652\u062f\u064f \u06dd",  # Arabic with vowels and the end of an ayah
        "\u0915\u094d\u200d\u0937",  # Hindi, a half form
        "\u05e9\u05bc\u05c1\u0591\u05bd",  # Hebrew, with all its points
        "\u0e19\u0e49\u0e33",  # Thai
        "\u845b\U000e0100",  # a variant of an ideograph, as in names
        "\u2229\ufe00",
        "\u1820\u180b",
        "\U0001f469\u200d\U0001f680",
        "\U0001f468\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3fb",
        "\u2764\ufe0f 1\ufe0f\u20e3 \u00a9\ufe0f",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        FLAG_OF_ENGLAND,
        "\U0001f1e9\U0001f1ea",
        "\U0001fae9",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert clean_line(text) == clean_message(text) == clean_lines(text) == composed


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\u00a0", "\u3000", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\u00ad", "\ufeff"),
        *("\u3164", "\u3164\u3164", "\u115f\u1160", "\uffa0", "\u2800", "\u17b4", "\u034f", "\U000e0041", "\U000e0001"),
        *("\ufe0f", "\U000e0100", "\u180e", "\u061c", "\u202e\u202c", "\u2067\u2069", "\ue000", "\ufffe", "\ufdd0"),
        *("\u0301", " \u0301", "\u20e3", "\ufffc", "\U0001d159", "\U00013441", "\x07", "\x1b", "\n\t", "\ud800"),
    ],
)
def test_text_that_shows_nothing_is_empty(text: str) -> None:
    assert clean_line(text) == clean_message(text) == clean_lines(text) == ""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\u202egpj.exe", "gpj.exe"),
        ("\u2067abc", "abc"),
        ("ad\u200bmin", "admin"),
        ("ad\u200cmin", "admin"),
        ("ad\u200dmin", "admin"),
        ("ad\ufe0fmin", "admin"),
        ("a\U000e0100b\ufe00", "ab"),
        ("1\ufe0f", "1"),
        ("a\U000e0067\U000e0062", "a"),
        ("\U0001f3f4\U000e0067", "\U0001f3f4"),
        ("\U0001f469\u200dabc", "\U0001f469abc"),
        ("\u0645\u200c\u200c\u200d\u06cc", "\u0645\u200c\u06cc"),
        ("\u0645\u200c", "\u0645"),
        ("e\u034f\u0301", "\u00e9"),
        ("a\u2800b", "a b"),
        ("x\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "x" + "\u0301" * 5),
        ("a\tb\r\nc\u2028d\x85e", "a b c d e"),
        ("a\u00a0\u00a0 b", "a b"),
    ],
)
def test_what_only_machines_see_goes_from_a_line(text: str, kept: str) -> None:
    assert clean_line(text) == kept


def test_message_keeps_the_spaces_of_its_author() -> None:
    assert clean_message("  a   b\u00a0c  ") == "a   b\u00a0c"


def test_lines_stay_lines_and_lose_their_blank_edges() -> None:
    assert clean_lines("\n\none\r\ntwo\u0007\rthree\tx  \n\n  four\u2028five\n") == "one\ntwo\nthree\tx\n\n  four\nfive"


AWKWARD = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("a1 \u0301\u0345\u034f\u200c\u200d\u202e\ufe0e\ufe0f\u20e3\u0645\u064b\u0915\u094d\u2800"),
        st.sampled_from("\U0001f3f4\U0001f469\U0001f3fd\U000e0067\U000e007f\U000e0100\u3164\u1100\u1161\u11a8\r\n\t"),
    ),
    max_size=60,
)


@given(AWKWARD)
def test_cleaning_twice_changes_nothing_and_leaves_only_what_may_be_shown(text: str) -> None:
    for clean in (clean_line, clean_message, clean_lines):
        kept = clean(text)
        assert clean(kept) == kept
        assert unicodedata.is_normalized("NFC", kept)
        kept.encode()
        assert not kept or any(_shows(character) for character in kept)
        bare = kept.replace("\n", "").replace("\t", "") if clean is clean_lines else kept
        assert all(unicodedata.category(one) not in ("Cc", "Cs", "Co", "Zl", "Zp") for one in bare)


@given(st.lists(st.sampled_from("\u0300\u0301\u0316\u0327\u0345\u0489\u200d\ufe0f\u034f\u064b\u05b0"), max_size=60))
def test_marks_on_one_character_are_bounded_whatever_stands_between_them(marks: list[str]) -> None:
    for base in ("x", "\u0645", "\U0001f469", "\u0915"):
        kept = clean_line(base + "".join(marks))
        assert sum(unicodedata.category(one) in ("Mn", "Me") for one in kept) <= MAX_MARKS + 1


def _shows(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in ("Cf", "Mn", "Me")
