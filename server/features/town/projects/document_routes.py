"""``/api/v1/projects/{project_id}/documents`` and ``/api/v1/documents/{document_id}``."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.town.projects.documents import Documents
from server.features.town.projects.routes import ONE as PROJECT
from server.features.town.projects.routes import TAG
from server.features.town.projects.shapes import (
    DocumentShape,
    DocumentsShape,
    MadeDocument,
    NewDocument,
    NewDocumentIn,
    VersionShape,
    VersionsShape,
    VersionTextShape,
)
from server.http.limits import CallRate
from server.http.operation import Answer, Call, MediaType, Operation, PathFormat
from server.http.shapes import PageQuery

ALL: Final = "/api/v1/documents"
ONE: Final = "/api/v1/documents/{document_id}"
SEQ: Final = PathFormat(pattern="^[0-9]{1,15}$", description="The number of an update", example="400")
BINARY: Final = MediaType(
    media_type="application/octet-stream",
    description="An update of Yjs",
    headers={"Socialflow-State-Vector": "What the document holds, in base64", "Socialflow-Seq": "As in `doc:join`"},
)


class DocumentRoutes:
    def __init__(self, *, documents: Documents, rate: CallRate) -> None:
        self._documents = documents
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        reads: dict[str, Any] = {
            "method": "GET", "tag": TAG, "auth": "required", "problems": frozenset({404}),
        }  # fmt: skip
        writes: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        return [
            Operation(
                method="POST", path=f"{PROJECT}/documents", handler=self._make, name="makeDocument", body=NewDocument,
                summary="Begin a document of a project", answers={201: MadeDocument}, idempotent_key=True, **writes,
            ),
            Operation(
                method="POST", path=ALL, handler=self._make_in, name="makeDocumentIn", body=NewDocumentIn,
                summary="Begin a document", answers={201: MadeDocument}, idempotent_key=True, **writes,
            ),
            Operation(
                path=f"{PROJECT}/documents", handler=self._list, name="listDocuments", query=PageQuery,
                summary="The documents of a project", answers={200: DocumentsShape}, **reads,
            ),
            Operation(
                path=ONE, handler=self._one, name="getDocument", summary="What stands about a document",
                description="It is edited over `doc:join`, `doc:update` and `doc:awareness`.",
                answers={200: DocumentShape}, **reads,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._rename, name="renameDocument", body=NewDocument,
                summary="Give a document another title", answers={200: DocumentShape}, **writes,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteDocument",
                summary="Delete a document with its history", answers={204: None}, **writes,
            ),
            Operation(
                path=f"{ONE}/state", handler=self._state, name="getDocumentState",
                summary="All that a document holds, as one update of Yjs", answers={200: BINARY}, **reads,
            ),
            Operation(
                path=f"{ONE}/history", handler=self._versions, name="listDocumentVersions", query=PageQuery,
                summary="What is kept of how a document was", answers={200: VersionsShape}, **reads,
            ),
            Operation(
                path=f"{ONE}/history/{{seq}}", handler=self._version, name="getDocumentVersion", paths={"seq": SEQ},
                summary="The text of a document as it was", answers={200: VersionTextShape}, **reads,
            ),
            Operation(
                method="POST", path=f"{ONE}/history/{{seq}}/restore", handler=self._restore, name="restoreDocument",
                paths={"seq": SEQ}, summary="Make a document say again what it said",
                description="It is an edit like others: what is there now stays in the history.",
                answers={200: DocumentShape}, **writes,
            ),
        ]  # fmt: skip

    async def _make(self, call: Call[NewDocument, None]) -> Answer:
        made = await self._documents.make(call.me.id, call.path["project_id"], call.body.title)
        return Answer(201, MadeDocument(document=made))

    async def _make_in(self, call: Call[NewDocumentIn, None]) -> Answer:
        made = await self._documents.make(call.me.id, call.body.project_id.lower(), call.body.title)
        return Answer(201, MadeDocument(document=made))

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        items, following = await self._documents.page(call.me.id, call.path["project_id"], query.cursor, query.limit)
        return Answer(body=DocumentsShape(items=items, next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._documents.one(call.me.id, call.path["document_id"]))

    async def _rename(self, call: Call[NewDocument, None]) -> Answer:
        return Answer(body=await self._documents.rename(call.me.id, call.path["document_id"], call.body.title))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._documents.remove(call.me.id, call.path["document_id"])
        return Answer(204)

    async def _state(self, call: Call[None, None]) -> web.Response:
        state = await self._documents.state(call.me.id, call.path["document_id"])
        headers = {
            "Socialflow-State-Vector": base64.b64encode(state.state_vector).decode(),
            "Socialflow-Seq": str(state.seq),
            "Cache-Control": "no-store",
        }
        return web.Response(body=state.update, content_type="application/octet-stream", headers=headers)

    async def _versions(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows, following = await self._documents.versions(
            call.me.id, call.path["document_id"], query.cursor, query.limit
        )
        return Answer(body=VersionsShape(items=[VersionShape(**dict(row)) for row in rows], next=following))

    async def _version(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._documents.version(call.me.id, call.path["document_id"], int(call.path["seq"])))

    async def _restore(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._documents.restore(call.me.id, call.path["document_id"], int(call.path["seq"])))
