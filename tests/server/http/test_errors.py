"""What is wrong with a body, in words."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from server.http.errors import field_errors


class _Lengths(BaseModel):
    name: Annotated[str, BeforeValidator(str.strip), Field(min_length=2)]
    line: Annotated[str, AfterValidator(str.strip), Field(min_length=2)]
    options: Annotated[list[str], Field(min_length=2)]


def test_texts_are_measured_in_characters_and_lists_in_items() -> None:
    with pytest.raises(ValidationError) as caught:
        _Lengths.model_validate({"name": " a ", "line": " a ", "options": ["a"]})
    characters, items = "must have at least 2 characters", "must have at least 2 items"
    assert [one.message for one in field_errors(caught.value)] == [characters, characters, items]
