"""`python -m bench votes`: many vote in one poll, again and again, while a node is killed: is the count exact?

Four nodes as processes on one Postgres and one Redis. Each account has one socket and votes ten times by default. Its
first vote counts. A third of all votes are the same again, which is answered alike; the others ask for another option,
which is refused. What a lost connection left open is asked again on another node. Then the poll is compared with what
the clients were acknowledged: in the table, on each node, and as the sockets in the room were shown it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import uvloop

from bench import report
from bench.accounts import seed
from bench.app import OPEN_LIMITS, call, register
from bench.clients import allow_many_files, percentile
from bench.cluster import LocalCluster, NodeProcess
from bench.report import Figure, figure
from bench.socket_client import SocketClient
from bench.voters import Ballots, Onlooker, Voter
from storage.postgres import Database

OPTIONS: Final = ("a", "b", "c", "d")
SAME_SHARE: Final = 1 / 3
KILLED_AT: Final = 0.4
_SHOWN_S: Final = 15.0


def choices(random_: random.Random, votes: int) -> list[int]:
    """A vote, and others that change nothing: of all votes ``SAME_SHARE`` are the same again."""
    first = random_.randrange(len(OPTIONS))
    others = [option for option in range(len(OPTIONS)) if option != first]
    share = SAME_SHARE * votes / max(1, votes - 1)
    return [first, *(first if random_.random() < share else random_.choice(others) for _ in range(votes - 1))]


class Election:
    """One poll on a cluster, and who votes in it."""

    def __init__(self, cluster: LocalCluster, options: argparse.Namespace) -> None:
        self._cluster = cluster
        self._options = options
        self._nodes = list(cluster.nodes)

    def port_of(self, home: int) -> int:
        """Of the node at home, or of the next one that runs: what a balancer would say."""
        turns = (self._nodes[(home + turn) % len(self._nodes)] for turn in range(len(self._nodes)))
        return next(node.port for node in turns if node.is_running)

    async def run(self) -> list[Figure]:
        options, node_count = self._options, len(self._nodes)
        self._open()
        random_ = random.Random(options.seed)
        tokens = [account.token for account in await seed(self._cluster.database_url, options.accounts)]
        pause_s = options.accounts / options.rate
        ballots = Ballots(port_of=self.port_of, pause_s=pause_s)
        cast = [choices(random_, options.votes) for _ in tokens]
        voters = [
            Voter(ballots, chosen, home=number % node_count, token=token)
            for number, (chosen, token) in enumerate(zip(cast, tokens, strict=True))
        ]
        onlookers = [
            Onlooker(self._room_id, home=home, token=self._token, port_of=self.port_of) for home in range(node_count)
        ]
        try:
            await self._come_in([*onlookers, *voters])
            killed_at = await self._vote(ballots, voters)
            expected = [sum(chosen[0] == option for chosen in cast) for option in range(len(OPTIONS))]
            await self._compare(ballots, onlookers, expected)
        finally:
            for one in (*voters, *onlookers):
                one.close()
        print(f"  sockets in the room: refused at first: {[one.refusals for one in onlookers]}", flush=True)
        return self._figures(ballots, killed_at)

    def _open(self) -> None:
        port = self._nodes[0].port
        self._token = register(port, "host")["access_token"]
        stream = call(port, "POST", "/streams", {"title": "votes"}, self._token)["stream"]
        self._stream_id, self._room_id = stream["id"], stream["chat"]["room_id"]

    async def _come_in(self, clients: Sequence[SocketClient]) -> None:
        began = time.monotonic()
        for number, one in enumerate(clients):
            one.start()
            if number % 50 == 49:
                await asyncio.sleep(0.05)
        await _until(lambda: all(one.is_connected for one in clients), within_s=120, what="everybody is in")
        print(f"  {len(clients)} sockets after {time.monotonic() - began:.0f} s", flush=True)
        host = clients[0]
        made: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        body = {"room_id": self._room_id, "question": "Which?", "options": OPTIONS, "seconds": 3600}
        host.ask("poll:create", body, made.set_result)
        self._poll_id = msgspec.json.decode(await made)[0]["poll"]["id"]
        print(f"  the poll is open after {time.monotonic() - began:.0f} s", flush=True)

    async def _vote(self, ballots: Ballots, voters: Sequence[Voter]) -> float:
        """When a node was killed, by the loop's time."""
        ballots.poll_id = self._poll_id
        count = len(voters) * self._options.votes
        for voter in voters:
            voter.begin()
        within_s = 10 * count / self._options.rate + 120
        telling = asyncio.create_task(_tell(ballots), name="tell how far it is")
        try:
            await _until(lambda: len(ballots.answered_at) >= count * KILLED_AT, within_s=within_s, what="some votes")
            killed_at = asyncio.get_running_loop().time()
            self._nodes[-1].kill()
            await _until(lambda: all(voter.is_done for voter in voters), within_s=within_s, what="all votes")
        finally:
            telling.cancel()
        return killed_at

    async def _compare(self, ballots: Ballots, onlookers: Sequence[Onlooker], expected: list[int]) -> None:
        db = await Database.connect(self._cluster.database_url, max_connections=1)
        try:
            rows = await db.fetch(
                "select option, count(*) as votes from poll_votes where poll_id = $1 group by option", self._poll_id
            )
        finally:
            await db.close()
        counts = {row["option"]: row["votes"] for row in rows}
        _same(ballots, "in the table", [counts.get(option, 0) for option in range(len(OPTIONS))], expected)
        for node in self._cluster.running:
            _same(ballots, f"on node {node.number}", await asyncio.to_thread(self._listed, node), expected)
        try:
            await _until(lambda: all(one.shown == expected for one in onlookers), within_s=_SHOWN_S, what="the end")
        except RuntimeError:
            for one in onlookers:
                _same(ballots, f"shown to the socket {one.home}", one.shown, expected)

    def _listed(self, node: NodeProcess) -> list[int]:
        (poll,) = call(node.port, "GET", f"/streams/{self._stream_id}/polls", token=self._token)["items"]
        return [option["votes"] for option in poll["options"]]

    def _figures(self, ballots: Ballots, killed_at: float) -> list[Figure]:
        times = sorted(ballots.answered_at)
        silence_s = max(after - before for before, after in itertools.pairwise(times))
        calm = [took for took, at in zip(ballots.latencies_ms, ballots.answered_at, strict=True) if at < killed_at]
        for wrong, count in ballots.wrongs.most_common(20):
            print(f"  WRONG {count} × {wrong}")
        print(
            f"  {len(times)} votes, {ballots.same} of them the same again; {ballots.reconnects} reconnects;"
            f" tried again: {dict(ballots.tried_again)}"
        )
        return [
            _figure("counts that are not what was acknowledged", ballots.wrongs.total(), "", bar=0.0),
            _figure("votes answered", len(times), "", better="higher"),
            _figure("votes a second", len(times) / (times[-1] - times[0]), "/s", better="higher"),
            _figure("acknowledged, until a node is killed, p50", statistics.median(calm), "ms"),
            _figure("acknowledged, until a node is killed, p99", percentile(calm, 0.99), "ms"),
            _figure("acknowledged, all, p99", percentile(ballots.latencies_ms, 0.99), "ms"),
            _figure("the longest wait", max(ballots.latencies_ms) / 1e3, "s"),
            _figure("the longest silence of all", silence_s, "s"),
        ]


def _figure(name: str, value: float, unit: str, *, bar: float | None = None, better: report.Better = "lower") -> Figure:
    return figure("votes", name, [value], unit, better=better, bar=bar)


def _same(ballots: Ballots, where: str, found: list[int], expected: list[int]) -> None:
    if found != expected:
        ballots.wrongs[f"{where}: {found}, not {expected}"] += 1


async def _tell(ballots: Ballots) -> None:
    while True:
        await asyncio.sleep(10)
        print(f"  {len(ballots.answered_at)} answered, again: {dict(ballots.tried_again)}", flush=True)


async def _until(holds: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Raises ``RuntimeError`` when it does not come."""
    ends_at = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > ends_at:
            raise RuntimeError(f"{what} did not come within {within_s:.0f} s")
        await asyncio.sleep(0.05)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench votes", description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--votes", type=int, default=10, help="of each account")
    parser.add_argument("--rate", type=float, default=1_500.0, help="votes a second, all together")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    report.options(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """0 if every count is exact, else 1."""
    options = _parser().parse_args(argv)
    allow_many_files()
    cluster = LocalCluster(flags=OPEN_LIMITS)
    try:
        cluster.start(options.nodes)
        figures = uvloop.run(Election(cluster, options).run())
    finally:
        cluster.stop()
    report.hand_over(figures, options.json)
    return int(figures[0].value != 0)


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
