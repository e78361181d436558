"""``/whep/sessions/{session}/layer``: which rendition a viewer over WebRTC is sent.

The extension ``urn:ietf:params:whep:ext:core:layer`` of draft-murillo-whep: its address is a ``Link`` of the answer to
an offer; a POST names an encoding, and nothing for an automatic choice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from actors.runtime import Ask
from media.control import ChooseLayer, LayersRead, ReadLayers
from media.webrtc.quality import SOURCE
from server.http.errors import Problem
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape, Text
from server.live.node_actor import LayersHere, MediaOutcome
from server.live.webrtc_session import WHEP_SESSION, require_maker

LAYER_REL: Final = "urn:ietf:params:whep:ext:core:layer"
MAX_NAME: Final = 64

At = Callable[[str, Ask[MediaOutcome]], Awaitable[MediaOutcome]]
"""What the media process answers that has the session of this name."""


class LayerBody(Body):
    """``mediaId`` and the ids of layers within an encoding are taken and of no account: there is one track of pictures,
    without scalable layers."""

    encoding_id: Annotated[
        Text | None, Field(alias="encodingId", min_length=1, max_length=MAX_NAME, description="null: automatically")
    ] = None
    media_id: Annotated[Text | None, Field(alias="mediaId", max_length=MAX_NAME)] = None
    spatial_layer_id: Annotated[int | None, Field(alias="spatialLayerId")] = None
    temporal_layer_id: Annotated[int | None, Field(alias="temporalLayerId")] = None
    max_spatial_layer_id: Annotated[int | None, Field(alias="maxSpatialLayerId")] = None
    max_temporal_layer_id: Annotated[int | None, Field(alias="maxTemporalLayerId")] = None


class EncodingShape(Shape):
    id: Annotated[str, Field(description="The `encodingId` to choose it by")]
    width: int
    height: int
    bitrate: Annotated[int, Field(description="bit/s; 0 while it is not known")]


class LayersShape(Shape):
    shown: Annotated[str, Field(description="The encoding whose pictures are sent")]
    chosen: Annotated[str | None, Field(description="null: automatically, by what is lost on the way")]
    encodings: Annotated[list[EncodingShape], Field(description="Beside `source`, the best first")]


class LayerRoutes:
    def __init__(self, *, at: At) -> None:
        self._at = at

    def operations(self) -> Sequence[Operation]:
        one: dict[str, Any] = {
            "path": "/whep/sessions/{session}/layer", "tag": "webrtc", "paths": {"session": WHEP_SESSION},
            "auth": "optional", "answers": {200: LayersShape},
        }  # fmt: skip
        return [
            Operation(
                method="GET", handler=self._read, name="whepLayers", problems=frozenset({401, 403, 404, 503}),
                summary="Which renditions this viewer can be sent", **one,
            ),
            Operation(
                method="POST", handler=self._choose, name="whepChooseLayer", body=LayerBody,
                problems=frozenset({401, 403, 404, 422, 503}),
                summary="Send this viewer a rendition from its next key frame on", **one,
            ),
        ]  # fmt: skip

    async def _read(self, call: Call[None, None]) -> Answer:
        session = session_of(call)
        return _answer(await self._at(session, LayersHere(asked=ReadLayers(resource_id=session))))

    async def _choose(self, call: Call[LayerBody, None]) -> Answer:
        session = session_of(call)
        asked = ChooseLayer(resource_id=session, encoding=call.body.encoding_id)
        return _answer(await self._at(session, LayersHere(asked=asked)))


def layer_link(session: str) -> str:
    """The value of a ``Link`` header."""
    return f'</whep/sessions/{session}/layer>; rel="{LAYER_REL}"'


def session_of(call: Call[Any, None]) -> str:
    """Raises a 401 or 403 unless the caller made it."""
    session = call.path["session"]
    require_maker(session, None if call.person is None else call.person.id)
    return session


def _answer(outcome: MediaOutcome) -> Answer:
    if outcome.layers is None:
        raise Problem(503, "The media process gave no answer", retry_after_s=1.0)
    return Answer(200, _shape(outcome.layers))


def _shape(read: LayersRead) -> LayersShape:
    encodings = [
        EncodingShape(id=name, width=width, height=height, bitrate=bitrate)
        for name, width, height, bitrate in read.layers
        if name != SOURCE
    ]
    return LayersShape(shown=read.shown, chosen=read.chosen, encodings=encodings)
