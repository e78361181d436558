"""What a room's rules take and refuse, and what is left of a text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.chat_recent import badges_with
from actors.chat_rules import (
    MAX_TEXT,
    Author,
    ChatMode,
    ChatRules,
    Relationship,
    Sanction,
    Standing,
    changed_mode,
    clean_text,
)
from actors.runtime import DomainError

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


# ----------------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("  hello  ", "hello"),
        ("e\u0301", "\u00e9"),
        ("a\tb\r\nc\u2028d", "a b c d"),
        ("a\0b\x1bc", "abc"),
        ("\u202eevil\u202c", "evil"),
        ("half \ud83d", "half"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("\U0001fa77 \U0001fae8", "\U0001fa77 \U0001fae8"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",) * 2,
        ("a\U000e0067\U000e0062", "a"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2,
    ],
)
def test_text_keeps_what_people_wrote_and_loses_what_only_machines_see(given_text: str, kept: str) -> None:
    assert clean_text(given_text) == kept


@pytest.mark.parametrize("text", ["", "   ", "\u200d", "\ufe0f", "\u3164", "\u2800\u2800", "\u200b", "\ud800", "\n\t"])
def test_text_that_shows_nothing_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as caught:
        clean_text(text)
    assert caught.value.code == "empty_text"


@pytest.mark.parametrize("text", ["a" * 501, "\0" * 2_000 + "a", "a" * 2_001])
def test_text_of_more_than_500_characters_or_of_2000_before_cleaning_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as caught:
        clean_text(text)
    assert caught.value.code == "text_too_long"


def test_text_of_500_characters_and_of_2000_before_cleaning_is_kept() -> None:
    assert clean_text("a" * 500) == "a" * 500
    assert clean_text("\0" * 1_999 + "a") == "a"


@given(st.text(max_size=600))
def test_cleaning_twice_changes_nothing_and_what_is_kept_fits(text: str) -> None:
    try:
        kept = clean_text(text)
    except DomainError:
        return
    assert 0 < len(kept) <= MAX_TEXT
    kept.encode()
    assert clean_text(kept) == kept


# ---------------------------------------------------------------------------------------------------------------- rules


def rules(**mode: Any) -> ChatRules:
    return ChatRules(owner_id="o", moderators=frozenset({"m"}), mode=ChatMode(**mode), sanctions={}, now=NOW, at=0.0)


NOBODY = Relationship()


def judged(
    of: ChatRules, text: str = "hello", *, by: str = "a", at_s: float = 0.0, relationship: Relationship = NOBODY
) -> str:
    author = Author(id=by, username=by, display_name=by)
    now = NOW + dt.timedelta(seconds=at_s)
    try:
        of.judge(author, text, relationship=relationship, now=now, at=at_s)
    except DomainError as refusal:
        return refusal.code
    of.posted(author, text, now=now, at=at_s)
    return "ok"


def outcome(of: Callable[[], None]) -> str:
    try:
        of()
    except DomainError as refusal:
        return refusal.code
    return "ok"


def test_slow_mode_lets_everybody_write_once_in_its_time_and_moderators_always() -> None:
    slow = rules(slow_seconds=10)
    assert [judged(slow, at_s=at) for at in (0, 1, 9.9, 10, 11)] == ["ok", "slow_mode", "slow_mode", "ok", "slow_mode"]
    assert [judged(slow, by="m", at_s=at) for at in (0, 1)] == ["ok", "ok"]
    assert judged(slow, by="b", at_s=1) == "ok"


def test_followers_only_counts_from_the_day_of_following() -> None:
    of = rules(followers_only_seconds=60)
    assert judged(of) == "followers_only"
    assert judged(of, relationship=Relationship(following_since=NOW - dt.timedelta(seconds=59))) == "followers_only"
    assert judged(of, relationship=Relationship(following_since=NOW - dt.timedelta(seconds=60))) == "ok"
    assert judged(rules(followers_only_seconds=0), relationship=Relationship(following_since=NOW)) == "ok"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\U0001f600 \U0001f680", "ok"),
        (":wave: :+1:", "ok"),
        ("hi \U0001f600", "emotes_only"),
        (":not closed", "emotes_only"),
    ],
)
def test_emotes_only_takes_emoji_and_named_emotes(text: str, code: str) -> None:
    assert judged(rules(emotes_only=True), text) == code


def test_unique_mode_knows_a_text_whatever_its_case_and_whoever_wrote_it() -> None:
    unique = rules(unique=True)
    assert [judged(unique, "Hello"), judged(unique, "HELLO", by="b"), judged(unique, "other")] == [
        "ok",
        "not_unique",
        "ok",
    ]


def test_a_sanction_that_has_passed_is_none() -> None:
    of = rules()
    of.sanction("a", Sanction(until=NOW), now=NOW, at=0.0)
    assert judged(of, at_s=0) == "ok"
    of.sanction("a", Sanction(until=NOW + dt.timedelta(seconds=1)), now=NOW, at=0.0)
    assert judged(of, at_s=0.9) == "timed_out"
    assert judged(of, at_s=1.0) == "ok"
    of.sanction("a", Sanction(until=None), now=NOW, at=0.0)
    assert judged(of, at_s=1e9) == "banned"
    assert (of.pardon("a"), of.pardon("a"), judged(of)) == (True, False, "ok")


@pytest.mark.parametrize(
    ("who", "roles", "silenced"), [("o", (), False), ("m", (), True), ("b", ("admin",), False), ("a", (), True)]
)
def test_nobody_but_the_owner_and_admins_writes_when_banned_or_blocked(
    who: str, roles: tuple[str, ...], silenced: bool
) -> None:
    of, author = rules(), Author(id=who, username=who, display_name=who, roles=roles)
    blocked = Relationship(is_blocked=True)
    assert outcome(lambda: of.judge(author, "hi", relationship=blocked, now=NOW, at=0.0)) == (
        "blocked" if silenced else "ok"
    )
    of.sanction(who, Sanction(until=None), now=NOW, at=0.0)
    banned = "banned" if silenced else "ok"
    assert outcome(lambda: of.judge(author, "hi", relationship=NOBODY, now=NOW, at=1.0)) == banned
    assert outcome(lambda: of.judge_sanction(author, at=1.0)) == banned


@pytest.mark.parametrize("set_by_s", [-3600, 3600])
def test_a_clock_that_is_set_anew_changes_no_wait(set_by_s: int) -> None:
    of, author = rules(slow_seconds=5), Author(id="a", username="a", display_name="a")
    of.posted(author, "hello", now=NOW, at=0.0)
    of.sanction("b", Sanction(until=NOW + dt.timedelta(seconds=5)), now=NOW, at=0.0)
    now = NOW + dt.timedelta(seconds=set_by_s)
    for who in (author, Author(id="b", username="b", display_name="b")):
        with pytest.raises(DomainError) as caught:
            of.judge(who, "again", relationship=NOBODY, now=now, at=1.0)
        assert caught.value.retry_after_s == pytest.approx(4.0)
        of.judge(who, "again", relationship=NOBODY, now=now, at=5.0)


def test_following_begins_at_the_latest_now_whatever_the_clock_says() -> None:
    of = rules(followers_only_seconds=60)
    author, relationship = (
        Author(id="a", username="a", display_name="a"),
        Relationship(following_since=NOW + dt.timedelta(1)),
    )
    with pytest.raises(DomainError) as caught:
        of.judge(author, "hello", relationship=relationship, now=NOW, at=0.0)
    assert caught.value.retry_after_s == pytest.approx(60.0)


def test_subscribers_only_refuses_everybody_else() -> None:
    of = rules(subscribers_only=True)
    assert judged(of) == "subscribers_only"
    assert judged(of, relationship=Relationship(is_subscriber=True)) == "ok"
    assert judged(of, by="m") == "ok"


@pytest.mark.parametrize(
    ("mode", "by", "relationship", "lacks"),
    [
        ({}, "a", NOBODY, False),
        ({"followers_only_seconds": 0}, "a", NOBODY, True),
        ({"followers_only_seconds": 60}, "a", Relationship(following_since=NOW), False),
        ({"followers_only_seconds": 0}, "m", NOBODY, False),
        ({"subscribers_only": True}, "a", NOBODY, True),
        ({"subscribers_only": True}, "a", Relationship(is_subscriber=True), False),
        ({"subscribers_only": True}, "o", NOBODY, False),
    ],
)
def test_who_is_asked_to_follow_or_subscribe_lacks_it_until_they_do(
    mode: dict[str, Any], by: str, relationship: Relationship, lacks: bool
) -> None:
    author = Author(id=by, username=by, display_name=by)
    assert rules(**mode).lacks_relationship(author, relationship) is lacks


@pytest.mark.parametrize(
    ("standing", "code"),
    [("member", "ok"), ("asked", "not_accepted"), ("stranger", "not_found"), ("silent", "closed")],
)
def test_who_is_no_member_of_a_conversation_writes_nothing(standing: Standing, code: str) -> None:
    assert judged(rules(), relationship=Relationship(standing=standing)) == code


def test_unique_mode_looks_back_over_200_messages() -> None:
    unique = rules(unique=True)
    assert judged(unique, "hello") == "ok"
    assert [judged(unique, f"other {n}") for n in range(199)] == ["ok"] * 199
    assert judged(unique, "hello") == "not_unique"
    assert [judged(unique, "one more"), judged(unique, "hello")] == ["ok", "ok"]


def test_slow_mode_forgets_only_who_may_write_again() -> None:
    slow = rules(slow_seconds=10)
    assert [judged(slow, by="a", at_s=0), judged(slow, by="b", at_s=10), judged(slow, by="c", at_s=15)] == ["ok"] * 3
    assert [judged(slow, by="b", at_s=16), judged(slow, by="c", at_s=16)] == ["slow_mode", "slow_mode"]


def test_a_room_that_becomes_slower_knows_who_wrote_exactly_one_pause_ago() -> None:
    slow = rules(slow_seconds=10)
    assert [judged(slow, by="a", at_s=0), judged(slow, by="b", at_s=10)] == ["ok", "ok"]
    slow.set_mode(ChatMode(slow_seconds=20))
    assert judged(slow, by="a", at_s=15) == "slow_mode"


def test_a_message_that_could_not_be_written_counts_for_nothing() -> None:
    of, author = rules(slow_seconds=10, unique=True), Author(id="a", username="a", display_name="a")
    of.taken_back(author, "never posted", now=NOW)
    assert judged(of, "Hello", at_s=0) == "ok"
    of.taken_back(author, "Hello", now=NOW)
    assert judged(of, "hello", at_s=1) == "ok"


def test_taking_back_a_message_leaves_the_wait_for_a_later_one() -> None:
    of, author = rules(slow_seconds=10), Author(id="a", username="a", display_name="a")
    assert [judged(of, "first", at_s=0), judged(of, "second", at_s=10)] == ["ok", "ok"]
    of.taken_back(author, "first", now=NOW)
    assert judged(of, at_s=11) == "slow_mode"


@pytest.mark.parametrize(
    ("person", "roles", "badges"),
    [
        ("o", (), ("owner",)),
        ("m", (), ("moderator",)),
        ("a", ("admin",), ("admin",)),
        ("o", ("admin",), ("owner", "admin")),
        ("m", ("admin",), ("moderator", "admin")),
        ("a", ("creator",), ()),
    ],
)
def test_badges_are_those_of_the_room_and_of_the_account(
    person: str, roles: tuple[str, ...], badges: tuple[str, ...]
) -> None:
    assert rules().badges(Author(id=person, username="x", display_name="x", roles=roles), NOBODY, now=NOW) == badges


@pytest.mark.parametrize(("days", "badges"), [(89.99, ()), (90, ("follower",)), (800, ("follower",))])
def test_who_follows_for_ninety_days_has_a_badge(days: float, badges: tuple[str, ...]) -> None:
    following = Relationship(following_since=NOW - dt.timedelta(days=days))
    assert rules().badges(Author(id="a", username="a", display_name="a"), following, now=NOW) == badges


def test_a_subscriber_has_a_badge_beside_that_of_their_role() -> None:
    subscribed = Relationship(is_subscriber=True)
    assert rules().badges(Author(id="m", username="m", display_name="m"), subscribed, now=NOW) == (
        "moderator",
        "subscriber",
    )


@pytest.mark.parametrize(
    ("months", "badges"),
    [(2, ()), (3, ("subscriber_3",)), (11, ("subscriber_6",)), (12, ("subscriber_12",)), (90, ("subscriber_24",))],
)
def test_a_subscriber_of_some_months_has_the_badge_of_the_longest_time(months: int, badges: tuple[str, ...]) -> None:
    author = Author(id="a", username="a", display_name="a")
    subscribed = Relationship(is_subscriber=True, subscribed_months=months)
    assert rules().badges(author, subscribed, now=NOW) == ("subscriber", *badges)
    assert rules().badges(author, Relationship(subscribed_months=months), now=NOW) == ()
    assert badges_with((*badges, "subscriber"), "vip") == ("vip", "subscriber", *badges)


# ----------------------------------------------------------------------------------------------------------------- mode


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slow_seconds", 0),
        ("slow_seconds", 3_600),
        ("followers_only_seconds", None),
        ("followers_only_seconds", 0),
        ("followers_only_seconds", 7_776_000),
        ("subscribers_only", True),
        ("emotes_only", True),
        ("unique", True),
    ],
)
def test_a_mode_takes_what_is_within_its_range_and_keeps_the_rest(name: str, value: int | None) -> None:
    before = ChatMode(slow_seconds=5, followers_only_seconds=60)
    after = changed_mode(before, {name: value})
    assert getattr(after, name) == value
    assert changed_mode(after, {name: getattr(before, name)}) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slow_seconds", -1),
        ("slow_seconds", 3_601),
        ("followers_only_seconds", -1),
        ("followers_only_seconds", 7_776_001),
    ],
)
def test_a_mode_out_of_range_is_refused_by_name(name: str, value: int) -> None:
    with pytest.raises(DomainError) as caught:
        changed_mode(ChatMode(), {name: value})
    assert (caught.value.code, caught.value.field) == ("invalid", f"mode.{name}")


def test_slow_mode_of_null_is_off() -> None:
    assert changed_mode(ChatMode(slow_seconds=5), {"slow_seconds": None}) == ChatMode()


# ---------------------------------------------------------------------------------------------------- roles and shield


def test_a_vip_writes_whatever_the_mode_is_and_is_silenced_like_any_other() -> None:
    of = rules(slow_seconds=10, followers_only_seconds=0, subscribers_only=True, emotes_only=True, unique=True)
    vip = Author(id="v", username="v", display_name="v")
    of.set_role("v", "vip")
    assert [judged(of, by="v"), judged(of, by="v")] == ["ok", "ok"]
    assert of.lacks_relationship(vip, NOBODY) is False
    assert (of.is_moderator(vip), of.badges(vip, NOBODY, now=NOW)) == (False, ("vip",))
    assert judged(of, by="v", relationship=Relationship(is_blocked=True)) == "blocked"
    of.sanction("v", Sanction(until=None), now=NOW, at=0.0)
    assert judged(of, by="v") == "banned"


def test_a_person_has_one_role_in_a_room_the_last_that_was_given() -> None:
    of, author = rules(), Author(id="a", username="a", display_name="a")
    seen = []
    for role in ("moderator", "vip", "moderator", None):
        of.set_role("a", role)
        seen.append((of.badges(author, NOBODY, now=NOW), of.is_moderator(author), of.is_free_of_mode(author)))
    assert seen == [
        (("moderator",), True, True), (("vip",), False, True), (("moderator",), True, True), ((), False, False),
    ]  # fmt: skip
    assert (of.moderators, of.vips) == ({"m"}, frozenset())
    of.set_role("m", "vip")
    of.set_role("a", "vip")
    of.set_role("a", None)
    assert (of.moderators, of.vips) == (frozenset(), {"m"})


@pytest.mark.parametrize(
    ("mode", "slow", "followers"),
    [({}, 30, 600), ({"slow_seconds": 60, "followers_only_seconds": 3600}, 60, 3600), ({"slow_seconds": 1}, 30, 600)],
)
def test_shield_is_never_less_strict_than_what_was_before_and_gives_it_back(
    mode: dict[str, Any], slow: int, followers: int
) -> None:
    of = rules(**mode)
    before = of.mode
    of.set_mode(changed_mode(of.chosen, {"shield": True}))
    assert of.mode == ChatMode(slow_seconds=slow, followers_only_seconds=followers, unique=True, shield=True)
    of.set_mode(changed_mode(of.chosen, {"shield": False}))
    assert of.mode == before == ChatMode(**mode)


def test_what_is_set_under_the_shield_holds_after_it() -> None:
    of = rules(shield=True)
    of.set_mode(changed_mode(of.chosen, {"slow_seconds": 5, "emotes_only": True, "subscribers_only": True}))
    assert (of.mode.slow_seconds, of.mode.emotes_only, of.mode.subscribers_only) == (30, True, True)
    of.set_mode(changed_mode(of.chosen, {"shield": False}))
    assert of.mode == ChatMode(slow_seconds=5, emotes_only=True, subscribers_only=True)


def test_the_shield_holds_for_viewers() -> None:
    of = rules(shield=True)
    follower = Relationship(following_since=NOW - dt.timedelta(seconds=600))
    assert judged(of) == "followers_only"
    assert [judged(of, "a", relationship=follower, at_s=at) for at in (0, 1)] == ["ok", "not_unique"]
    assert judged(of, "b", relationship=follower, at_s=29) == "slow_mode"
