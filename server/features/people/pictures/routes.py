"""``/api/v1/me/avatar``, ``banner`` and ``slate``, and the pictures themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from server.features.people.pictures.pictures import PROPORTIONS, WEBP, WIDTHS, Pictures, folder_of
from server.features.people.pictures.queries import Kind
from server.features.people.profiles import TAG, Me, Profiles
from server.http import content
from server.http.errors import Problem, not_found
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.multipart import BadFormError, file_of
from server.http.operation import Answer, Call, MediaType, Operation, PathFormat
from server.http.shapes import Shape
from storage.objects import NoSuchObject, ObjectStore

FORM: Final = "multipart/form-data"
FORM_BYTES: Final = 8 * 1024
"""What a form is longer than the file in it."""
BODY_TIMEOUT_S: Final = 60.0
ADDRESS_RATE: Final = CallRate("pictures", per_s=1.0, burst=60)
FILE: Final = PathFormat(
    pattern=f"^({'|'.join(str(width) for kind in WIDTHS for width in WIDTHS[kind])})[.]webp$",
    description="A width in pixels",
    example="256.webp",
)
HEADERS: Final = {
    "Content-Type": WEBP,
    "Cache-Control": "public, max-age=31536000, s-maxage=86400, immutable",  # caches of others forget it in a day
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}
TAKEN: Final = (
    "JPEG, PNG, GIF, WebP or AVIF, as the body itself or as the one file of a form. The middle is cut out in the "
    "proportions {proportions}, of an animation the first frame; metadata are removed. The answer's address ends with "
    "its width; it is there as {widths} pixels wide, too (narrower if the picture is)."
)


def picture_body(max_bytes: int) -> dict[str, Any]:
    """What an operation says of a body that is a picture."""
    return {
        "body": bytes,
        "body_required": False,
        "consumes": ("image/*", FORM),
        "max_body": max_bytes + FORM_BYTES,
        "body_timeout_s": BODY_TIMEOUT_S,
        "idempotent_key": True,
    }


def picture_in(call: Call[bytes, Any], *, max_bytes: int) -> bytes:
    """The picture that was sent, by itself or in a form. Raises a 413 or 422."""
    declared = call.request.headers.get("Content-Type", "")
    try:
        data = file_of(call.body, declared) if declared.lower().startswith(FORM) else call.body
    except BadFormError as error:
        raise Problem(422, f"This is no form with one picture: {error}") from error
    if len(data) > max_bytes:
        raise Problem(413, f"At most {max_bytes} bytes are taken here")
    return data


class SlateShape(Shape):
    slate_url: Annotated[str | None, Field(description="Null: the server's own is shown")]


class PictureRoutes:
    """Who may change which picture, and who may see it: everybody, while its person is shown."""

    def __init__(
        self,
        *,
        pictures: Pictures,
        profiles: Profiles,
        objects: ObjectStore,
        when_changed: Callable[[], Awaitable[None]],
        max_bytes: int,
        rate: CallRate,
    ) -> None:
        """``when_changed``: this node need not wait to find out."""
        self._pictures = pictures
        self._profiles = profiles
        self._objects = objects
        self._when_changed = when_changed
        self._max_bytes = max_bytes
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        picture = Operation(
            method="GET", path="/pictures/{picture_id}/{file}", handler=self._get, name="getPicture", tag=TAG,
            summary="A person's picture", paths={"file": FILE}, answers={200: MediaType(media_type=WEBP)},
            problems=frozenset({404}),
            description="The address never changes, and what it leads to neither; it ends with the picture.",
        )  # fmt: skip
        return [*self._own("avatar"), *self._own("banner"), *self._slate(), picture]

    def _slate(self) -> Sequence[Operation]:
        """As the others, but for the verb and the answer: no profile shows it."""
        whole, removal = self._own("slate")
        text = " It stands in for your picture while your encoder is away; without one, the server's does."
        return [
            replace(
                whole, method="PUT", handler=self._put_slate, answers={200: SlateShape}, idempotent_key=False,
                description=whole.description + text,
            ),
            removal,
            Operation(
                method="GET", path=whole.path, handler=self._get_slate, name="getSlate", tag=TAG, auth="required",
                summary="Your slate", answers={200: SlateShape}, account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _put_slate(self, call: Call[bytes, None]) -> Answer:
        await self._pictures.put(call.me.id, "slate", picture_in(call, max_bytes=self._max_bytes))
        return await self._slate_of(call.me.id)

    async def _get_slate(self, call: Call[None, None]) -> Answer:
        return await self._slate_of(call.me.id)

    async def _slate_of(self, owner_id: str) -> Answer:
        return Answer(200, SlateShape(slate_url=await self._pictures.url_of(owner_id, "slate")))

    def _own(self, kind: Kind) -> Sequence[Operation]:
        path, name = f"/api/v1/me/{kind}", kind.capitalize()
        both: dict[str, Any] = {"path": path, "tag": TAG, "auth": "required"}
        wide, high = PROPORTIONS[kind]
        widths = ", ".join(str(width) for width in WIDTHS[kind])
        return [
            Operation(
                method="POST", handler=partial(self._put, kind), name=f"set{name}", summary=f"Show this {kind}",
                description=TAKEN.format(proportions=f"{wide}:{high}", widths=widths),
                answers={200: Me}, problems=frozenset({404, 413, 415, 422, 503}),
                rate=ADDRESS_RATE, account_rate=self._rate, **picture_body(self._max_bytes), **both,
            ),
            Operation(
                method="DELETE", handler=partial(self._remove, kind), name=f"remove{name}",
                summary=f"Show no {kind}", answers={204: None}, problems=frozenset({404}), account_rate=self._rate,
                **both,
            ),
        ]  # fmt: skip

    async def _put(self, kind: Kind, call: Call[bytes, None]) -> Answer:
        await self._pictures.put(call.me.id, kind, picture_in(call, max_bytes=self._max_bytes))
        await self._when_changed()
        return Answer(200, await self._profiles.me(call.me.id))

    async def _remove(self, kind: Kind, call: Call[None, None]) -> Answer:
        await self._pictures.remove(call.me.id, kind)
        await self._when_changed()
        return Answer(204)

    async def _get(self, call: Call[None, None]) -> web.StreamResponse:
        picture_id, file = call.path["picture_id"], call.path["file"]
        if not await self._pictures.is_shown(picture_id):
            raise not_found("There is no such picture")
        try:
            body = b"".join([chunk async for chunk in self._objects.open(folder_of(picture_id) + file)])
        except NoSuchObject:
            raise not_found("There is no such picture") from None
        return content.held(call.request, body, etag=f'"{picture_id}-{file}"', headers=HEADERS)
