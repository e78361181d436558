"""The settings of calls (the servers that help browsers to reach one another) and of conversations."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import NoDecode

Urls = Annotated[tuple[str, ...], NoDecode]

# RFC 7064 and RFC 7065: scheme, host, port; TURN has a transport besides.
_STUN: Final = re.compile(r"stuns?:[^\s?,/@\"<>;]{1,255}")
_TURN: Final = re.compile(r"turns?:[^\s?,/@\"<>;]{1,255}(\?transport=(udp|tcp))?")


class ConversationSettings(BaseModel):
    max_conversations: int = Field(2_000, ge=1, le=100_000, description="open conversations of an account at most")
    max_conversation_requests: int = Field(
        500, ge=1, le=100_000, description="conversations that wait for an account's answer at most"
    )
    max_new_conversations_per_hour: int = Field(
        120, ge=1, le=100_000, description="conversations that an account may begin in an hour"
    )


class IceSettings(BaseModel):
    stun_urls: Urls = Field((), description="STUN servers that browsers are told, comma-separated: stun:host:port")
    turn_urls: Urls = Field(
        (),
        description="TURN servers that browsers are told, comma-separated: turn:host:port?transport=udp, or turns:…",
    )
    turn_secret: str | None = Field(
        None, min_length=1, description="secret shared with the TURN servers (coturn: use-auth-secret)", repr=False
    )
    turn_ttl_s: int = Field(
        3_600, ge=60, le=86_400, description="seconds for which the credentials for the TURN servers are good"
    )

    @field_validator("stun_urls", "turn_urls", mode="before")
    @classmethod
    def _split_urls(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else [p for one in value for p in str(one).split(",")]
        return tuple(part.strip() for part in parts if part.strip())

    @model_validator(mode="after")
    def _ice_servers(self) -> Self:
        for name, urls, form in (("stun_urls", self.stun_urls, _STUN), ("turn_urls", self.turn_urls, _TURN)):
            for url in urls:
                if not form.fullmatch(url):
                    raise ValueError(f"{name}: {url!r} is not a URL such as {name[:4]}:ice.example:3478")
        if self.turn_urls and not self.turn_secret:
            raise ValueError("turn_urls needs turn_secret, which the TURN servers know too")
        return self
