"""UUIDv7 as RFC 9562 has it."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.ids import Ids, is_uuid


@given(st.floats(min_value=0, max_value=2**47 / 1000))
def test_an_id_is_a_version_7_uuid_of_its_millisecond(now: float) -> None:
    made = uuid.UUID(Ids().uuid7(now))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(now * 1000 * 4096) >> 12


@given(st.lists(st.floats(min_value=0, max_value=1e10), min_size=2))
def test_ids_grow_whatever_the_clock_does(clock: list[float]) -> None:
    ids = Ids()
    made = [ids.uuid7(now) for now in clock]
    assert made == sorted(set(made))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("0192f0c0-0000-7000-8000-00000000abcd", True),
        ("0192F0C0-0000-7000-8000-00000000ABCD", True),
        ("0192f0c0000070008000-00000000abcd", False),
        ("0192f0c0-0000-7000-8000-00000000abcd\n", False),
        ("", False),
    ],
)
def test_is_uuid_knows_the_usual_form(text: str, verdict: bool) -> None:
    assert is_uuid(text) is verdict
