"""The shapes of calls over Socket.IO. Descriptions and candidates are those of WebRTC, in its spelling."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from actors.call_messages import Departure, Ending
from actors.runtime import DomainError
from server.live.bodies import EventShape, Id
from server.live.events import Body, Instant
from server.live.ice_servers import IceServer
from server.socket_events import ServerEvent

MAX_SDP: Final = 64 * 1024
MAX_CANDIDATE: Final = 2_048

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Short = Annotated[str, msgspec.Meta(max_length=256)]


class CreateCall(EventShape, frozen=True, kw_only=True):
    pass


class OfCall(EventShape, frozen=True, kw_only=True):
    call_id: Id


class JoinByToken(EventShape, frozen=True, kw_only=True):
    """One of the two: a token that nobody has used, or the id of a call that one has been in before."""

    join_token: Token | None = None
    call_id: Id | None = None


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """``RTCSessionDescriptionInit``; at most 64 KiB in UTF-8."""

    type: Literal["offer", "pranswer", "answer", "rollback"]
    sdp: Annotated[str, msgspec.Meta(max_length=MAX_SDP)] = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """``RTCIceCandidateInit``."""

    candidate: Annotated[str, msgspec.Meta(max_length=MAX_CANDIDATE)] = ""
    sdp_mid: Short | None = None
    sdp_m_line_index: Annotated[int, msgspec.Meta(ge=0, le=65_535)] | None = msgspec.field(
        default=None, name="sdpMLineIndex"
    )
    username_fragment: Short | None = None


class Signal(EventShape, frozen=True, kw_only=True):
    """``to`` gets the description or the candidate; a candidate of null: there are no more."""

    call_id: Id
    to: Id
    description: Description | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET

    def signal(self) -> dict[str, Any]:
        """What is relayed. Raises ``DomainError`` unless it is one of the two, within its bound."""
        if (self.description is UNSET) == (self.candidate is UNSET):
            raise DomainError("invalid", "Send a description or a candidate.", field="description")
        if isinstance(self.description, Description):
            if len(self.description.sdp.encode()) > MAX_SDP:
                raise DomainError("invalid", f"An SDP has at most {MAX_SDP} bytes.", field="description.sdp")
            return {"description": msgspec.to_builtins(self.description)}
        return {"candidate": msgspec.to_builtins(self.candidate)}


class CallPerson(Body, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str


class CallJoined(Body, frozen=True, kw_only=True):
    """``people``: all in the call, yourself too, who has been there longest first.

    ``ice_servers`` go into an ``RTCPeerConnection``. Join again by ``call_id`` for new ones before ``ice_expires_at``.
    """

    ok: bool
    call_id: str
    owner_id: str
    ends_at: Instant
    people: list[CallPerson]
    ice_servers: list[IceServer]
    ice_expires_at: Instant | None


class CallCreated(CallJoined, frozen=True, kw_only=True):
    """You are in the call. The first other person joins with ``join_token``, or you do on another device."""

    join_token: str


class CallInvited(Body, frozen=True, kw_only=True):
    """Good for one person, until the call ends."""

    ok: bool
    join_token: str


class PersonJoined(Body, frozen=True, kw_only=True):
    """They offer to connect to you."""

    call_id: str
    person: CallPerson


class PersonLeft(Body, frozen=True, kw_only=True):
    """``elsewhere``: they go on through another connection, and have joined through it."""

    call_id: str
    user_id: str
    reason: Departure


class CallSignalled(Body, frozen=True, kw_only=True):
    call_id: str
    from_: str = msgspec.field(name="from")
    description: Description | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET


class CallEnded(Body, frozen=True, kw_only=True):
    """For this socket. ``lost``: the server took your connection for gone; join again by ``call_id``."""

    call_id: str
    reason: Ending


_OTHERS: Final = "the others in the call"

SENT: Final = (
    ServerEvent(name="call:joined", summary="A person has joined the call", body=PersonJoined, to=_OTHERS),
    ServerEvent(name="call:left", summary="A person is not in the call any more", body=PersonLeft, to=_OTHERS),
    ServerEvent(
        name="call:signal",
        summary="A description or candidate of WebRTC",
        body=CallSignalled,
        to="the socket in the call",
    ),
    ServerEvent(
        name="call:ended", summary="The call has ended for this socket", body=CallEnded, to="the sockets in the call"
    ),
)
