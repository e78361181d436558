"""How long does a room look at a message: one word filter of a thousand words, and all other rules?

Ordinary messages in three languages and disguised words, judged one after the other; what a room judges besides, its
modes, is measured with them. CPU, not wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence

from actors.chat_rules import Author, ChatMode, ChatRules, Relationship
from actors.runtime import DomainError
from actors.screening import BannedWord, ChatFilter, Screen
from bench import report
from bench.report import Figure, figure
from server.features.safety.screening.heads import Heads, read
from server.features.safety.screening.model import FOLDER
from server.features.safety.screening.training import measured
from server.sentences.process import EncoderProcess
from tests.actors.screened_texts import ARABIC, LATIN, evasions, ordinary, other_words
from tests.server.features.safety.held_out import held_out

MESSAGE_BAR_US = 30.0
_NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def _us_each(judge: Callable[[str], object], texts: Sequence[str]) -> float:
    began = time.process_time()
    for text in texts:
        judge(text)
    return (time.process_time() - began) / len(texts) * 1e6


def _screen(words: int) -> Screen:
    banned = [*LATIN, *ARABIC, *other_words(words)][:words]
    rules = ChatFilter(link_action="hold", repeats="hold", capitals="hold")
    return Screen(ChatFilter(words=tuple(BannedWord(text=word) for word in banned)), rules)


def _modes() -> Callable[[str], object]:
    mode = ChatMode(slow_seconds=1, followers_only_seconds=60, unique=True, shield=True)
    rules = ChatRules(owner_id="o", moderators=frozenset(), mode=mode, sanctions={}, now=_NOW, at=0.0)
    author = Author(id="a", username="a", display_name="a")
    follower = Relationship(following_since=_NOW - dt.timedelta(days=1))

    def judge(text: str) -> None:
        try:
            rules.judge(author, text, relationship=follower, now=_NOW, at=0.0)
        except DomainError:
            return

    return judge


async def _of_model(options: argparse.Namespace) -> list[Figure]:
    """The text model, asked for one text at a time and for many at once; its measures on the sentences of the tests."""
    encoder, found = EncoderProcess(within_s=60.0), [*held_out()]
    texts = [one.text for one in found]
    heads = read((FOLDER / "1.json").read_bytes())
    rates, slowest = [], []
    try:
        await encoder.encode(texts[:1])
        for _ in range(options.rounds):
            began = time.perf_counter()
            vectors = await encoder.encode(texts)
            rates.append(len(texts) / (time.perf_counter() - began))
            slowest.append(await _slowest_ms(encoder, heads, texts[:100]))
    finally:
        await encoder.close()
    return [
        figure("screening", "texts, many at once", rates, "/s", better="higher", bar=300.0),
        figure("screening", "a text alone, p99", slowest, "ms", better="lower", bar=50.0),
        *(
            figure("screening", name, [value], "", better="higher", bar=_bar(name))
            for name, value in measured(heads, found, vectors).items()
        ),
    ]


async def _slowest_ms(encoder: EncoderProcess, heads: Heads, texts: Sequence[str]) -> float:
    took = []
    for text in texts:
        began = time.perf_counter()
        heads.scores(await encoder.encode([text]))
        took.append((time.perf_counter() - began) * 1e3)
    return sorted(took)[int(len(took) * 0.99) - 1]


def _bar(measure: str) -> float | None:
    if not measure.startswith("toxicity"):
        return None
    return 0.9 if measure.endswith("precision") else 0.7


def _measure(options: argparse.Namespace) -> list[Figure]:
    screen, modes = _screen(options.words), _modes()
    texts = list(ordinary(options.messages))
    disguised = [text for _, text in evasions(options.messages)]
    rows: dict[str, list[float]] = {"ordinary": [], "disguised": [], "modes": []}
    for _ in range(options.rounds):
        rows["ordinary"].append(_us_each(screen.judge, texts))
        rows["disguised"].append(_us_each(screen.judge, disguised))
        rows["modes"].append(_us_each(modes, texts))
    return [
        figure("screening", "an ordinary message", rows["ordinary"], "µs", better="lower", bar=MESSAGE_BAR_US),
        figure("screening", "a message with a disguised word", rows["disguised"], "µs", better="lower"),
        figure("screening", "every mode of a room", rows["modes"], "µs", better="lower"),
        *asyncio.run(_of_model(options)),
    ]


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench screening", description=__doc__)
    parser.add_argument("--words", type=int, default=1_000, help="of the filter")
    parser.add_argument("--messages", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(_measure(options), options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
