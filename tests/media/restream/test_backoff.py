from __future__ import annotations

from media.restream.backoff import FIRST_REFUSED_S, MAX_S, pause_s


def test_pauses_double_up_to_a_bound_and_half_of_each_is_chance() -> None:
    longest = [pause_s(failures, is_refusal=False, chance=lambda: 1.0) for failures in range(1, 100)]
    assert longest[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert longest[-1] == MAX_S
    assert pause_s(3, is_refusal=False, chance=lambda: 0.0) == 2.0
    assert pause_s(1, is_refusal=True, chance=lambda: 1.0) == FIRST_REFUSED_S
