"""WHIP (RFC 9725) and WHEP over HTTP: sessions as resources; the SDP is the media process's business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from actors.events import NODE
from actors.runtime import Ask, DomainError, Node, Unavailable
from media.control import Answered, Granted, OfferWhep, OfferWhip, Patched, PatchIce, Refused
from server.http.addresses import is_loopback, limiting_key
from server.http.errors import Problem, Unauthorized, not_found
from server.http.feature import UUID, Answer, Call, Media, Operation, PathFormat
from server.live.ingest import NOT_VERIFIED, Ingest
from server.live.media import MediaAway, MediaProcess
from server.live.neighbour import CloseHere, Outcome, PatchHere, WatchHere
from server.live.on_air import OnAir

TAG: Final = "webrtc"
MAX_SDP: Final = 64 * 1024
SDP: Final = "application/sdp"
ASK_S: Final = 12.0
COMES_AGAIN_S: Final = 2.0
RETRY_AFTER_S: Final = {429: 5.0, 503: 2.0}
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
RESOURCE: Final = PathFormat(
    pattern="^wh[ie]p-[0-9a-f-]{36}\\.[A-Za-z0-9-]{1,80}$",
    description="A session",
    example="whip-01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11.node-1",
)


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


class WebrtcDesk:
    """``/whip``, ``/whep`` and the sessions below them."""

    name = "webrtc"

    def __init__(
        self,
        *,
        ingest: Ingest,
        on_air: OnAir,
        media: MediaProcess,
        node: Node,
        new_id: Callable[[], str],
        began: Callable[[Granted], Awaitable[None]],
        offer_limits: OfferLimits,
    ) -> None:
        self._offer_limits = offer_limits
        self._ingest = ingest
        self._on_air = on_air
        self._media = media
        self._node = node
        self._new_id = new_id
        self._began = began

    def operations(self) -> Sequence[Operation]:
        answer = Media(
            media_type=SDP,
            description="The answer, with every candidate",
            headers={"Location": "The session: PATCH and DELETE it there", "ETag": "The ICE session"},
        )
        publish: dict[str, Any] = {
            "method": "POST", "tag": TAG, "body": bytes, "consumes": SDP, "max_body": MAX_SDP, "answers": {201: answer},
            "auth": "stream_key",
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
                paths={"stream_id": UUID}, summary="Watch this stream", body=bytes, consumes=SDP, max_body=MAX_SDP,
                answers={201: answer}, problems=refusals | {404}, auth="optional",
            ),
            *self._session("whip"),
            *self._session("whep"),
            *self._preflights(),
        ]  # fmt: skip

    def _preflights(self) -> list[Operation]:
        """RFC 9725, 4.2: what may be posted is told to whoever asks with OPTIONS."""
        paths = {"/whip": "whipOptions", "/whip/{stream_id}": "whipStreamOptions", "/whep/{stream_id}": "whepOptions"}
        return [
            Operation(
                method="OPTIONS", path=path, handler=self._say_what_is_taken, name=name, tag=TAG, answers={204: None},
                paths={"stream_id": UUID} if "{" in path else {}, summary="What is taken here", is_documented=False,
            )
            for path, name in paths.items()
        ]  # fmt: skip

    async def _say_what_is_taken(self, call: Call[None, None]) -> Answer:
        return Answer(204, headers={"Allow": "OPTIONS, POST", "Accept-Post": SDP})

    def _session(self, kind: str) -> list[Operation]:
        path, paths = f"/{kind}/sessions/{{resource}}", {"resource": RESOURCE}
        return [
            Operation(
                method="PATCH", path=path, handler=self._patch, name=f"{kind}Patch", tag=TAG, paths=paths, body=bytes,
                consumes=FRAGMENT, max_body=MAX_SDP, summary="Trickle candidates or restart ICE",
                answers={200: Media(media_type=FRAGMENT), 204: None}, problems=frozenset({404, 412, 422, 428, 503}),
                request_headers={"If-Match": "The ETag of the ICE session"},
            ),
            Operation(
                method="DELETE", path=path, handler=self._delete, name=f"{kind}Delete", tag=TAG, paths=paths,
                summary="End the session", answers={200: None}, problems=frozenset({404, 503}),
            ),
        ]  # fmt: skip

    async def _publish(self, call: Call[bytes, None]) -> Answer | web.StreamResponse:
        stream_id = call.path["stream_id"].lower() if "stream_id" in call.path else None
        sdp = _text(call.body)
        grant = await self._claim(call, stream_id)
        resource = self._resource("whip", self._node.name)
        await self._began(grant)
        offer = OfferWhip(
            grant=grant,
            sdp=sdp,
            resource_id=resource,
            remote=call.address,
            user_agent=call.request.headers.get("User-Agent", "")[:200],
            offered_by=self._offer_limits.of(account=grant.owner_id, address=call.address),
        )
        return self._created("whip", resource, await self._asked(self._media.offer_whip(offer)))

    async def _claim(self, call: Call[bytes, None], stream_id: str | None) -> Granted:
        try:
            return await self._ingest.claim(call.token or "", protocol="whip", remote=call.address, stream_id=stream_id)
        except DomainError as error:
            if error.code == "bad_name":
                raise Unauthorized("token_invalid", error.message) from None
            if error.code == NOT_VERIFIED:
                raise Problem(403, error.message, slug="email-not-verified", extra={"reason": error.code}) from None
            if error.code in ("busy", "ended"):
                raise Problem(409, error.message, slug=error.code, extra={"reason": error.code}) from None
            raise

    async def _watch(self, call: Call[bytes, None]) -> Answer | web.StreamResponse:
        sdp = _text(call.body)
        viewer_id = call.person.id if call.person is not None else None
        try:
            view = await self._on_air.view(call.path["stream_id"].lower(), viewer_id=viewer_id)
        except DomainError:
            raise not_found("There is no such stream") from None
        holder = view.media_node or self._node.name
        resource = self._resource("whep", holder)
        offered_by = self._offer_limits.of(account=viewer_id, address=call.address)
        offer = OfferWhep(stream_id=view.id, sdp=sdp, resource_id=resource, offered_by=offered_by)
        try:
            outcome = await self._at(holder, WatchHere(offer=offer), when_gone=_interrupted)
        except Problem as problem:
            if problem.slug == "ended" and view.state in ("live", "interrupted"):
                raise _interrupted() from None
            raise
        return self._created("whep", resource, _answered(outcome))

    def _resource(self, kind: str, node: str) -> str:
        """The id of a session names the node that has it, so that any node can pass on what comes for it."""
        return f"{kind}-{self._new_id()}.{node}"

    async def _at(self, node: str, ask: Ask[Outcome], *, when_gone: Callable[[], Problem]) -> Outcome:
        """What the media process of a node answers."""
        try:
            outcome = await self._node.ref(NODE, node).ask(ask, timeout_s=ASK_S)
        except Unavailable:
            raise when_gone() from None
        if outcome.refused is not None:
            raise _problem(outcome.refused)
        return outcome

    def _created(self, kind: str, resource: str, answered: Any) -> web.StreamResponse:
        headers = {
            "Location": f"/{kind}/sessions/{resource}",
            "ETag": answered.etag,
            "Content-Type": SDP,
            "Access-Control-Expose-Headers": "Location, ETag, Link",
            "Cache-Control": "no-store",
        }
        return web.Response(status=201, body=answered.sdp.encode(), headers=headers)

    async def _patch(self, call: Call[bytes, None]) -> web.StreamResponse:
        patch = PatchIce(
            resource_id=call.path["resource"], fragment=_text(call.body), etag=call.request.headers.get("If-Match")
        )
        outcome = await self._at(_node_of(call.path["resource"]), PatchHere(patch=patch), when_gone=_no_session)
        patched = outcome.patched or Patched()
        headers = {"ETag": patched.etag} if patched.etag else {}
        if not patched.fragment:
            return web.Response(status=204, headers=headers)
        return web.Response(status=200, body=patched.fragment.encode(), headers={**headers, "Content-Type": FRAGMENT})

    async def _delete(self, call: Call[None, None]) -> Answer:
        resource = call.path["resource"]
        await self._at(_node_of(resource), CloseHere(resource_id=resource), when_gone=_no_session)
        return Answer(200)

    async def _asked(self, asking: Any) -> Any:
        try:
            answer = await asking
        except MediaAway:
            raise Problem(503, "The media process is starting: try again in a moment", retry_after_s=1.0) from None
        if isinstance(answer, Refused):
            raise _problem(answer)
        return answer


def _node_of(resource: str) -> str:
    return resource.partition(".")[2]


def _no_session() -> Problem:
    """A node that is gone has no sessions any more."""
    return not_found("The node of this session has gone")


def _interrupted() -> Problem:
    """The stream is still there: its publisher comes again, maybe on another node, or it ends."""
    return Problem(503, "This stream has no publisher at the moment", slug="interrupted", retry_after_s=COMES_AGAIN_S)


def _answered(outcome: Outcome) -> Answered:
    if outcome.answered is None:
        raise Problem(503, "The media process gave no answer", retry_after_s=1.0)
    return outcome.answered


def _problem(refused: Refused) -> Problem:
    retry_after_s = RETRY_AFTER_S.get(refused.status)
    slug = refused.code.replace("_", "-")
    return Problem(
        refused.status, refused.message, slug=slug, retry_after_s=retry_after_s, extra={"reason": refused.code}
    )


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8") from None
