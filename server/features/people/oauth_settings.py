"""The settings of signing in by other providers."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, model_validator

NAMED: Final = ("google", "github", "facebook", "twitter")


def _id(provider: str) -> Any:
    return Field(None, max_length=512, description=f"client id of this server at {provider}, to sign in by it")


def _secret(provider: str) -> Any:
    return Field(None, repr=False, max_length=4_096, description=f"client secret of this server at {provider}")


class OAuthSettings(BaseModel):
    google_client_id: str | None = _id("Google")
    google_client_secret: str | None = _secret("Google")
    github_client_id: str | None = _id("GitHub")
    github_client_secret: str | None = _secret("GitHub")
    facebook_client_id: str | None = _id("Facebook")
    facebook_client_secret: str | None = _secret("Facebook")
    twitter_client_id: str | None = _id("X")
    twitter_client_secret: str | None = _secret("X")
    oidc_issuer: str | None = Field(
        None, max_length=1_024, description="any OpenID Connect issuer to sign in by, as https://id.example"
    )
    oidc_client_id: str | None = _id("oidc_issuer")
    oidc_client_secret: str | None = Field(
        None,
        repr=False,
        max_length=4_096,
        description="client secret of this server at oidc_issuer; none for a public client",
    )
    oidc_name: str = Field("Single sign-on", min_length=1, max_length=40, description="how people know oidc_issuer")

    @model_validator(mode="after")
    def _whole(self) -> OAuthSettings:
        for name in NAMED:
            if bool(getattr(self, f"{name}_client_id")) != bool(getattr(self, f"{name}_client_secret")):
                raise ValueError(f"{name}_client_id and {name}_client_secret go together: give both or neither")
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise ValueError("oidc_issuer and oidc_client_id go together: give both or neither")
        if self.oidc_issuer and (urlsplit(self.oidc_issuer).scheme not in ("https", "http")):
            raise ValueError("oidc_issuer must be an https:// address")
        return self
