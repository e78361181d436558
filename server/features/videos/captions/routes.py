"""``/api/v1/streams/{stream_id}/captions``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from media.hls.webvtt import Cue
from server.features.videos.captions.captions import Captions
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation, PathFormat
from server.http.shapes import Body, Shape, Text, several_lines
from server.live.addresses import MediaAddresses
from server.live.captions import LANGUAGE_PATTERN
from server.live.viewings import Viewer

TAG: Final = "captions"
MAX_AT_ONCE: Final = 200
MAX_TEXT: Final = 500
LONGEST_MS: Final = 60_000
RATE: Final = CallRate("captions", per_s=2.0, burst=60)
LANGUAGE: Final = PathFormat(pattern=LANGUAGE_PATTERN, description="A language, BCP 47 in lower case", example="en")

Line = Annotated[
    Text,
    Field(min_length=1, max_length=MAX_TEXT),
    AfterValidator(partial(several_lines, at_least=1, at_most=MAX_TEXT)),
]


class CueBody(Body):
    """Milliseconds of media time; at most a minute."""

    from_ms: Annotated[int, Field(ge=0, le=2**48)]
    to_ms: Annotated[int, Field(ge=1, le=2**48)]
    text: Line

    @model_validator(mode="after")
    def _lasts(self) -> CueBody:
        if not 0 < self.to_ms - self.from_ms <= LONGEST_MS:
            raise ValueError(f"must last 1 to {LONGEST_MS} ms")
        return self


class CaptionsBody(Body):
    language: Annotated[str, Field(pattern=LANGUAGE_PATTERN, description="BCP 47 in lower case, as en or pt-br")]
    cues: Annotated[list[CueBody], Field(min_length=1, max_length=MAX_AT_ONCE)]


class CaptionsShape(Shape):
    language: str
    cues: Annotated[int, Field(description="Of this language so far")]


class CaptionRoutes:
    def __init__(self, *, captions: Captions, addresses: MediaAddresses) -> None:
        self._captions = captions
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        path, stream = "/api/v1/streams/{stream_id}/captions", {"stream_id": UUID}
        return [
            Operation(
                method="POST", path=path, handler=self._add, name="addCaptions", tag=TAG, paths=stream,
                body=CaptionsBody, max_body=256 * 1024,
                summary="Add cues in a language: the owner of a stream, while it is live or afterwards",
                answers={201: CaptionsShape}, problems=frozenset({403, 404, 409}), auth="required", scope="stream",
                idempotent_key=True, account_rate=RATE,
            ),
            Operation(
                method="DELETE", path=f"{path}/{{language}}", handler=self._remove, name="removeCaptions", tag=TAG,
                paths={**stream, "language": LANGUAGE}, summary="Remove all cues of a language", answers={204: None},
                problems=frozenset({403, 404}), auth="required", scope="stream", account_rate=RATE,
            ),
        ]  # fmt: skip

    async def _add(self, call: Call[CaptionsBody, None]) -> Answer:
        body = call.body
        cues = [Cue(from_ms=each.from_ms, to_ms=each.to_ms, text=each.text) for each in body.cues]
        total = await self._captions.add(call.path["stream_id"], self._asker(call), body.language, cues)
        return Answer(201, {"language": body.language, "cues": total})

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._captions.remove(call.path["stream_id"], self._asker(call), call.path["language"])
        return Answer(204)

    def _asker(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)
