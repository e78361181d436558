"""How much load, for how long, on which server."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from server.config import ConfigError

MAX_STREAMS: Final = 20
MAX_SOCKETS: Final = 50_000
MAX_PLAYERS: Final = 5_000
MAX_PEERS: Final = 500
MAX_SECONDS: Final = 86_400.0
MAX_MESSAGES: Final = 100.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """``messages``: a second in each stream's room. Sockets, players and peers are spread over the streams.

    ``allow``: hosts that may be loaded although they are neither this machine nor the ``public_url`` of the settings.
    """

    url: str | None = None
    allow: tuple[str, ...] = ()
    streams: int = 1
    sockets: int = 100
    messages: float = 2.0
    players: int = 10
    peers: int = 0
    seconds: float = 30.0
    report: Path | None = None


def load_of(words: Sequence[str], *, program: str) -> tuple[Load, list[str]]:
    """The load that is asked for, and the words that are settings. Raises ``ConfigError``; ``--help`` leaves with 0."""
    parser = _Parser(
        prog=program,
        usage=f"{program} [--option VALUE ...] [--setting VALUE ...]",
        description="Loads a server and checks that nothing is lost or out of order. Ends with 1 if something is.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--url", help="server to load, as https://live.example; default: the one of these settings on this machine")
    add("--allow", action="append", default=[], metavar="HOST", help="load this host although it is another machine")
    add("--streams", type=_whole(1, MAX_STREAMS), help="streams, each with an RTMP publisher and a chat (1)")
    add("--sockets", type=_whole(0, MAX_SOCKETS), help="sockets that watch and read the chat (100)")
    add("--messages", type=_number(0, MAX_MESSAGES), help="chat messages a second in each stream (2)")
    add("--hls", dest="players", type=_whole(0, MAX_PLAYERS), help="HLS players (10)")
    add("--whep", dest="peers", type=_whole(0, MAX_PEERS), help="WebRTC viewers, which need the package aiortc (0)")
    add("--seconds", type=_number(1, MAX_SECONDS), help="how long, once all are there (30)")
    add("--report", type=Path, help="HTML file for the report")
    found, rest = parser.parse_known_args(list(words))
    given = {name: value for name, value in vars(found).items() if value is not None}
    return Load(**{**given, "allow": tuple(found.allow)}), rest


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError([message])


def _whole(least: int, most: int) -> Callable[[str], int]:
    def checked(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{least} to {most}")
        return number

    checked.__name__ = f"whole number of {least} to {most}"
    return checked


def _number(least: float, most: float) -> Callable[[str], float]:
    def checked(text: str) -> float:
        number = float(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{least:g} to {most:g}")
        return number

    checked.__name__ = f"number of {least:g} to {most:g}"
    return checked
