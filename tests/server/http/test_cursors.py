from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.cursors import CURSOR_PATTERN, decode_cursor, encode_cursor
from server.http.errors import Problem

TIMES = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@given(TIMES, st.uuids())
def test_time_comes_back_to_the_microsecond(at: datetime, row_id: UUID) -> None:
    text = encode_cursor((at, str(row_id)))
    assert re.fullmatch(CURSOR_PATTERN, text)
    assert decode_cursor(text, tuple[datetime, UUID]) == (at, row_id)


@given(NUMBERS, st.uuids())
def test_number_comes_back(number: int, row_id: UUID) -> None:
    assert decode_cursor(encode_cursor((number, row_id)), tuple[int, UUID]) == (number, row_id)


@given(st.from_regex(CURSOR_PATTERN, fullmatch=True))
def test_everything_of_the_documented_form_is_a_cursor(text: str) -> None:
    assert isinstance(decode_cursor(text, tuple[datetime, UUID])[0], datetime)


@pytest.mark.parametrize("text", ["", "x", "x" * 31, "x" * 33, "é" * 32, "x" * 31 + "=", "x" * 32 + "\n"])
def test_anything_else_is_a_422(text: str) -> None:
    with pytest.raises(Problem) as refused:
        decode_cursor(text, tuple[int, UUID])
    assert refused.value.status == 422
    assert refused.value.errors[0].field == "cursor"
