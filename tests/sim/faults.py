"""What goes wrong, drawn from the seed: when, to whom, for how long. All of it is over when the healing begins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.cluster import SimCluster
    from tests.sim.process import Process


class Faults:
    """Begins each fault at its time and ends it, at the latest when `until` has come."""

    def __init__(self, cluster: SimCluster, *, most: int, until: float) -> None:
        self._cluster = cluster
        self._simulation = cluster.simulation
        self._rng: Random = cluster.simulation.rng("faults")
        self._until = until
        self._ends: list[Callable[[], None]] = []
        self.kinds: list[str] = []
        for _ in range(self._rng.randint(min(1, most), most)):
            kind = self._rng.choices(list(KINDS), weights=[weight for weight, _ in KINDS.values()])[0]
            self._simulation.at(self._rng.uniform(cluster.begins, until), self._simulation.outside, self._begin, kind)

    def _begin(self, kind: str) -> None:
        self._simulation.note("FAULT", kind)
        self.kinds.append(kind)
        KINDS[kind][1](self)

    def heal(self) -> None:
        self._simulation.note("HEALING begins")
        ends, self._ends = self._ends, []
        for end in ends:
            end()

    def _for(self, least_s: float, most_s: float, end: Callable[[], None]) -> None:
        """Ends it after a while, or with all the others."""
        calls = [True]

        def once() -> None:
            if calls:
                calls.clear()
                end()

        self._ends.append(once)
        self._simulation.after(self._rng.uniform(least_s, most_s), once)

    def _victim(self) -> Process | None:
        alive = [process for process in self._cluster.processes if process.is_alive]
        return self._rng.choice(alive) if alive else None

    # Processes.

    def crash(self) -> None:
        """SIGKILL; its supervisor starts it again, or somebody starts another."""
        process = self._victim()
        if process is not None:
            self._simulation.note("kill", process.title)
            process.kill()
            name = process.name if self._rng.random() < 0.7 else None
            self._simulation.after(self._rng.uniform(0.05, 3.0), self._cluster.start, name)

    def freeze(self) -> None:
        """SIGSTOP and SIGCONT; now and then somebody starts another in its place meanwhile."""
        process = self._victim()
        if process is not None and not process.loop.is_frozen:
            self._simulation.note("freeze", process.title)
            process.loop.freeze()
            self._for(0.5, 12.0, process.loop.thaw)
            if self._rng.random() < 0.2:
                self._simulation.after(self._rng.uniform(0.2, 4.0), self._cluster.start, process.name)

    def stumble(self) -> None:
        """SIGSTOP at the worst moment: while Postgres does what was asked of it."""
        process = self._victim()
        if process is not None:
            process.log.stumble = partial(self._stumble, process)

    def _stumble(self, process: Process) -> None:
        if not process.loop.is_frozen and self._simulation.now < self._until:
            self._simulation.note("stumble", process.title)
            process.loop.freeze()
            self._for(1.0, 6.0, process.loop.thaw)

    def drain(self) -> None:
        process = self._victim()
        if process is not None and not process.is_draining:
            self._simulation.note("drain", process.title)
            process.drain(
                lambda: self._simulation.after(self._rng.uniform(0.1, 2.0), self._cluster.start, process.name)
            )

    def join(self) -> None:
        if len(self._cluster.processes) < 8:
            self._cluster.start(None)

    def cut(self) -> None:
        process = self._victim()
        if process is not None:
            self._simulation.note("cut", process.title)
            process.redis.cut()
            self._for(0.3, 8.0, process.redis.mend)

    def jump(self) -> None:
        """Somebody sets a clock: a node's, or Redis'."""
        seconds = self._rng.choice((-30.0, -3.0, -0.5, 0.5, 3.0, 30.0))
        process = self._victim()
        if self._rng.random() < 0.6 or process is None:
            self._simulation.note("redis' clock jumps by", seconds)
            self._cluster.redis.ahead_s += seconds
        else:
            process.clock.ahead_s += seconds

    # Redis.

    def pause_redis(self) -> None:
        """It hangs, and then does all that it was asked meanwhile."""
        self._cluster.redis.pause()
        self._for(0.3, 6.0, self._cluster.redis.resume)

    def stop_redis(self) -> None:
        self._cluster.redis.stop()
        self._for(0.1, 6.0, self._cluster.redis.start)

    def empty_redis(self) -> None:
        """It comes back without its data."""
        redis = self._cluster.redis
        redis.stop()
        self._for(0.01, 4.0, lambda: redis.start(type(redis.data)()))

    def flush_redis(self) -> None:
        self._cluster.redis.flush()

    def fail_over_redis(self) -> None:
        """A replica takes over that lacks the last moments."""
        redis, data = self._cluster.redis, self._cluster.redis.snapshot()
        self._simulation.after(self._rng.uniform(0.01, 1.0), self._fail_over, redis, data)

    def _fail_over(self, redis: object, data: object) -> None:
        self._cluster.redis.stop()
        self._for(0.01, 2.0, lambda: self._cluster.redis.start(data))  # type: ignore[arg-type]

    def lossy_bus(self) -> None:
        redis = self._cluster.redis
        redis.loses, redis.repeats, redis.delays = (self._rng.uniform(0, 0.15) for _ in range(3))
        self._for(1.0, 8.0, self._faithful_bus)

    def _faithful_bus(self) -> None:
        self._cluster.redis.loses = self._cluster.redis.repeats = self._cluster.redis.delays = 0.0

    def flaky_lines(self) -> None:
        """Connections break after the command was carried out."""
        for process in self._cluster.processes:
            process.redis.breaks, process.redis.slow_s = self._rng.uniform(0, 0.2), self._rng.uniform(0, 0.3)
        self._for(1.0, 8.0, self._firm_lines)

    def _firm_lines(self) -> None:
        for process in self._cluster.processes:
            process.redis.breaks = process.redis.slow_s = process.log.breaks = 0.0

    # Postgres.

    def slow_postgres(self) -> None:
        postgres = self._cluster.postgres
        postgres.slow_s = self._rng.choice((0.05, 0.5, 2.5))
        self._for(0.5, 6.0, lambda: setattr(postgres, "slow_s", 0.0))

    def stop_postgres(self) -> None:
        postgres = self._cluster.postgres
        postgres.is_up = False
        self._for(0.2, 4.0, lambda: setattr(postgres, "is_up", True))

    def flaky_postgres(self) -> None:
        for process in self._cluster.processes:
            process.log.breaks = self._rng.uniform(0, 0.3)
        self._for(1.0, 8.0, self._firm_lines)


KINDS: dict[str, tuple[float, Callable[[Faults], None]]] = {
    "crash": (3.0, Faults.crash),
    "freeze": (4.0, Faults.freeze),
    "stumble": (1.5, Faults.stumble),
    "drain": (1.5, Faults.drain),
    "join": (1.5, Faults.join),
    "cut": (2.5, Faults.cut),
    "jump": (1.0, Faults.jump),
    "pause redis": (1.5, Faults.pause_redis),
    "stop redis": (1.0, Faults.stop_redis),
    "empty redis": (1.0, Faults.empty_redis),
    "flush redis": (0.7, Faults.flush_redis),
    "fail over redis": (1.0, Faults.fail_over_redis),
    "lossy bus": (2.0, Faults.lossy_bus),
    "flaky lines": (1.0, Faults.flaky_lines),
    "slow postgres": (1.5, Faults.slow_postgres),
    "stop postgres": (0.7, Faults.stop_postgres),
    "flaky postgres": (1.0, Faults.flaky_postgres),
}
