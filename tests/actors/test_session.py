"""One connected client: how often it may act, and how much it may watch and hear."""

from __future__ import annotations

import pytest

from actors.events import Person
from actors.runtime import DomainError
from actors.session import MAX_ROOMS, MAX_WATCHED, Session, TokenBucket


def session(person: Person | None = None) -> Session:
    bucket = TokenBucket(rate=2.0, burst=3, at=0.0)
    return Session(person=person, roles=(), session_id=None, viewer="guest:1", bucket=bucket)


def test_a_bucket_gives_its_burst_then_its_rate_and_says_how_long_to_wait() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, at=0.0)
    assert [bucket.take(0.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 0.5]
    assert [bucket.take(0.5), bucket.take(0.5)] == [0.0, 0.5]
    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_a_client_that_is_too_fast_hears_when_to_come_again() -> None:
    of = session()
    for _ in range(3):
        of.admit(0.0)
    with pytest.raises(DomainError) as caught:
        of.admit(0.0)
    assert (caught.value.code, caught.value.retry_after_s) == ("rate_limited", 0.5)


def test_a_guest_is_asked_to_sign_in() -> None:
    with pytest.raises(DomainError) as caught:
        session().require_person()
    assert caught.value.code == "unauthenticated"
    ann = Person(id="a", username="ann", display_name="Ann")
    assert session(ann).require_person() is ann


def test_a_connection_watches_and_hears_a_bounded_number() -> None:
    of = session()
    for number in range(MAX_WATCHED):
        of.watch(f"s{number}", "v")
    with pytest.raises(DomainError, match="at most"):
        of.watch("one more", "v")
    for number in range(MAX_ROOMS):
        of.join(f"r{number}")
    of.join("r0")
    with pytest.raises(DomainError, match="at most"):
        of.join("one more")
    assert "one more" not in of.rooms
