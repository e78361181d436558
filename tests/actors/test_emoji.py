"""What is one emoji, and what is none or several."""

from __future__ import annotations

import pytest

from actors.emoji import is_emoji

ONE = {
    "a character": "\U0001f600",
    "of Unicode 17": "\U0001faea",
    "with its selector": "\u2764\ufe0f",
    "without it, as old keyboards send it": "\u2764",
    "a sign of Latin-1 with its selector": "\u00a9\ufe0f",
    "a skin tone": "\U0001f44d\U0001f3fd",
    "a flag": "\U0001f1e9\U0001f1ea",
    "a keycap": "#\ufe0f\u20e3",
    "a keycap without its selector": "9\u20e3",
    "the flag of Wales": "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "the rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "an astronaut": "\U0001f469\u200d\U0001f680",
    "an astronaut with a skin tone": "\U0001f469\U0001f3ff\u200d\U0001f680",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a kiss of two skin tones": "\U0001f468\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff",
    "somebody who walks to the right": "\U0001f6b6\u200d\u2640\ufe0f\u200d\u27a1\ufe0f",
}
NONE = {
    "nothing": "",
    "a letter": "a",
    "a digit": "1",
    "a digit with a selector": "1\ufe0f",
    "a sign of Latin-1": "\u00a9",
    "a symbol that is no emoji": "\u2605",
    "an emoji shown as text": "\u2764\ufe0e",
    "two": "\U0001f44d\U0001f44d",
    "one with a space": "\U0001f44d ",
    "two flags": "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "half a flag": "\U0001f1e9",
    "the flag of no region": "\U0001f1fd\U0001f1fd",
    "the flag of a region that has none": "\U0001f3f4\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f",
    "a flag whose tags have no end": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067",
    "a skin tone on what takes none": "\U0001f600\U0001f3fd",
    "two skin tones": "\U0001f44d\U0001f3fd\U0001f3fd",
    "a joiner": "\u200d",
    "a selector": "\ufe0f",
    "two selectors": "\u2764\ufe0f\ufe0f",
    "a joiner at the end": "\U0001f469\u200d",
    "two that nothing joins": "\U0001f44d\u200d\U0001f44d",
    "an astronaut with two rockets": "\U0001f469\u200d\U0001f680\u200d\U0001f680",
    "a joiner twice": "\U0001f469\u200d\u200d\U0001f680",
    "combining marks": "\U0001f44d\u0301",
    "a line end": "\U0001f44d\n",
}


@pytest.mark.parametrize("text", ONE.values(), ids=ONE)
def test_one_emoji_is_one(text: str) -> None:
    assert is_emoji(text)


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_not_exactly_one_emoji_is_none(text: str) -> None:
    assert not is_emoji(text)
