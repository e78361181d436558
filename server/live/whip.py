"""WHIP (RFC 9725) and WHEP over HTTP: sessions as resources; the SDP is the media process's business."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from actors.events import NODE, StreamView
from actors.runtime import Ask, DomainError, Node, Unavailable
from media.control import Answered, Granted, OfferWhep, OfferWhip, Patched, PatchIce, Refused
from server.http.addresses import is_loopback, limiting_key
from server.http.errors import Problem, Unauthorized, not_found
from server.http.operation import UUID, Answer, Auth, Call, MediaType, Operation, PathFormat
from server.http.shapes import Query
from server.live.addresses import ADDRESSED, MediaAddresses
from server.live.ice_servers import IceServers, link_headers
from server.live.ingest import NOT_VERIFIED, Ingest
from server.live.media import MediaAway, MediaProcess
from server.live.node_actor import CloseHere, FindHere, MediaOutcome, PatchHere, WatchHere
from server.live.player_ids import BY_SOCKET
from server.live.stream_access import hidden
from server.live.stream_directory import StreamDirectory
from server.live.webrtc_answers import SDP, answer_of, created, refused_problem, text_of
from server.live.webrtc_session import WHEP_SESSION, WHIP_SESSION, Protocol, new_session, node_of, require_maker
from server.live.whep_events import EventRoutes, events_link
from server.live.whep_layers import LayerRoutes, layer_link

TAG: Final = "webrtc"
MAX_SDP: Final = 64 * 1024
ASK_S: Final = 12.0
COMES_AGAIN_S: Final = 2.0
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
NOT_LIVE_AGAIN_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class OfferLimits:
    """How many offers may wait to be connected, of one account and of one address (/64 for IPv6)."""

    per_account: int
    per_address: int
    limit_loopback: bool = False

    def of(self, *, account: str | None, address: str) -> dict[str, int]:
        limits = {} if account is None else {f"account {account}": self.per_account}
        if self.limit_loopback or not is_loopback(address):
            limits[f"address {limiting_key(address)}"] = self.per_address
        return limits


class PublishQuery(Query):
    backup: Annotated[bool, Field(description="Stand by beside the main publisher until it is silent")] = False


class WhepQuery(Query):
    """``view=socket``: a socket of this viewer's counts them."""

    view: Annotated[str, Field(max_length=64)] | None = None


class Publications(typing.Protocol):
    """What is known of those who may publish: ``server.live.media_events``."""

    async def began(self, grant: Granted) -> Granted: ...

    async def given_back(self, grant: Granted, reason: str) -> None:
        """Returns when another publisher can have the stream's key."""


class WebrtcRoutes:
    """``/whip``, ``/whep`` and the sessions below them."""

    name = "webrtc"

    def __init__(
        self,
        *,
        ingest: Ingest,
        stream_directory: StreamDirectory,
        addresses: MediaAddresses,
        media: MediaProcess,
        node: Node,
        publications: Publications,
        offer_limits: OfferLimits,
        ice: IceServers,
    ) -> None:
        self._ice = ice
        self._offer_limits = offer_limits
        self._ingest = ingest
        self._stream_directory = stream_directory
        self._addresses = addresses
        self._media = media
        self._node = node
        self._publications = publications

    def operations(self) -> Sequence[Operation]:
        answer = MediaType(
            media_type=SDP,
            description="The answer, with every candidate",
            headers={
                "Location": "The session: PATCH and DELETE it there",
                "ETag": "The ICE session",
                "Link": "STUN and TURN servers, as RFC 9725 section 4.6 has them, where there are any; of WHEP the "
                "addresses of the extensions `layer` and `server-sent-events`",
            },
        )
        publish: dict[str, Any] = {
            "method": "POST", "tag": TAG, "body": bytes, "consumes": (SDP,), "max_body": MAX_SDP,
            "answers": {201: answer}, "auth": "stream_key", "query": PublishQuery,
        }  # fmt: skip
        refusals = frozenset({400, 403, 409, 413, 422, 429, 503})
        return [
            Operation(
                path="/whip", handler=self._publish, name="whip", problems=refusals,
                summary="Publish with the person's lasting key", **publish,
            ),
            Operation(
                path="/whip/{stream_id}", handler=self._publish, name="whipStream", problems=refusals | {404},
                paths={"stream_id": UUID}, summary="Publish this stream", **publish,
            ),
            Operation(
                method="POST", path="/whep/{stream_id}", handler=self._watch, name="whep", tag=TAG,
                paths={"stream_id": ADDRESSED}, summary="Watch this stream", query=WhepQuery, body=bytes,
                consumes=(SDP,), max_body=MAX_SDP, answers={201: answer}, problems=refusals | {404}, auth="optional",
            ),
            *self._session("whip"),
            *self._session("whep"),
            *LayerRoutes(at=self._at_session).operations(),
            *EventRoutes(at=self._at_session, streams=self._stream_directory).operations(),
            *self._endpoints(),
        ]  # fmt: skip

    def _endpoints(self) -> list[Operation]:
        """RFC 9725, 4.1 and 4.2: they have no representation to GET, and say what may be posted to OPTIONS."""
        named: Sequence[tuple[str, str, Mapping[str, PathFormat]]] = (
            ("/whip", "whip", {}),
            ("/whip/{stream_id}", "whipStream", {"stream_id": UUID}),
            ("/whep/{stream_id}", "whep", {"stream_id": ADDRESSED}),
        )
        allowed = {"Allow": "GET, HEAD, OPTIONS, POST", "Accept-Post": SDP}
        return [
            Operation(
                method=method, path=path, handler=_headers_only(allowed), name=name + suffix, tag=TAG,
                answers={204: None}, paths=paths,
                summary="What is taken here; it has no content",
                problems=frozenset({404} if paths else ()), is_documented=method == "GET",
            )
            for path, name, paths in named for method, suffix in (("OPTIONS", "Options"), ("GET", "Get"))
        ]  # fmt: skip

    def _session(self, protocol: Protocol) -> list[Operation]:
        path = f"/{protocol}/sessions/{{session}}"
        paths = {"session": WHIP_SESSION if protocol == "whip" else WHEP_SESSION}
        auth: Auth = "stream_key" if protocol == "whip" else "optional"
        allowed = {"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH", "Accept-Patch": FRAGMENT}
        return [
            Operation(
                method="PATCH", path=path, handler=self._patch, name=f"{protocol}Patch", tag=TAG, paths=paths,
                body=bytes, consumes=(FRAGMENT,), max_body=MAX_SDP, summary="Trickle candidates or restart ICE",
                answers={200: MediaType(media_type=FRAGMENT), 204: None}, auth=auth,
                problems=frozenset({401, 403, 404, 412, 422, 428, 503}),
                request_headers={"If-Match": "The ETag of the ICE session"},
            ),
            Operation(
                method="DELETE", path=path, handler=self._delete, name=f"{protocol}Delete", tag=TAG, paths=paths,
                summary="End the session", answers={200: None}, auth=auth,
                problems=frozenset({401, 403, 404, 503}),
            ),
            Operation(
                method="GET", path=path, handler=self._find, name=f"{protocol}Find", tag=TAG, paths=paths,
                summary="Whether the session is there; it has no content", answers={204: None},
                problems=frozenset({404, 503}),
            ),
            Operation(
                method="OPTIONS", path=path, handler=_headers_only(allowed), name=f"{protocol}SessionOptions", tag=TAG,
                paths=paths, summary="What a session takes", answers={204: None}, is_documented=False,
            ),
        ]  # fmt: skip

    async def _publish(self, call: Call[bytes, PublishQuery]) -> Answer | web.StreamResponse:
        stream_id = call.path["stream_id"].lower() if "stream_id" in call.path else None
        sdp = text_of(call.body)
        grant = await self._claim(call, stream_id)
        resource = new_session("whip", node=self._node.name, maker=call.token)
        grant = await self._publications.began(grant)
        offer = OfferWhip(
            grant=grant,
            sdp=sdp,
            resource_id=resource,
            remote=call.address,
            user_agent=call.request.headers.get("User-Agent", "")[:200],
            offered_by=self._offer_limits.of(account=grant.owner_id, address=call.address),
        )
        return self._created("whip", resource, await self._offered(offer), holder=grant.owner_id)

    async def _offered(self, offer: OfferWhip) -> Answered:
        """The answer of the media process. The key of a refused publisher is free before the response is sent."""
        try:
            answer = await self._media.offer_whip(offer)
        except MediaAway:
            grant = offer.grant
            if not grant.joins:
                self._media.stop_publication(
                    grant.stream_id, publication=grant.publication, reason="it was not answered"
                )
            await self._publications.given_back(grant, "the media process is away")
            raise Problem(503, "The media process is starting: try again in a moment", retry_after_s=1.0) from None
        if isinstance(answer, Refused):
            await self._publications.given_back(offer.grant, "its offer was refused")
            raise refused_problem(answer)
        return answer

    async def _claim(self, call: Call[bytes, PublishQuery], stream_id: str | None) -> Granted:
        try:
            return await self._ingest.claim(
                call.token or "", protocol="whip", remote=call.address, stream_id=stream_id, is_backup=call.query.backup
            )
        except DomainError as error:
            if error.code == "bad_name":
                raise Unauthorized("token_invalid", error.message) from None
            if error.code == NOT_VERIFIED:
                raise Problem(403, error.message, slug="email-not-verified", extra={"reason": error.code}) from None
            if error.code in ("busy", "ended"):
                raise Problem(409, error.message, slug=error.code, extra={"reason": error.code}) from None
            raise

    async def _watch(self, call: Call[bytes, WhepQuery]) -> Answer | web.StreamResponse:
        sdp = text_of(call.body)
        stream_id, viewer = self._addresses.read(call.path["stream_id"], call.person, address=call.address)
        try:
            view = await self._stream_directory.view(stream_id, viewer=viewer)
        except DomainError as error:
            raise hidden(error) from None
        holder = view.media_node or self._node.name
        maker = None if call.person is None else call.person.id
        resource = new_session("whep", node=holder, maker=maker)
        offered_by = self._offer_limits.of(account=viewer.id, address=call.address)
        by_socket = call.query.view == BY_SOCKET
        offer = OfferWhep(stream_id=view.id, sdp=sdp, resource_id=resource, offered_by=offered_by)
        try:
            watch = WatchHere(offer=offer, viewer=viewer, counted_at=None if by_socket else call.address)
            outcome = await self._at(holder, watch, when_gone=_interrupted)
        except Problem as problem:
            if problem.slug == "ended":
                raise _nobody_publishes(view, problem) from None
            raise
        return self._created("whep", resource, answer_of(outcome), holder=viewer.id or "guest")

    async def _at(self, node: str, ask: Ask[MediaOutcome], *, when_gone: Callable[[], Problem]) -> MediaOutcome:
        """What the media process of a node answers."""
        try:
            outcome = await self._node.ref(NODE, node).ask(ask, timeout_s=ASK_S)
        except Unavailable:
            raise when_gone() from None
        if outcome.refused is not None:
            raise refused_problem(outcome.refused)
        return outcome

    async def _at_session(self, session: str, ask: Ask[MediaOutcome]) -> MediaOutcome:
        return await self._at(node_of(session), ask, when_gone=_no_session)

    def _created(self, kind: Protocol, resource: str, answered: Answered, *, holder: str) -> web.StreamResponse:
        """``holder``: whom TURN servers know the client as. They are told it in ``Link`` (RFC 9725 section 4.6)."""
        links = link_headers(self._ice.issue(holder).servers)
        if kind == "whep":
            links += [layer_link(resource), events_link(resource)]
        return created(kind, resource, answered, links=links)

    async def _patch(self, call: Call[bytes, None]) -> web.StreamResponse:
        session = _session_of(call)
        patch = PatchIce(resource_id=session, fragment=text_of(call.body), etag=call.request.headers.get("If-Match"))
        outcome = await self._at(node_of(session), PatchHere(patch=patch), when_gone=_no_session)
        patched = outcome.patched or Patched()
        if not patched.fragment:
            return web.Response(status=204)  # without an entity tag: the ICE session is the same
        headers = {"ETag": patched.etag, "Content-Type": FRAGMENT}
        return web.Response(status=200, body=patched.fragment.encode(), headers=headers)

    async def _delete(self, call: Call[None, None]) -> Answer:
        session = _session_of(call)
        await self._at(node_of(session), CloseHere(resource_id=session), when_gone=_no_session)
        return Answer(200)

    async def _find(self, call: Call[None, None]) -> Answer:
        session = call.path["session"]
        await self._at(node_of(session), FindHere(resource_id=session), when_gone=_no_session)
        return Answer(204, headers={"Cache-Control": "no-store"})


def _headers_only(headers: dict[str, str]) -> Callable[[Call[None, None]], Awaitable[Answer]]:
    """A handler that answers with these headers and no content."""

    async def answer(call: Call[None, None]) -> Answer:
        return Answer(204, headers=headers)

    return answer


def _session_of(call: Call[Any, None]) -> str:
    """The session's id. Raises a 401 or 403 unless the caller made it."""
    session = call.path["session"]
    require_maker(session, call.token if call.person is None else call.person.id)
    return session


def _no_session() -> Problem:
    """A node that is gone has no sessions any more."""
    return not_found("The node of this session has gone")


def _interrupted() -> Problem:
    """The stream is still there: its publisher comes again, maybe on another node, or it ends."""
    return Problem(503, "This stream has no publisher at the moment", slug="interrupted", retry_after_s=COMES_AGAIN_S)


def _nobody_publishes(view: StreamView, ended: Problem) -> Problem:
    """Why a stream cannot be watched live: not yet, not now, or (the media process answers that) not any more."""
    if view.state in ("live", "interrupted"):
        return _interrupted()
    if view.state != "scheduled":
        return ended
    return Problem(
        409, "This stream has not begun yet", title="The stream is not live", slug="not-live",
        retry_after_s=NOT_LIVE_AGAIN_S, extra={"reason": "not_live"},
    )  # fmt: skip
