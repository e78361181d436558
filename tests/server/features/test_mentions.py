"""Whom a text mentions."""

from __future__ import annotations

import pytest

from actors.chat_rules import clean_text
from actors.runtime import DomainError
from server.features.delivery.notifications.consumers import MAX_MENTIONED
from server.features.people.rules import mentioned_in


@pytest.mark.parametrize(
    "text",
    [
        "@ada look",
        "see @ADA.",
        "قال@ada ذلك",
        "و@ada",
        "\u200f@ada\u200f مرحبا",
        "(@ada)",
        "@ada's",
        "@ada @Ada @ADA",
        "é@ada",
    ],
)
def test_an_at_before_a_username_is_a_mention(text: str) -> None:
    assert mentioned_in(text, 1_000) == ["ada"]


@pytest.mark.parametrize(
    "text",
    [
        *("ada", "@ ada", "@ad", "mail ada@ada.org", "https://example.org/@ada", "@ada@example.org", "@ada.example"),
        *("@@ada", "@" + "a" * 31, "＠ada", "@'; drop table users", "@عدي"),
    ],
)
def test_what_is_no_username_or_a_part_of_an_address_is_no_mention(text: str) -> None:
    assert mentioned_in(text, 1_000) == []


def test_mentions_are_in_order_and_bounded() -> None:
    names = [f"name{number}" for number in range(MAX_MENTIONED + 5)]
    assert mentioned_in(" ".join(f"@{name}" for name in names), MAX_MENTIONED) == names[:MAX_MENTIONED]


def test_a_message_cannot_mention_a_thousand_people_and_notifies_ten_of_those_that_it_has_room_for() -> None:
    names = [f"@n{number:02}" for number in range(1_000)]
    with pytest.raises(DomainError) as refused:
        clean_text(" ".join(names))
    assert refused.value.code == "text_too_long"
    longest = clean_text(" ".join(names[:100]))
    assert mentioned_in(longest, MAX_MENTIONED) == [name[1:] for name in names[:MAX_MENTIONED]]
