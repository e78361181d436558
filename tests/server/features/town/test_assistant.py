"""The assistant answers as its model says it, within a person's budget, and from the articles where the model fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from server.features.town.assistant.event_stream import MAX_EVENT, EventStream, TooLong
from server.features.town.assistant_settings import AssistantSettings, engine_of
from tests.server.features.town.model_server import ModelServer, Way, serving_model, words
from tests.server.kit import Kit
from tests.server.served import Served

KEY = "sk-of-the-operator"


@dataclass
class Told:
    """An answer as it came."""

    status: int
    type: str
    events: list[dict[str, Any]]

    @property
    def text(self) -> str:
        return "".join(one.get("delta", "") for one in self.events)

    @property
    def end(self) -> dict[str, Any]:
        return self.events[-1]

    @property
    def sources(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.end["sources"]
        return found


async def ask(served: Served, token: str, text: str, **more: Any) -> Told:
    headers = {"Authorization": f"Bearer {token}"}
    async with served.http.post(
        f"{served.url}/api/v1/assistant/messages", headers=headers, json={"text": text, **more}
    ) as answer:
        body = await answer.text()
        assert answer.status == 200, body
        events = [json.loads(one.removeprefix("data: ")) for one in body.split("\n\n") if one]
        return Told(answer.status, answer.headers["Content-Type"], events)


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with serving_model() as server:
        yield server


@dataclass
class Talk:
    served: Served
    model: ModelServer
    ada: str
    bob: str

    async def ask(self, text: str, token: str | None = None, **more: Any) -> Told:
        return await ask(self.served, token or self.ada, text, **more)


@pytest.fixture
async def talk(kit: Kit, model: ModelServer) -> AsyncIterator[Talk]:
    settings = {"assistant_api_base": model.base, "assistant_api_key": KEY, "assistant_model": "m"}
    async with kit.serve(**settings, assistant_wait_s=0.5) as served:
        yield Talk(served, model, await served.register("ada"), await served.register("bob"))


async def test_an_answer_comes_as_the_model_says_it_with_the_sources_that_it_cites(talk: Talk) -> None:
    told = await talk.ask("How do I go live?")
    assert told.type.startswith("text/event-stream")
    assert [set(one) for one in told.events[:-1]] == [{"delta"}] * 4
    assert told.text == "Press go live [1]. "
    assert told.sources == [{"title": "Go live", "url": "/help/go-live", "kind": "article"}]
    assert told.end["complete"] is True
    assert talk.model.keys == [f"Bearer {KEY}"]
    [asked] = talk.model.asked
    assert asked["model"] == "m"
    assert asked["messages"][-1]["content"].endswith("How do I go live?")


async def test_an_arabic_question_is_to_be_answered_in_the_standard_language_from_arabic_articles(talk: Talk) -> None:
    talk.model.says = lambda _: words("اضغط زر البث [1].")
    told = await talk.ask("ازاي ابدأ البث؟")
    rules = talk.model.asked[0]["messages"][0]["content"]
    assert "Modern Standard Arabic" in rules
    assert told.text == "اضغط زر البث [1]. "
    assert any("؀" <= letter <= "ۿ" for letter in told.sources[0]["title"])


@pytest.mark.parametrize("way", ["hangs", "html", "429", "500", "garbage", "redirect"])
async def test_where_the_model_fails_before_its_first_word_the_best_articles_answer(talk: Talk, way: Way) -> None:
    talk.model.way = way
    told = await talk.ask("How do I go live?")
    assert "I cannot answer in my own words" in told.text
    assert "Go live" in told.text
    assert told.sources[0]["url"] == "/help/go-live"
    assert told.end["complete"] is False


async def test_without_a_connection_the_articles_answer_in_arabic_too(kit: Kit) -> None:
    async with kit.serve(assistant_api_base="http://127.0.0.1:1/v1", assistant_model="m") as served:
        told = await ask(served, await served.register("ada"), "كيف أبدأ البث؟")
    assert "لا أستطيع الإجابة" in told.text
    assert told.sources


@pytest.mark.parametrize("way", ["cut", "endless"])
async def test_an_answer_that_breaks_off_or_never_ends_is_marked_so_and_bounded(talk: Talk, way: Way) -> None:
    talk.model.way = way
    told = await talk.ask("How do I go live?")
    assert told.text.startswith("Press ")
    assert len(told.text) <= 20_000
    assert told.end["complete"] is False


async def test_whoever_stops_reading_stops_the_model(talk: Talk) -> None:
    talk.model.way = "endless"
    headers = {"Authorization": f"Bearer {talk.ada}"}
    url = f"{talk.served.url}/api/v1/assistant/messages"
    async with talk.served.http.post(url, headers=headers, json={"text": "go live"}) as answer:
        await answer.content.readline()
        answer.close()
    await talk.model.left.wait()


async def test_a_day_has_so_many_questions_and_tells_when_it_ends(kit: Kit, model: ModelServer) -> None:
    settings = {"assistant_api_base": model.base, "assistant_model": "m", "assistant_daily_questions": 2}
    async with kit.serve(**settings) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        for _ in range(2):
            await ask(served, ada, "go live")
        status, left = await served.call("GET", "/assistant", token=ada)
        assert (status, left["engine"], left["questions_left"]) == (200, "model", 0)
        headers = {"Authorization": f"Bearer {ada}"}
        url = f"{served.url}/api/v1/assistant/messages"
        async with served.http.post(url, headers=headers, json={"text": "go live"}) as refused:
            assert refused.status == 429
            assert 1 <= int(refused.headers["Retry-After"]) <= 86_400
            assert (await refused.json())["type"] == "/problems/assistant-budget"
        await ask(served, bob, "go live")
    assert len(model.asked) == 3


async def test_the_tokens_of_a_day_are_what_the_model_counted(kit: Kit, talk: Talk) -> None:
    await talk.ask("go live")
    assert await kit.database.fetchval("select sum(tokens) from assistant_days") == 321
    talk.model.way = "500"
    await talk.ask("go live")
    assert await kit.database.fetchval("select sum(tokens) from assistant_days") == 321
    await kit.database.execute("update assistant_days set tokens = 1000000")
    status, _ = await talk.served.call("POST", "/assistant/messages", token=talk.ada, json={"text": "go live"})
    assert status == 429


async def test_it_is_off_unless_the_operator_says_otherwise(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        status, problem = await served.call("POST", "/assistant/messages", token=ada, json={"text": "hello"})
        assert (status, problem["type"]) == (404, "/problems/assistant-off")
        assert (await served.call("GET", "/assistant", token=ada))[0] == 404


async def test_the_articles_alone_answer_where_the_operator_wants_no_model(kit: Kit) -> None:
    async with kit.serve(assistant_engine="articles") as served:
        ada = await served.register("ada")
        told = await ask(served, ada, "how do I get a payout?")
        assert told.text.startswith("These articles")
        assert told.sources[0]["url"] == "/help/earnings-and-payouts"
        assert told.end["complete"] is True
        nothing = await ask(served, ada, "zzzz")
        assert nothing.text.startswith("I found nothing")
        assert nothing.sources == []


@pytest.mark.parametrize("text", ["", "   ", "x" * 4_001, "a\x00b"])
async def test_what_is_no_question_is_refused_by_its_field(talk: Talk, text: str) -> None:
    status, problem = await talk.served.call("POST", "/assistant/messages", token=talk.ada, json={"text": text})
    assert (status, [one["field"] for one in problem["errors"]]) == (422, ["text"])
    assert talk.model.asked == []


async def test_a_megabyte_is_too_large_and_guests_are_not_answered(talk: Talk) -> None:
    body = {"text": "x" * 1_000_000}
    assert (await talk.served.call("POST", "/assistant/messages", token=talk.ada, json=body))[0] == 413
    assert (await talk.served.call("POST", "/assistant/messages", json={"text": "hi"}))[0] == 401


def test_events_are_read_from_any_pieces_of_their_bytes() -> None:
    stream = 'data: {"a": "س"}\r\n\r\n: a comment\n\nevent: x\ndata: one\ndata:two\n\ndata: rest'.encode()
    for size in (1, 2, 3, 7, len(stream)):
        events = EventStream()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [one for piece in pieces for one in events.feed(piece)] == ['{"a": "س"}', "one\ntwo"]


@pytest.mark.parametrize("line", [b"data: " + b"x" * MAX_EVENT, b"data: " + b"x" * 70_000 + b"\n"])
def test_an_event_that_does_not_end_is_refused(line: bytes) -> None:
    events = EventStream()
    with pytest.raises(TooLong):
        events.feed(line * 5)


def test_the_engine_follows_from_the_settings() -> None:
    assert engine_of(AssistantSettings()) == "off"
    whole = AssistantSettings(assistant_api_base="http://10.0.0.5/v1", assistant_model="m", assistant_api_key=KEY)
    assert engine_of(whole) == "api"
    assert KEY not in repr(whole)
    assert engine_of(AssistantSettings(assistant_engine="articles")) == "articles"
    assert engine_of(AssistantSettings(assistant_model_file="m.gguf")) == "local"
    assert engine_of(whole.model_copy(update={"assistant_model_file": "m.gguf"})) == "api"


@pytest.mark.parametrize(
    "wrong",
    [
        {"assistant_api_base": "http://a.example/v1"},
        {"assistant_engine": "api"},
        {"assistant_engine": "local"},
        {"assistant_api_base": "ftp://a.example", "assistant_model": "m"},
        {"assistant_api_base": "https://user:secret@a.example", "assistant_model": "m"},
    ],
)
def test_settings_that_are_not_whole_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"assistant_(api_base|model_file)"):
        AssistantSettings(**wrong)
