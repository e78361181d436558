"""The providers, as values: their addresses, and how each names a person.

OpenID Connect providers say it in an ID token. The others are plain OAuth 2, each with an API of its own:
- GitHub: https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
- Facebook: https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
- X: https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from server.features.people.oauth_settings import OAuthSettings

Kind = Literal["oidc", "github", "facebook", "twitter"]
MAX_SUBJECT: Final = 255


class ProviderError(Exception):
    """The provider did not say who it is; ``code`` is for the page: ``denied``, ``failed``, ``email-missing`` …"""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Who a person is to a provider. ``subject`` is stable and the provider's own."""

    subject: str
    email: str | None = None
    is_email_verified: bool = False
    username: str = ""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """``id`` as it stands in paths. ``issuer``: of an OpenID Connect provider, whose other addresses are discovered.
    ``is_secret_in_header``: the client proves itself by HTTP Basic (RFC 6749 section 2.3.1), else in the body.
    """

    id: str
    name: str
    kind: Kind
    client_id: str
    client_secret: str | None
    scope: str
    issuer: str = ""
    authorize_url: str = ""
    token_url: str = ""
    person_url: str = ""
    emails_url: str = ""
    is_secret_in_header: bool = False


def providers_of(settings: OAuthSettings) -> list[Provider]:
    """Those that are set."""
    every = [_google(settings), _github(settings), _facebook(settings), _twitter(settings), _oidc(settings)]
    return [one for one in every if one.client_id]


def _google(settings: OAuthSettings) -> Provider:
    return Provider(
        id="google", name="Google", kind="oidc", client_id=settings.google_client_id or "",
        client_secret=settings.google_client_secret, scope="openid email profile",
        issuer="https://accounts.google.com",
    )  # fmt: skip


def _github(settings: OAuthSettings) -> Provider:
    return Provider(
        id="github", name="GitHub", kind="github", client_id=settings.github_client_id or "",
        client_secret=settings.github_client_secret, scope="read:user user:email",
        authorize_url="https://github.com/login/oauth/authorize",
        token_url="https://github.com/login/oauth/access_token",  # noqa: S106  # an address
        person_url="https://api.github.com/user", emails_url="https://api.github.com/user/emails",
    )  # fmt: skip


def _facebook(settings: OAuthSettings) -> Provider:
    graph = "https://graph.facebook.com/v21.0"
    return Provider(
        id="facebook", name="Facebook", kind="facebook", client_id=settings.facebook_client_id or "",
        client_secret=settings.facebook_client_secret, scope="public_profile email",
        authorize_url="https://www.facebook.com/v21.0/dialog/oauth", token_url=f"{graph}/oauth/access_token",
        person_url=f"{graph}/me?fields=id,name,email",
    )  # fmt: skip


def _twitter(settings: OAuthSettings) -> Provider:
    return Provider(
        id="twitter", name="X", kind="twitter", client_id=settings.twitter_client_id or "",
        client_secret=settings.twitter_client_secret, scope="users.read tweet.read users.email",
        authorize_url="https://x.com/i/oauth2/authorize",
        token_url="https://api.x.com/2/oauth2/token",  # noqa: S106  # an address
        person_url="https://api.x.com/2/users/me?user.fields=confirmed_email", is_secret_in_header=True,
    )  # fmt: skip


def _oidc(settings: OAuthSettings) -> Provider:
    return Provider(
        id="oidc", name=settings.oidc_name, kind="oidc", client_id=settings.oidc_client_id or "",
        client_secret=settings.oidc_client_secret, scope="openid email profile",
        issuer=(settings.oidc_issuer or "").rstrip("/"),
    )  # fmt: skip


def claims_of_id_token(claims: Mapping[str, Any]) -> Claims:
    """OpenID Connect Core section 5.1. Raises ``ProviderError``."""
    return Claims(
        subject=_subject(claims.get("sub")),
        email=_text(claims.get("email")),
        is_email_verified=claims.get("email_verified") in (True, "true"),
        username=_text(claims.get("preferred_username")) or _text(claims.get("name")) or "",
    )


def claims_of_github(person: Mapping[str, Any], emails: Sequence[Any]) -> Claims:
    """The primary address is one that GitHub has verified, or none."""
    primary = [one for one in emails if isinstance(one, dict) and one.get("primary") is True]
    email = _text(primary[0].get("email")) if primary else None
    is_verified = bool(primary) and primary[0].get("verified") is True
    return Claims(
        subject=_subject(person.get("id")),
        email=email,
        is_email_verified=is_verified,
        username=_text(person.get("login")) or "",
    )


def claims_of_facebook(person: Mapping[str, Any]) -> Claims:
    """Facebook does not say whether the address is verified."""
    return Claims(
        subject=_subject(person.get("id")), email=_text(person.get("email")), username=_text(person.get("name")) or ""
    )


def claims_of_twitter(answer: Mapping[str, Any]) -> Claims:
    person = answer.get("data")
    if not isinstance(person, dict):
        raise ProviderError("failed", "it names nobody")
    email = _text(person.get("confirmed_email"))
    return Claims(
        subject=_subject(person.get("id")),
        email=email,
        is_email_verified=email is not None,
        username=_text(person.get("username")) or "",
    )


def _subject(value: object) -> str:
    """GitHub's are numbers, the others' texts."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    text = str(value) if isinstance(value, str) or is_number else ""
    if not 0 < len(text) <= MAX_SUBJECT or "\0" in text:
        raise ProviderError("failed", "it names nobody")
    return text


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value and "\0" not in value else None
