"""Time-based one-time passwords (RFC 6238): SHA-1, six digits, steps of 30 s, as all authenticator apps do. Pure.

A code is good for its own time step and for one before and after it (section 5.2), and only once: each step that was
used is remembered, and neither it nor an earlier one is taken again.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final

import pyotp

STEP_S: Final = 30
WINDOW: Final = 1
CODE: Final = re.compile("[0-9]{6}")

RECOVERY_CODES: Final = 10
_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # none that looks like another
_RECOVERY_CHARS: Final = 16


def new_secret() -> str:
    """160 random bits in base 32."""
    return pyotp.random_base32()


def otpauth_uri(secret: str, *, account: str, issuer: str) -> str:
    """What a QR code of the secret says."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def matching_step(secret: str, code: str, *, at: float, last_step: int) -> int | None:
    """The time step that the code is of, when it is a step of the window after ``last_step``. ``at``: Unix time."""
    if not CODE.fullmatch(code):
        return None
    totp, now = pyotp.TOTP(secret), int(at) // STEP_S
    steps = range(max(now - WINDOW, last_step + 1), now + WINDOW + 1)
    # Each step is looked at, so that the time tells nothing of the code.
    matching = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)]
    return matching[0] if matching else None


def normal_code(text: str) -> str:
    """A code as people type it, without spaces, hyphens and case."""
    return re.sub(r"[\s-]", "", text).lower()


def new_recovery_codes() -> list[str]:
    """Ten codes of 79 random bits each, in groups of four."""
    return ["-".join(_letters(4) for _ in range(_RECOVERY_CHARS // 4)) for _ in range(RECOVERY_CODES)]


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
