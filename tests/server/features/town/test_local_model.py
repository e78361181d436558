"""The engine of a file: llama.cpp runs a real, tiny model in a process, whatever becomes of that process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import msgspec
import psutil
import pytest

from server.features.town.assistant.engines import Delta, EngineFailed, Message, Part, Usage
from server.features.town.assistant.local_model import MAX_ASKERS, LocalModel
from server.llama.orders import Order
from server.llama.process import LlamaProcess, ModelAway
from tests.server.features.town.test_assistant import ask
from tests.server.features.town.tiny_model import write_model
from tests.server.kit import Kit

ASKED = [Message(role="user", text="Which port?")]
SAYS = ["Ports", "are", "مفتوحة", "[1]."]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "tiny.gguf", SAYS)
    write_model(folder / "endless.gguf", ["on", "and"], is_endless=True)
    (folder / "text.gguf").write_text("no model")
    (folder / "cut.gguf").write_bytes((folder / "tiny.gguf").read_bytes()[:1_000_000])
    return folder


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Runs = Callable[..., tuple[LocalModel, LlamaProcess]]


@pytest.fixture
async def runs(files: Path, clock: Clock) -> AsyncIterator[Runs]:
    """A model of a file, with its process."""
    async with AsyncExitStack() as ending:

        def run(name: str, **changed: int) -> tuple[LocalModel, LlamaProcess]:
            order = Order(model=str(files / name), context=32_768, threads=1, memory_bytes=2 << 30)
            process = LlamaProcess(order=msgspec.structs.replace(order, **changed), monotonic=clock)
            ending.push_async_callback(process.close)
            return LocalModel(process=process, answer_tokens=32_000, within_s=60), process

        yield run


async def answer(engine: LocalModel) -> list[Part]:
    async with aclosing(engine.parts(ASKED, ())) as parts:
        return [part async for part in parts]


def text(parts: list[Part]) -> str:
    return "".join(one.text for one in parts if isinstance(one, Delta))


async def failure(engine: LocalModel) -> str:
    with pytest.raises(EngineFailed) as failed:
        await answer(engine)
    return f"{failed.value.failure}: {failed.value}"


async def test_an_answer_comes_word_by_word_with_its_tokens_and_nothing_remains_of_the_process(runs: Runs) -> None:
    engine, process = runs("tiny.gguf")
    for _ in range(2):
        engine.begin()
    assert [task.get_name() for task in asyncio.all_tasks()].count("start of the model") == 1
    await process.address()
    begun = process.pid
    parts = await answer(engine)
    assert process.pid == begun
    assert [one.text for one in parts if isinstance(one, Delta)] == [f" {one}" for one in SAYS]
    assert [one.tokens > len(SAYS) for one in parts if isinstance(one, Usage)] == [True]
    pid = process.pid
    assert pid is not None
    socket = await process.address()
    assert socket.parent.stat().st_mode & 0o077 == 0
    assert psutil.Process(pid).rlimit(psutil.RLIMIT_AS) == (2 << 30, 2 << 30)
    assert psutil.Process(pid).net_connections("tcp") == []
    await engine.close()
    assert not psutil.pid_exists(pid)
    assert not socket.parent.exists()


async def test_killed_amid_an_answer_it_says_so_and_the_next_question_is_answered(runs: Runs, clock: Clock) -> None:
    engine, process = runs("endless.gguf")
    async with aclosing(engine.parts(ASKED, ())) as parts:
        assert await anext(parts) == Delta(" on")
        _kill(process, signal.SIGKILL)
        with pytest.raises(EngineFailed, match="killed by SIGKILL") as failed:
            [part async for part in parts]
    assert failed.value.failure == "cut"
    async with aclosing(engine.parts(ASKED, ())) as parts:
        assert await anext(parts) == Delta(" on")
        _kill(process, signal.SIGKILL)
    await process.ended(60)
    # It ends again and again: then it is not started for each question.
    assert await failure(engine) == "unreachable: the model's process has ended 2 times; it is started anew in 1 s"
    clock.now += 1
    async with aclosing(engine.parts(ASKED, ())) as parts:
        assert await anext(parts) == Delta(" on")


async def test_who_leaves_stops_the_answer_and_one_that_hangs_is_replaced(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, process = runs("endless.gguf")
    for _ in range(2):  # the second would wait behind an answer without end if the first went on
        async with aclosing(engine.parts(ASKED, ())) as parts:
            assert await anext(parts) == Delta(" on")
    pid = process.pid
    async with aclosing(engine.parts(ASKED, ())) as parts:
        await anext(parts)
        assert process.pid == pid
        _kill(process, signal.SIGSTOP)
    monkeypatch.setattr("server.features.town.assistant.local_model.FREE_S", 0.2)
    async with aclosing(engine.parts(ASKED, ())) as parts:
        assert await anext(parts) == Delta(" on")
    assert process.pid != pid


async def test_questions_wait_for_one_another_and_too_many_are_refused(runs: Runs) -> None:
    engine, process = runs("tiny.gguf")
    await process.address()
    answers = [asyncio.create_task(answer(engine)) for _ in range(MAX_ASKERS + 2)]
    told = await asyncio.gather(*answers, return_exceptions=True)
    assert [text(one) for one in told if isinstance(one, list)] == [" " + " ".join(SAYS)] * MAX_ASKERS
    assert [one.failure for one in told if isinstance(one, EngineFailed)] == ["busy"] * 2


@pytest.mark.parametrize(
    ("name", "changed", "says"),
    [
        ("text.gguf", {}, "is no GGUF"),
        ("none.gguf", {}, "No such file"),
        ("cut.gguf", {}, "is damaged"),
        ("tiny.gguf", {"context": 8_000_000}, "more memory than it may have"),
    ],
)
async def test_a_file_that_cannot_be_run_is_told(runs: Runs, name: str, changed: dict[str, int], says: str) -> None:
    engine, process = runs(name, **changed)
    with pytest.raises(ModelAway, match=says):
        await process.address()
    assert process.pid is None
    assert says in await failure(engine)


async def test_the_assistant_answers_by_it_and_by_the_articles_while_it_is_read(kit: Kit, files: Path) -> None:
    async with kit.serve(assistant_model_file=files / "tiny.gguf", assistant_threads=1, assistant_wait_s=120) as served:
        ada = await served.register("ada")
        told = await ask(served, ada, "How do I go live?")
        assert told.text == " " + " ".join(SAYS)
        assert told.sources[0]["url"] == "/help/go-live"
        assert told.end["complete"] is True
    async with kit.serve(assistant_model_file=files / "none.gguf") as served:
        told = await ask(served, await served.register("bob"), "How do I go live?")
        assert "I cannot answer in my own words" in told.text
        assert told.end["complete"] is False


def _kill(process: LlamaProcess, number: int) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)
