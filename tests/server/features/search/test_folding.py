"""Words as a search compares them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.features.discovery.search.folding import MAX_LEXEME, stem, tokens


def lexemes(text: str) -> list[str]:
    return [one.lexeme for one in tokens(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Caf\u00e9", "cafe"),
        ("STREAMS", "stream"),
        ("stories", "story"),
        ("matches", "match"),
        ("rock'n'roll", "rocknroll"),
        ("\uff37\uff49\uff44\uff45", "wide"),
        ("\u0623\u062d\u0645\u062f", "\u0627\u062d\u0645\u062f"),  # alef with hamza
        ("\u0627\u0644\u0645\u062f\u0631\u0633\u0629", "\u0645\u062f\u0631\u0633\u0647"),  # article, teh marbuta
        ("\u0648\u0627\u0644\u0645\u062f\u0631\u0633\u0629", "\u0645\u062f\u0631\u0633\u0629"),  # waw and article
        ("\u0645\u064e\u062f\u0652\u0631\u064e\u0633\u064e\u0629", "\u0645\u062f\u0631\u0633\u0629"),  # vowels
        ("\u0645\u0640\u0640\u062f\u0631\u0633\u0629", "\u0645\u062f\u0631\u0633\u0629"),  # tatweel
        ("\u0645\u0628\u0631\u0645\u062c\u0648\u0646", "\u0645\u0628\u0631\u0645\u062c\u064a\u0646"),  # plurals
        ("\u0662\u0660\u0662\u0666", "2026"),  # Arabic digits
        ("\u200fhel\u200blo", "hello"),
    ],
)
def test_two_spellings_are_one_word(one: str, other: str) -> None:
    assert lexemes(one) == lexemes(other)
    assert len(lexemes(one)) == 1


def test_words_that_differ_stay_apart() -> None:
    assert lexemes("bus") == ["bus"]
    assert lexemes("glass") == ["glass"]
    assert stem("\u0648\u0644\u062f") == "\u0648\u0644\u062f"  # a boy; the waw is his
    assert lexemes("news") != lexemes("ne")


def test_a_hashtag_and_a_name_are_found_whole_and_in_parts() -> None:
    assert lexemes("#Live_Now") == ["#live_now", "live_now", "live", "now"]
    assert lexemes("@ada_lovelace") == ["ada_lovelace", "ada", "lovelace"]


def test_a_script_without_spaces_is_cut_into_pairs() -> None:
    assert lexemes("\u6771\u4eac\u90fd live") == ["\u6771\u4eac", "\u4eac\u90fd", "live"]


@pytest.mark.parametrize("text", ["", "'):*&|!", "\u202e\u200f", "<->", "\\", "____", "\U0001f600"])
def test_what_is_no_word_is_left_out(text: str) -> None:
    assert lexemes(text) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_written_the_lexemes_are_bounded_and_hold_no_sign(text: str) -> None:
    for one in tokens(text):
        assert 0 < len(one.lexeme) <= MAX_LEXEME
        assert one.lexeme.removeprefix("#").replace("_", "").isalnum() or not one.lexeme.isascii()
        assert not set(one.lexeme) & set("'\\\0 :*&|!()<>")
