from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.features.people.weak_passwords import is_weak


@pytest.mark.parametrize(
    "password",
    [
        *("password", "Password1", "P@ssw0rd", "Passw0rd!", "password2024", "12345678", "1234567890", "87654321"),
        *("qwertyuiop", "qwerty123", "letmein123", "iloveyou1", "hunter22", "changeme1", "dragon!!", "!!dragon!!"),
        *("aaaaaaaa", "abababab", "abcabcabc", "adminadmin", "passwordpassword", "abcdefgh", "zyxwvuts", "asdfghjkl"),
        *("1q2w3e4r", "q1w2e3r4", "socialflow", "SocialFlow1", "\uff50assword1"),
        *("qwerty123456", "abcabcabca", "jennifer123", "maria19850412", "strawberry99", "x7k9x7k9x7k9"),
        *("trustno1trustno1", "passwordpassword1", "1qazxsw23edc", "elizabeth1"),
    ],
)
def test_password_that_is_tried_first_is_weak(password: str) -> None:
    assert is_weak(password)


@pytest.mark.parametrize("password", ["ada_lovelace", "Ada_Lovelace1", "ada.l@example.org", "ada_lovelaceada_lovelace"])
def test_password_made_of_ones_own_names_is_weak(password: str) -> None:
    assert is_weak(password, names=["ada_lovelace", "ada.l@example.org"])
    assert not is_weak(password)


@pytest.mark.parametrize(
    "password",
    [
        *(
            "correct horse battery staple",
            "Correct-horse-7-battery",
            "long-enough-1!",
            "a-password-that-is-long-enough",
        ),
        *(
            "Tr0ub4dour&3",
            "kX9#mQ2v",
            "\u0643\u0644\u0645\u0629 \u0633\u0631 \u0637\u0648\u064a\u0644\u0629",
            "pässwört①",
        ),
        *("dragon-4711-moon", "my cat's password", "x7$kQ9!mZ2", "zuf\u00e4llig-nass-Berg"),
    ],
)
def test_other_passwords_are_taken(password: str) -> None:
    assert not is_weak(password, names=["ada", "ada@example.org"])


@given(st.text(max_size=256), st.lists(st.text(max_size=30), max_size=3))
def test_any_password_is_judged(password: str, names: list[str]) -> None:
    assert is_weak(password, names=names) in (True, False)
