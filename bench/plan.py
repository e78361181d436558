"""The benches that `python -m bench` runs, in order, each with its question, its options and its time."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class BenchQuestion:
    """A bench of the list: what it answers, its command, how long that takes on two cores, and when it is ended."""

    name: str
    asks: str
    command: tuple[str, ...]
    seconds: float
    most_s: float


# (name, question, options, seconds, options of a quick run, its seconds)
_PLAN: Final[tuple[tuple[str, str, str, float, str, float], ...]] = (
    ("actors", "What does a message to an actor cost, and an idle actor?", "", 45, "--rounds 5 --messages 20000", 15),
    (
        "fanout", "How many viewers of a chat room can be reached, and how soon?", "--rounds 3 --app", 600,
        "--viewers 300 --seconds 1 --rates 20 100 --servers ours ours-each python-socketio", 30,
    ),
    (
        "broadcast", "How soon is a broadcast on, how late is it seen, what does a publisher cost?", "--rounds 5", 680,
        "--rounds 1 --seconds 4 --cost-seconds 4", 75,
    ),
    ("whep", "What does one more WebRTC viewer cost?", "--rounds 3", 100, "--viewers 10 --seconds 3", 12),
    (
        "flood", "What do floods of forged datagrams cost, and does a session notice?", "", 40,
        "--seconds 3 --rate 5000", 25,
    ),
    ("store", "How fast does chat become durable?", "", 45, "--rounds 3 --rows 2000 --rate 1000", 15),
    (
        "jobs", "How fast are jobs enqueued, picked up and run, and what do kills cost?", "", 130,
        "--rounds 1 --jobs 1000 --seconds 2 --kills 3 --killed-jobs 100", 20,
    ),
    ("notifications", "How long does it take to notify all followers?", "", 60, "--followers 5000", 10),
    (
        "search", "How long do searches and suggestions take among a million posts?", "", 400,
        "--posts 20000 --people 5000 --rounds 100", 20,
    ),
    (
        "feed", "How fast are feeds read and posts written, and how soon does a post reach its followers?", "", 900,
        "--people 2000 --posts 20000 --follows 50000 --readers 40 --sockets 20 --rounds 1 --seconds 2", 30,
    ),
    (
        "ledger", "How fast is money moved and a balance told, and does it add up over kills?", "", 900,
        "--rounds 1 --transfers 200 --people 100 --entries 20000 --balances 100 --operations 300 --kills 2 --pause 0.5",
        25,
    ),
    ("tips", "How soon is a tip shown in the room once Stripe has posted that it is paid?", "", 120, "--tips 5", 60),
    (
        "ads", "How soon is it decided what is shown, and is a campaign's money enough for all nodes?", "", 60,
        "--campaigns 500 --decisions 500 --nodes 2", 10,
    ),
    ("mail", "How fast do mails leave, and what do kills cost?", "", 240, "--mails 100 --kills 2", 20),
    (
        "upload", "How fast does a file arrive, and does it over kills?", "", 150,
        "--rounds 1 --megabytes 20 --at-once 4 --each-megabytes 5 --killed-megabytes 20 --kills 1", 20,
    ),
    (
        "fingerprints", "Are changed excerpts found again, at what cost, and how fast in 1,000 hours?", "", 600,
        "--works 4 --hours 1 --rounds 2", 40,
    ),
    (
        "vod", "How soon can a video be played, and how fast is all of it encoded beside ffmpeg?", "", 240,
        "--rounds 1 --seconds 4", 30,
    ),
    (
        "analytics", "How soon is the owner of a very large stream told of it, and how fast are events rolled up?", "",
        180, "--views 20000 --reads 20 --events 5000 --rounds 1", 15,
    ),
    (
        "recommend", "How soon are recommendations there, and do they foretell more than popularity?", "", 900,
        "--people 1000 --videos 1000 --acts 30000 --requests 50", 20,
    ),
    ("tokens", "How long does a node look at an access token?", "", 10, "--tokens 500 --rounds 2", 3),
    ("rtmp", "What does it cost to take RTMP apart?", "", 15, "--seconds 4 --rounds 3", 4),
    ("hls", "What does packaging for HLS cost?", "--rounds 5", 10, "--seconds 10", 3),
    (
        "soak", "Do sound and picture stay together, and players near live, for hours?", "--hours 1", 100,
        "--hours 0.02 --points 2", 4,
    ),
    ("transcode", "What does decoding and encoding cost?", "--rounds 5", 70, "--seconds 3 --rounds 1", 12),
    ("connects", "How many clients a second come in?", "--rounds 3 --app", 240, "--count 300", 10),
    (
        "idle", "What does a client cost that is connected and silent?", "--rounds 3 --app", 240,
        "--count 300 --warm 50", 20,
    ),
    ("bus", "How many messages go between nodes, and how fast?", "", 40, "--messages 40000 --rounds 2 --seconds 2", 12),
    (
        "nodes", "What does a delivery cost on two nodes, and what does Redis carry?", "", 400,
        "--viewers 60 --rates 50 --crowds 30 60 --loads 10 --seconds 1 --rounds 1", 45,
    ),
    (
        "assistant", "How long does a question take to the engine, and its first word to the asker?", "", 600,
        "--posts 500 --questions 20", 60,
    ),
    ("local", "How fast are the offers near a point found?", "", 240, "--offers 5000 --rounds 20", 15),
    (
        "orders", "Is the money of orders where it belongs, whatever is done and whichever node is killed?", "", 1_800,
        "--orders 60 --every-s 10", 120,
    ),
    (
        "documents", "How soon do others see what one writes in a document, and what does a killed node cost?", "", 150,
        "--people 6 --seconds 5 --killed-s 4 --large 2", 60,
    ),
    ("drain", "What is noticed of a node that is drained?", "", 120, "--sockets 100 --rooms 20 --rounds 1", 40),
    ("crashes", "What do others notice of an actor that fails all the time?", "", 125, "--seconds 5", 12),
)  # fmt: skip
_PATIENCE: Final = 5
_WITH_PACKAGES: Final = ("fanout", "connects", "idle")


def plan(*, is_quick: bool, node_modules: Path | None) -> list[BenchQuestion]:
    """What is asked, in this order."""
    questions = []
    for name, asks, options, seconds, quick, quick_seconds in _PLAN:
        chosen = (quick if is_quick else options).split()
        if node_modules is not None and name in _WITH_PACKAGES:
            chosen += ["--node-modules", str(node_modules)]
        command = (sys.executable, "-m", "bench", name, *chosen)
        expected = quick_seconds if is_quick else seconds
        questions.append(
            BenchQuestion(name=name, asks=asks, command=command, seconds=expected, most_s=expected * _PATIENCE + 60)
        )
    return questions


def benches() -> dict[str, str]:
    """What `python -m bench NAME` runs, and the first line that each says of itself. Nothing is imported."""
    found = {}
    for file in sorted(FOLDER.glob("[!_]*.py")):
        tree = ast.parse(file.read_text())
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[file.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def listing(questions: Sequence[BenchQuestion]) -> str:
    lines = [f"  {question.name:<10} {question.asks}" for question in questions]
    listed = {name for name, *_ in _PLAN}
    alone = [f"  {name:<10} {what}" for name, what in benches().items() if name not in listed]
    return "\n".join([*lines, "", "on their own:", *alone])
