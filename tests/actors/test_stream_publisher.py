"""What a stream's actor knows of a publisher."""

from __future__ import annotations

from actors.stream_publisher import Publisher


def test_a_granted_publisher_is_awaited_until_its_first_report_and_keeps_others_out() -> None:
    publisher = Publisher()
    assert not publisher.is_busy
    publisher.grant()
    assert publisher.is_busy
    assert publisher.is_awaited
    assert publisher.report(progressed_at=5.0, now=100.0)
    assert not publisher.is_awaited
    assert not publisher.report(progressed_at=6.0, now=101.0)
    assert (publisher.progressed_at, publisher.silent_s(103.5)) == (6.0, 2.5)


def test_a_presumed_publisher_gives_way_until_it_is_reported() -> None:
    publisher = Publisher()
    publisher.presume()
    assert publisher.is_claimed
    assert not publisher.is_busy
    publisher.report(progressed_at=1.0, now=1.0)
    assert publisher.is_busy


def test_a_publisher_that_has_gone_leaves_the_place_free_and_no_health() -> None:
    publisher = Publisher()
    publisher.grant()
    publisher.report(progressed_at=1.0, now=1.0)
    publisher.health = {"fps": 30}
    publisher.go()
    assert not publisher.is_claimed
    assert not publisher.is_awaited
    assert publisher.health == {}


def test_a_publisher_yields_only_while_it_is_the_one_that_was_granted_so() -> None:
    publisher = Publisher()
    publisher.grant(yields=True)
    assert (publisher.is_busy, publisher.yields) == (True, True)
    publisher.grant()
    assert not publisher.yields
