"""The settings of what this server sends to others: mail, and requests to addresses that people give."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BaseModel, Field, model_validator

from server.http.addresses import is_loopback
from server.outbound.envelopes import BadAddress, envelope

Tls = Literal["starttls", "implicit", "none"]

SCHEMES: Final[dict[str, tuple[Tls, int]]] = {
    "smtp": ("starttls", 587),
    "smtps": ("implicit", 465),
    "smtp+plain": ("none", 25),
}
FORM: Final = (
    "smtp_url must be smtp://user:password@host (STARTTLS, port 587), smtps://… (TLS, port 465)"
    " or smtp+plain://host (without TLS, port 25)"
)


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """``ca``: PEM file of the authorities that may vouch for the server; None: those of the machine."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Site:
    """This server as people know it. ``origin``: the address that they reach it under, without a slash at its end."""

    name: str
    origin: str


class TargetSettings(BaseModel):
    allow_private_targets: bool = Field(
        False,
        description="restreams, webhooks and previews may go to addresses that are not public, for tests and closed "
        "networks",
    )


class PushSettings(BaseModel):
    fcm_credentials: Path | None = Field(
        None,
        description="JSON file of a service account of Firebase, for push messages to programs on phones; default: "
        "none are sent",
    )
    fcm_url: str = Field(
        "https://fcm.googleapis.com",
        pattern=r"^https?://[!-~]+$",
        description="address of Firebase Cloud Messaging",
    )


class MailSettings(BaseModel):
    smtp_url: str | None = Field(
        None,
        repr=False,
        description="server that mails go to, as smtp://user:password@host:587 (STARTTLS), smtps:// (TLS) or "
        "smtp+plain:// (neither); default: mails are kept and shown at /admin/mail",
    )
    smtp_password: str | None = Field(
        None, repr=False, description="password of the user of smtp_url, instead of the one in it"
    )
    smtp_ca: Path | None = Field(
        None, description="PEM file of the authorities that vouch for the SMTP server; default: those of the machine"
    )
    mail_from: str | None = Field(
        None, description="address that mails come from; default: no-reply at the host of public_url"
    )
    mail_kept_days: int = Field(
        30, ge=1, le=3_650, description="days until a mail that was sent, kept or given up is deleted"
    )

    # After all fields, so that a wrong address is not repeated with the password in it.
    @model_validator(mode="after")
    def _usable(self) -> MailSettings:
        server_of(self)
        if self.mail_from is not None:
            _checked_sender(self.mail_from)
        return self


def server_of(settings: MailSettings) -> SmtpServer | None:
    """The SMTP server that is set, if any. Raises ``ValueError`` with a sentence that has no secret."""
    if settings.smtp_url is None:
        if settings.smtp_password or settings.smtp_ca:
            raise ValueError("smtp_password and smtp_ca belong to smtp_url: give that as well")
        return None
    url = urlsplit(settings.smtp_url)
    tls, port = _scheme(url)
    server = SmtpServer(
        host=_host(url),
        port=_port(url) or port,
        tls=tls,
        username=unquote(url.username) if url.username else None,
        password=settings.smtp_password or (unquote(url.password) if url.password else None),
        ca=settings.smtp_ca,
    )
    _check_secrecy(server)
    return server


def _scheme(url: SplitResult) -> tuple[Tls, int]:
    if url.scheme not in SCHEMES or url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError(FORM)
    return SCHEMES[url.scheme]


def _host(url: SplitResult) -> str:
    if not url.hostname:
        raise ValueError(FORM)
    return url.hostname


def _port(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError as error:
        raise ValueError(f"{FORM}; its port is no number from 1 to 65535") from error


def _check_secrecy(server: SmtpServer) -> None:
    if (server.username is None) != (server.password is None):
        raise ValueError("smtp_url names a user and no password, or a password and no user: give both or neither")
    if server.password and server.tls == "none" and not (server.host == "localhost" or is_loopback(server.host)):
        raise ValueError("smtp_url would send the password in clear: use smtp:// or smtps://")
    if server.ca is not None and not server.ca.is_file():
        raise ValueError(f"smtp_ca: there is no file {server.ca}")


def sender_of(settings: MailSettings, *, origin: str) -> str:
    """The address that mails come from. ``origin``: the address that people reach this server under."""
    if settings.mail_from is not None:
        return _checked_sender(settings.mail_from)
    host = urlsplit(origin).hostname or "localhost"
    return f"no-reply@{'localhost' if is_loopback(host) else host}"


def _checked_sender(address: str) -> str:
    try:
        found = envelope(address)
    except BadAddress as error:
        raise ValueError(f"mail_from must be an address alone, as no-reply@live.example: {error}") from error
    if found.is_international:
        raise ValueError("mail_from must be in ASCII before the @: few servers take others")
    return found.address
