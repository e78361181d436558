from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from server.features.people import rules


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


@pytest.mark.parametrize("address", ["a\u200bda@example.org", "ada@ex\u00adample.org", "ad\u3164a@example.org"])
def test_email_with_something_that_cannot_be_seen_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(rules.Email).validate_python(address)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("jose\u0301@example.org", "JOS\u00c9@example.org"),
        ("ada@ex\u00e4mple.de", "ada@xn--exmple-cua.de"),
        ("ada@ex\u00e4mple.de", "ada@EXA\u0308MPLE.DE"),
        ("ada@ex\u00e4mple.de", "ada@XN--EXMPLE-CUA.de"),
        ("ada@example\u3002org", "ada@example.org"),
        ("ada@\uff45xample.org", "ada@example.org"),
    ],
)
def test_emails_that_reach_the_same_mailbox_are_the_same(one: str, other: str) -> None:
    assert rules.email_key(one) == rules.email_key(other)


@pytest.mark.parametrize("other", ["ada.b@example.org", "adab@example.com", "adab@stra\u00dfe.de", "adab@strasse.de"])
def test_emails_that_may_reach_others_are_others(other: str) -> None:
    same = [rules.email_key(one) for one in ("adab@example.org", "adab@strasse.de", "adab@stra\u00dfe.de")]
    assert len(set(same)) == 3
    assert same.count(rules.email_key(other)) <= 1


def test_display_name_is_one_line_and_a_bio_keeps_its_lines() -> None:
    name, bio = TypeAdapter(rules.DisplayName), TypeAdapter(rules.Bio)
    assert name.validate_python("  Ada \n\t Love\u0007lace\u202e  ") == "Ada Lovelace"
    assert name.validate_python("\u3164") == ""
    assert bio.validate_python("\none\r\ntwo\u0007\rthree\n\n") == "one\ntwo\nthree"
    with pytest.raises(ValidationError, match="at most 50"):
        name.validate_python("\u0958" * 50)  # composed of two characters each in NFC


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "ADMIN", "\u0430dmin", "adm\u0456n", "\u200fadmin", "ad\u200bmin", "a.d.m.i.n", "Admin!", "adm1n"),
        *("\uff41dmin", "\U0001d41admin", "adrnin", "R00T", "\u1d00dmin", "@admin", "s\u03bfcialflow", "Deleted_1"),
        *("\u00c1dmin", "\u1d00\u1d05\u1d0d\u026a\u0274", "a\u0332d\u0332min"),
    ],
)
def test_what_reads_as_a_reserved_name_is_reserved(name: str) -> None:
    assert rules.is_reserved(name)


@pytest.mark.parametrize("name", ["ada", "administrate", "Adam", "Ellen", "\u0410\u0434\u0430", "\u0622\u062f\u0627"])
def test_other_names_are_free(name: str) -> None:
    assert not rules.is_reserved(name)


def test_same_password_from_another_keyboard_is_the_same() -> None:
    assert rules.normal_password("Ａda①") == rules.normal_password("Ada1")
