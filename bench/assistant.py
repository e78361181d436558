"""`python -m bench assistant`: how long does a question take to the engine, and the engine's first word to the asker?

A node with an engine on loopback that speaks the OpenAI API and answers at once, among posts that were written by the
hundred thousand. What goes by before the engine is asked is the way in and the retrieval: full text, the sentence
encoder, the asker's own things. Questions are put one after another, of words that posts have.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import uvloop
from aiohttp import web

from bench import report
from bench.accounts import SeededAccount, seed
from bench.app import OPEN_LIMITS
from bench.clients import percentile
from bench.cluster import LocalCluster
from bench.report import Figure, figure
from storage.postgres import Database

PEOPLE: Final = 50
WARM: Final = 10
ANSWER: Final = ("Open ", "the ", "studio ", "[1].")
BEGINNINGS: Final = ("How do I find", "What is said of", "Where is", "ماذا قيل عن")
SEEDING_S: Final = 1_800.0


class Engine:
    """``asked_at``, ``said_at``: of the last question, by the clock of this process."""

    def __init__(self) -> None:
        self.asked_at = 0.0
        self.said_at = 0.0
        self.characters = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked_at = time.perf_counter()
        self.characters = len(await request.text())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.said_at = time.perf_counter()
        for word in ANSWER:
            await response.write(b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % word.encode())
        await response.write(b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        return response


async def _serve(engine: Engine) -> tuple[web.AppRunner, int]:
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", engine.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, int(runner.addresses[0][1])


async def _run(options: argparse.Namespace) -> list[Figure]:
    engine = Engine()
    runner, port = await _serve(engine)
    flags = (f"--assistant-api-base=http://127.0.0.1:{port}/v1", "--assistant-model=bench")
    bounds = ("--assistant-daily-questions=10000", "--assistant-daily-tokens=100000000")
    cluster = await asyncio.to_thread(LocalCluster, flags=(*OPEN_LIMITS, *flags, *bounds))
    try:
        [node] = await asyncio.to_thread(cluster.start, 1)
        await asyncio.to_thread(_fill, cluster, options)
        people = await seed(cluster.database_url, PEOPLE)
        questions = await _questions(cluster.database_url, options.questions + WARM, random.Random(options.seed))
        return await _ask_all(node.url, engine, people, questions, options.posts)
    finally:
        await asyncio.to_thread(cluster.stop)
        await runner.cleanup()


def _fill(cluster: LocalCluster, options: argparse.Namespace) -> None:
    engines = (f"--database-url={cluster.database_url}", f"--redis-url={cluster.redis_url}")
    sizes = ("--people", str(max(10, options.posts // 100)), "--posts", str(options.posts), "--follows", "10")
    for command in (("seed", *sizes), ("reindex",)):
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "server", command[0], *engines, *command[1:]],
            check=True, timeout=SEEDING_S, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        print(f"  {command[0]}: {time.monotonic() - began:.0f} s", flush=True)


async def _questions(url: str, count: int, random_: random.Random) -> list[str]:
    """Of two or three words that stand in a post."""
    db = await Database.connect(url, max_connections=1)
    try:
        rows = await db.fetch("select text from posts order by id limit 5000")
    finally:
        await db.close()
    found = []
    for _ in range(count):
        words = [word for word in random_.choice(rows)["text"].split() if len(word) > 3] or ["stream"]
        found.append(f"{random_.choice(BEGINNINGS)} {' '.join(random_.choices(words, k=random_.randint(2, 3)))}?")
    return found


async def _ask_all(
    url: str, engine: Engine, people: Sequence[SeededAccount], questions: Sequence[str], posts: int
) -> list[Figure]:
    before, after, sizes = [], [], []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
        for number, question in enumerate(questions):
            began = time.perf_counter()
            heard_at = await _first_word(http, url, people[number % len(people)].token, question)
            if number >= WARM:
                before.append((engine.asked_at - began) * 1e3)
                after.append((heard_at - engine.said_at) * 1e3)
                sizes.append(float(engine.characters))
    title = f"assistant, {posts:,} posts"
    return [
        figure(title, "until the engine is asked, p50", [statistics.median(before)], "ms", better="lower", bar=50.0),
        figure(title, "the same, p99", [percentile(before, 0.99)], "ms", better="lower"),
        figure(title, "from the engine's first word to the asker, p50", [statistics.median(after)], "ms",
               better="lower"),
        figure(title, "the same, p99", [percentile(after, 0.99)], "ms", better="lower", bar=300.0),
        figure(title, "characters that the engine is sent, p50", [statistics.median(sizes)], "", better="lower"),
    ]  # fmt: skip


async def _first_word(http: aiohttp.ClientSession, url: str, token: str, question: str) -> float:
    """When it came; the answer is read to its end."""
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}"}
    heard_at = 0.0
    async with http.post(f"{url}/api/v1/assistant/messages", json={"text": question}, headers=headers) as answer:
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {await answer.text()}")
        async for line in answer.content:
            if not heard_at and b'"delta"' in line:
                heard_at = time.perf_counter()
    if not heard_at:
        raise RuntimeError("the engine's words did not come")
    return heard_at


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench assistant", description=__doc__)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(uvloop.run(_run(options)), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
