"""The cookies of sign-in: one that a device is known again by, and one that holds a page's refresh token.

Both are HttpOnly, so that no script reads them, SameSite=Strict, and go to ``/api/v1/auth`` alone.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any, Final

from server.features.people.accounts.devices import Device
from server.features.people.accounts.sessions import REFRESH_TTL_S
from server.http.errors import Problem
from server.http.languages import preferred
from server.http.operation import Call
from server.http.origins import is_own_page
from server.outbound.mail.templates import LANGUAGES

DEVICE_COOKIE: Final = "sf_device"
REFRESH_COOKIE: Final = "sf_refresh"
_FLAGS: Final = "Path=/api/v1/auth; HttpOnly; SameSite=Strict"
_DEVICE_S: Final = 400 * 24 * 3600  # as long as browsers keep one (RFC 6265bis section 5.5)
_DEVICE_BYTES: Final = 16
_DEVICE_VALUE: Final = re.compile("[A-Za-z0-9_-]{22}")
_REFRESH_VALUE: Final = re.compile("rt_[A-Za-z0-9_-]{43}")


def device_of(call: Call[Any, Any]) -> Device:
    cookie = call.request.cookies.get(DEVICE_COOKIE, "")
    return Device(
        address=call.address,
        user_agent=call.request.headers.get("User-Agent", ""),
        cookie=cookie if _DEVICE_VALUE.fullmatch(cookie) else "",
        language=preferred(call.request.headers.get("Accept-Language", ""), LANGUAGES),
    )


def kept_device(call: Call[Any, Any]) -> Device:
    """The device, with a cookie that it is to keep if it has none."""
    device = device_of(call)
    return device if device.cookie else replace(device, cookie=secrets.token_urlsafe(_DEVICE_BYTES))


def refresh_token_of(call: Call[Any, Any]) -> str | None:
    """The token of the cookie, if there is one. Raises a 403 when a page of another origin makes the request."""
    value = call.request.cookies.get(REFRESH_COOKIE)
    if value is None:
        return None
    if not is_own_page(call.request):
        raise Problem(403, "Only the server's own page may use its cookie", slug="foreign-origin")
    return value if _REFRESH_VALUE.fullmatch(value) else ""


class Cookies:
    """Values of ``Set-Cookie``. ``is_secure``: people come over HTTPS, so that cookies need not travel otherwise."""

    def __init__(self, *, is_secure: bool) -> None:
        self._is_secure = is_secure

    def device(self, call: Call[Any, Any], device: Device) -> str:
        return self._cookie(call, DEVICE_COOKIE, device.cookie, _DEVICE_S)

    def refresh(self, call: Call[Any, Any], token: str) -> str:
        return self._cookie(call, REFRESH_COOKIE, token, REFRESH_TTL_S)

    def no_refresh(self, call: Call[Any, Any]) -> str:
        """Has the browser forget the token."""
        return self._cookie(call, REFRESH_COOKIE, "", 0)

    def _cookie(self, call: Call[Any, Any], name: str, value: str, max_age_s: int) -> str:
        secure = "; Secure" if self._is_secure or call.request.secure else ""
        return f"{name}={value}; {_FLAGS}; Max-Age={max_age_s}{secure}"
