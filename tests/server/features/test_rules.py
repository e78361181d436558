from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from server.features.auth import rules


@pytest.mark.parametrize(
    "address",
    ["ada@example.org", "a+b@x.io", "a.b.c@sub.example.co", "jürgen@exämple.de", "!#$%&'*@example.org", "a@b-c.de"],
)
def test_email_of_a_right_form_is_taken(address: str) -> None:
    assert TypeAdapter(rules.Email).validate_python(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("", "ada", "ada@", "@example.org", "ada@example", "a b@example.org", "a@b@c.de", "a..b@c.de", ".a@c.de"),
        *("a@-c.de", "a@c.de\n", "a\u0000@c.de", "x" * 250 + "@c.de", "ada@example..org"),
    ],
)
def test_email_of_a_wrong_form_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(rules.Email).validate_python(address)


@pytest.mark.parametrize("username", ["ab", "x" * 31, "a-b", "a b", "äda", "ada\n", ""])
def test_username_of_a_wrong_form_is_refused(username: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(rules.Username).validate_python(username)


def test_display_text_is_one_line_without_what_cannot_be_seen() -> None:
    assert rules.display_text("  Ada \n\t Love\u0000lace\u202e  ") == "Ada Love lace"
    assert rules.display_text("e\u0301") == "é"
    assert rules.display_text("\u0007\u202a") == ""


def test_paragraph_keeps_lines_and_drops_control_characters() -> None:
    assert rules.paragraph("\none\r\ntwo\u0007\rthree\n\n") == "one\ntwo\nthree"


def test_same_password_from_another_keyboard_is_the_same() -> None:
    assert rules.normal_password("Ａda①") == rules.normal_password("Ada1")
