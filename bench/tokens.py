"""How long does a node look at an access token: one that it has seen before, and one that it has not?

A node remembers the tokens whose signature it has checked, up to a bound and until they expire. Whether a token has
expired or its session was ended is looked at each time. The keys lie in memory here: no check asks Postgres.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from bench import report
from bench.report import Figure, figure
from server.http.identity import Caller, Identity
from storage.ids import Ids

CHECK_BAR_US: Final = 30.0


class _Keys:
    """``server.http.identity.SessionRows``: one signing key, and no session that has ended."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    async def fetch(self, sql: str, /, *_: Any) -> Sequence[Any]:
        return self._rows if "signing_keys" in sql else []

    async def execute(self, _: str, /, *args: Any) -> None:
        algorithm, secret = args
        self._rows = self._rows or [
            {"kid": "k1", "algorithm": algorithm, "secret": secret, "retired_at": None, "age_s": 3_600.0}
        ]


def _person(ids: Ids) -> Caller:
    now = time.time()
    roles = frozenset({"viewer", "creator"})
    return Caller(id=ids.uuid7(now), username="ada", display_name="Ada", roles=roles, session_id=ids.uuid7(now))


async def _started(keys: _Keys) -> Identity:
    identity = Identity(rows=keys)
    await identity.start()
    await identity.close()
    return identity


def _us_each(identity: Identity, tokens: Sequence[str]) -> float:
    began = time.process_time()
    for token in tokens:
        identity.verify(token)
    return (time.process_time() - began) / len(tokens) * 1e6


async def _measure(options: argparse.Namespace) -> list[Figure]:
    ids, keys = Ids(), _Keys()
    issuer = await _started(keys)
    tokens = [issuer.mint(_person(ids))[0] for _ in range(options.tokens)]
    cold, warm = [], []
    for _ in range(options.rounds):
        other = await _started(keys)
        cold.append(_us_each(other, tokens))
        warm.append(_us_each(other, tokens))
    return [
        figure("tokens", "a token that the node has seen", warm, "µs", better="lower", bar=CHECK_BAR_US),
        figure("tokens", "a token that the node has not seen", cold, "µs", better="lower"),
    ]


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench tokens", description=__doc__)
    parser.add_argument("--tokens", type=int, default=5_000, help="different tokens")
    parser.add_argument("--rounds", type=int, default=5)
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(asyncio.run(_measure(options)), options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
