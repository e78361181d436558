"""A judge over HTTP, over loopback: what it says, and everything else that an address may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from actors.chat_rules import Author
from actors.runtime import Unavailable
from actors.screening import ALLOW, Verdict
from server.live import webhook_judge
from server.live.webhook_judge import WebhookJudge

ANN = Author(id="a1", username="ann", display_name="Ann")


class Receiver:
    """Answers by the text of the message, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.came = asyncio.Event()
        self.gate = asyncio.Event()

    async def judge(self, request: web.Request) -> web.StreamResponse:
        question = await request.json()
        self.asked.append(question)
        self.came.set()
        text = question["text"]
        if text == "hang":
            await self.gate.wait()
        if text == "away":
            return web.Response(status=503)
        if text == "moved":
            return web.Response(status=302, headers={"Location": "/"})
        if text == "large":
            return web.Response(body=b"{" + b" " * 10_000_000 + b"}")
        if text == "odd":
            return web.json_response({"action": "burn"})
        return web.json_response({"action": text, "score": 0.7})


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def judge(receiver: Receiver) -> AsyncIterator[WebhookJudge]:
    app = web.Application()
    app.router.add_post("/", receiver.judge)
    async with TestServer(app, host="127.0.0.1") as server:
        made = WebhookJudge(url=str(server.make_url("/")))
        yield made
        receiver.gate.set()
        await made.close()


async def test_its_verdict_is_the_receivers(judge: WebhookJudge, receiver: Receiver) -> None:
    assert await judge.judge(ANN, "allow", room_id="r") == ALLOW
    for action in ("refuse", "hold"):
        expected = Verdict(action=action, reason="judge")  # type: ignore[arg-type]
        assert await judge.judge(ANN, action, room_id="r") == expected
    assert receiver.asked[0] == {"room_id": "r", "user": {"id": "a1", "username": "ann"}, "text": "allow"}


@pytest.mark.parametrize("text", ["away", "moved", "large", "odd"])
async def test_what_is_no_verdict_is_none(judge: WebhookJudge, receiver: Receiver, text: str) -> None:
    with pytest.raises(Unavailable):
        await judge.judge(ANN, text, room_id="r")
    assert len(receiver.asked) == 1


async def test_a_receiver_that_is_not_there_gives_none() -> None:
    judge = WebhookJudge(url="http://127.0.0.1:9/")
    with pytest.raises(Unavailable):
        await judge.judge(ANN, "allow", room_id="r")
    await judge.close()


async def test_only_so_many_questions_wait_at_a_time(
    judge: WebhookJudge, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_judge, "MAX_OPEN", 1)
    hanging = asyncio.create_task(judge.judge(ANN, "hang", room_id="r"))
    await receiver.came.wait()
    with pytest.raises(Unavailable):
        await judge.judge(ANN, "allow", room_id="r")
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await judge.judge(ANN, "allow", room_id="r") == ALLOW
