from __future__ import annotations

import pyotp
import pytest

from server.features.people.factors.totp import (
    RECOVERY_CODES,
    STEP_S,
    matching_step,
    new_recovery_codes,
    new_secret,
    normal_code,
    otpauth_uri,
)

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238 appendix B
AT = 1_111_111_109.0
STEP = int(AT) // STEP_S


def test_a_code_of_the_vectors_of_rfc_6238_matches_its_step() -> None:
    assert matching_step(RFC_SECRET, "081804", at=AT, last_step=0) == STEP


@pytest.mark.parametrize(("steps", "matches"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_one_step_before_and_after_its_own(steps: int, matches: bool) -> None:
    code = pyotp.TOTP(RFC_SECRET).at(int(AT) + steps * STEP_S)
    found = matching_step(RFC_SECRET, code, at=AT, last_step=0)
    assert found == (STEP + steps if matches else None)


@pytest.mark.parametrize(("last", "matches"), [(STEP - 1, True), (STEP, False), (STEP + 1, False)])
def test_a_code_of_a_step_that_was_used_or_of_one_before_it_is_refused(last: int, matches: bool) -> None:
    assert (matching_step(RFC_SECRET, "081804", at=AT, last_step=last) is not None) == matches


@pytest.mark.parametrize("code", ["", "81804", "0818041", "08180a", "٠٨١٨٠٤", "081804\n", "081 804"])
def test_what_is_not_six_digits_is_no_code(code: str) -> None:
    assert matching_step(RFC_SECRET, code, at=AT, last_step=0) is None


def test_a_code_may_be_typed_with_spaces_hyphens_and_capitals() -> None:
    assert normal_code(" 081 804 ") == "081804"
    assert normal_code("ABCD-efgh") == "abcdefgh"


def test_a_secret_has_160_bits_and_its_uri_names_the_server_and_the_account() -> None:
    secret = new_secret()
    assert len(secret) == 32
    parsed = pyotp.parse_uri(otpauth_uri(secret, account="ada", issuer="Social Flow"))
    assert (parsed.secret, parsed.name, parsed.issuer) == (secret, "ada", "Social Flow")


def test_recovery_codes_are_ten_that_differ() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES == 10
    assert all(len(normal_code(code)) == 16 for code in codes)
