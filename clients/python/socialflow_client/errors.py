"""What goes wrong. All are ``SocialFlowError``."""

from __future__ import annotations

from dataclasses import dataclass


class SocialFlowError(Exception):
    """The base of all errors of this package."""


class ConnectionLost(SocialFlowError):
    """The server cannot be reached, or the connection ended before the answer: it is not known what was carried out."""


class DeadlineExceeded(SocialFlowError):
    """No answer within the deadline. What was asked for may have been carried out, or still be.

    ``client_id``: pass it again, and a message that did arrive is not posted twice.
    """

    def __init__(self, message: str, *, client_id: str | None = None) -> None:
        super().__init__(message)
        self.client_id = client_id


class ClientClosed(SocialFlowError):
    """The client, or the room, was left."""


class SessionRevoked(SocialFlowError):
    """The server ended the session: sign in again. ``reason`` is the server's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the session was ended: {reason}")
        self.reason = reason


class MisshapenAnswer(SocialFlowError):
    """The server answered what this version of the client does not understand."""


class Refused(SocialFlowError):
    """The server answered no.

    ``code`` is for programs (``not_found``, ``rate_limited``), ``message`` for people; ``field`` names what was wrong
    in the request. ``retry_after_s``: when the same may be asked again, if the server told.
    """

    def __init__(
        self, code: str, message: str, *, field: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s


class SignInRequired(Refused):
    """The token is not taken, and there is no way to a new one."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """``field`` is a dotted path."""

    field: str
    message: str


class HttpRefused(Refused):
    """A REST call was answered with a problem (RFC 9457). ``code`` is the last part of its ``type``."""

    def __init__(
        self, status: int, code: str, message: str, *, errors: tuple[FieldError, ...], retry_after_s: float | None
    ) -> None:
        field = errors[0].field if errors else None
        super().__init__(code, message, field=field, retry_after_s=retry_after_s)
        self.status = status
        self.errors = errors
