"""``/api/v1/documents/{document_id}/comments``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.projects.comment_shapes import (
    CommentsQuery,
    CommentWords,
    MadeReply,
    MadeThread,
    NewComment,
    ThreadsShape,
)
from server.features.town.projects.comments import Comments
from server.features.town.projects.document_routes import ONE as DOCUMENT
from server.features.town.projects.routes import TAG
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation

ALL: Final = f"{DOCUMENT}/comments"
ONE: Final = f"{ALL}/{{comment_id}}"


class CommentRoutes:
    def __init__(self, *, comments: Comments, rate: CallRate) -> None:
        self._comments = comments
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        writes: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        return [
            Operation(
                method="GET", path=ALL, handler=self._list, name="listDocumentComments", query=CommentsQuery,
                summary="What is said about a document", answers={200: ThreadsShape}, tag=TAG, auth="required",
                problems=frozenset({404}),
            ),
            Operation(
                method="POST", path=ALL, handler=self._make, name="makeDocumentComment", body=NewComment,
                summary="Comment on a place in a document", answers={201: MadeThread}, idempotent_key=True, **writes,
            ),
            Operation(
                method="POST", path=f"{ONE}/replies", handler=self._reply, name="replyToDocumentComment",
                body=CommentWords, summary="Answer a comment", answers={201: MadeReply}, idempotent_key=True, **writes,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeDocumentComment", body=CommentWords,
                summary="Change your comment, or your answer to one", answers={204: None}, **writes,
            ),
            Operation(
                method="PUT", path=f"{ONE}/resolution", handler=self._resolve, name="resolveDocumentComment",
                summary="Put a comment aside: it is dealt with", answers={204: None}, **writes,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/resolution", handler=self._reopen, name="reopenDocumentComment",
                summary="Take a comment up again", answers={204: None}, **writes,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteDocumentComment",
                summary="Delete a comment with its answers, or an answer", answers={204: None}, **writes,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, CommentsQuery]) -> Answer:
        query = call.query
        items, following = await self._comments.page(
            call.me.id, call.path["document_id"], query.cursor, query.limit, resolved=query.resolved
        )
        return Answer(body=ThreadsShape(items=items, next=following))

    async def _make(self, call: Call[NewComment, None]) -> Answer:
        made = await self._comments.make(call.me.id, call.path["document_id"], call.body)
        return Answer(201, MadeThread(comment=made))

    async def _reply(self, call: Call[CommentWords, None]) -> Answer:
        path = call.path
        made = await self._comments.reply(call.me.id, path["document_id"], path["comment_id"], call.body.text)
        return Answer(201, MadeReply(comment=made))

    async def _change(self, call: Call[CommentWords, None]) -> Answer:
        path = call.path
        await self._comments.change(call.me.id, path["document_id"], path["comment_id"], call.body.text)
        return Answer(204)

    async def _resolve(self, call: Call[None, None]) -> Answer:
        path = call.path
        await self._comments.resolve(call.me.id, path["document_id"], path["comment_id"], is_resolved=True)
        return Answer(204)

    async def _reopen(self, call: Call[None, None]) -> Answer:
        path = call.path
        await self._comments.resolve(call.me.id, path["document_id"], path["comment_id"], is_resolved=False)
        return Answer(204)

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._comments.remove(call.me.id, call.path["document_id"], call.path["comment_id"])
        return Answer(204)
