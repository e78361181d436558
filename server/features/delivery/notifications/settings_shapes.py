"""What people want to be notified of, where and when, over REST."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict

from server.features.delivery.notifications.kinds import BY_NAME, KINDS, NotificationKind
from server.features.delivery.notifications.schedule import Digest
from server.http.shapes import Body, Shape
from server.time_zones import ZoneName

CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

Strangers = Literal["notify", "requests"]


class ChannelsBody(Body):
    """Ways in which a person is notified of a kind. A way that is left out is as the kind has it."""

    in_app: Annotated[bool, Field(description="Listed, and sent to the person's sockets")] = True
    push: Annotated[bool | None, Field(description="Pushed to the person's devices; null: as the kind has it")] = None
    email: Annotated[bool, Field(description="Mailed")] = False


class QuietHoursShape(Body):
    """By the person's clock; past midnight when ``end`` is not later. Push and mail wait until they end."""

    start: Annotated[str, Field(pattern=CLOCK, examples=["22:00"])]
    end: Annotated[str, Field(pattern=CLOCK, examples=["07:00"])]


_NAMES: Final[JsonDict] = {"propertyNames": {"enum": [kind.name for kind in KINDS]}}


def _known(kinds: dict[str, ChannelsBody]) -> dict[str, ChannelsBody]:
    unknown = sorted(set(kinds) - set(BY_NAME))
    if unknown:
        raise ValueError(f"has no kind {unknown[0][:64]!r}")
    return kinds


class SettingsBody(Body):
    """All of it at once: what is left out is as it was made."""

    kinds: Annotated[
        dict[str, ChannelsBody],
        AfterValidator(_known),
        Field(max_length=len(KINDS), default_factory=dict, json_schema_extra=_NAMES),
    ]
    time_zone: ZoneName = "UTC"
    quiet_hours: QuietHoursShape | None = None
    digest: Annotated[Digest, Field(description="A mail of what is unread, in the morning; weekly on Mondays")] = "off"
    strangers: Annotated[
        Strangers,
        Field(
            description="`requests`: mentions, replies, quotes, reposts and reactions of people whom you do not follow "
            "are kept apart, and neither sent, pushed nor mailed"
        ),
    ] = "notify"


class ChannelsShape(Shape):
    in_app: bool
    push: bool
    email: bool


class SettingsShape(Shape):
    """With every kind and channel, as they hold for the person."""

    kinds: dict[str, ChannelsShape]
    time_zone: str
    quiet_hours: QuietHoursShape | None
    digest: Digest
    strangers: Strangers


def channels(kind: NotificationKind, given: ChannelsBody | None) -> ChannelsShape:
    """With every way decided."""
    given = given or ChannelsBody()
    push = kind.push if given.push is None else given.push
    return ChannelsShape(in_app=given.in_app, push=push, email=given.email)
