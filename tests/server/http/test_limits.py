from __future__ import annotations

from server.http.limits import CallRate, TokenBuckets

RATE = CallRate("it", per_s=2, burst=3)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_bucket_lets_a_burst_through_and_refills() -> None:
    clock = Clock()
    buckets = TokenBuckets(monotonic=clock)
    assert [(await buckets.take("a", RATE)).wait_s for _ in range(4)] == [0, 0, 0, 0.5]
    assert (await buckets.take("b", RATE)).wait_s == 0
    clock.now += 0.5
    assert (await buckets.take("a", RATE)).wait_s == 0
    assert (await buckets.take("a", RATE)).wait_s == 0.5
    clock.now += 1000
    assert [(await buckets.take("a", RATE)).wait_s for _ in range(4)] == [0, 0, 0, 0.5]


async def test_bucket_of_another_name_is_another_bucket() -> None:
    buckets = TokenBuckets(monotonic=Clock())
    assert (await buckets.take("a", CallRate("one", per_s=1, burst=1))).wait_s == 0
    assert (await buckets.take("a", CallRate("two", per_s=1, burst=1))).wait_s == 0
    assert (await buckets.take("a", CallRate("one", per_s=1, burst=1))).wait_s == 1


async def test_number_of_buckets_is_bounded_and_the_oldest_goes_first() -> None:
    buckets = TokenBuckets(monotonic=Clock(), max_keys=2)
    rate = CallRate("it", per_s=1, burst=1)
    for key in ("a", "b", "c"):
        assert (await buckets.take(key, rate)).wait_s == 0
    assert (await buckets.take("c", rate)).wait_s == 1
    assert (await buckets.take("a", rate)).wait_s == 0


async def test_a_call_is_taken_out_of_all_budgets_or_of_none() -> None:
    buckets = TokenBuckets(monotonic=Clock())
    wide, narrow = ("a", CallRate("wide", per_s=1, burst=3)), ("a", CallRate("narrow", per_s=1, burst=1))
    assert [await buckets.take_all([wide, narrow]) for _ in range(9)] == [0, *[1.0] * 8]
    await buckets.refund([wide, narrow])
    assert await buckets.take_all([wide, narrow]) == 0
    assert [await buckets.take_all([wide]) for _ in range(3)] == [0, 0, 1.0]
