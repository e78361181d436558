"""What may be said of a stream."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.live.stream_shapes import NewStreamBody


@pytest.mark.parametrize("title", ["", " ", "\u200b", "\u3164\u3164", "\u202e", "\n", "x" * 141])
def test_title_that_shows_nothing_or_is_too_long_is_refused(title: str) -> None:
    with pytest.raises(ValidationError):
        NewStreamBody(title=title)


def test_what_is_said_is_cleaned() -> None:
    body = NewStreamBody(
        title="\u202egpj.exe a\nb\x07",
        description="one\r\n\u2067two\x1b",
        category=" Just\u200b  chatting ",
        tags=["a b"],
    )
    assert (body.title, body.description, body.category) == ("gpj.exe a b", "one\ntwo", "Just chatting")


@pytest.mark.parametrize("tag", ["", " ", "\u200b", "\u202etag", "t\x07ag", "\u3164"])
def test_tag_with_something_that_cannot_be_seen_is_refused(tag: str) -> None:
    with pytest.raises(ValidationError):
        NewStreamBody(title="x", tags=[tag])


def test_each_tag_is_there_once_whatever_spaces_it_came_with() -> None:
    assert NewStreamBody(title="x", tags=[" jazz ", "jazz", "caf\u0065\u0301"]).tags == ["jazz", "caf\u00e9"]
