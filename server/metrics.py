"""What operators measure: actors, sockets, rooms and media, as Prometheus collects it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.runtime import ActorId


class ActorMetrics(Collector):
    """``actors.runtime.Observer`` as counters by kind. Messages, which are many, are only added up here."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._activated = Counter("socialflow_actor_activations", "Actors activated", ["kind"], registry=registry)
        self._passivated = Counter("socialflow_actor_passivations", "Actors passivated", ["kind"], registry=registry)
        self._crashed = Counter("socialflow_actor_crashes", "Actors that crashed", ["kind"], registry=registry)
        self._parked = Counter("socialflow_actor_parkings", "Actors given up for a while", ["kind"], registry=registry)
        self._handled: dict[str, int] = {}
        self._dead = Counter(
            "socialflow_actor_dead_letters", "Messages nobody handled", ["kind", "reason"], registry=registry
        )
        registry.register(self)

    def activated(self, actor_id: ActorId) -> None:
        self._activated.labels(actor_id.kind).inc()

    def passivated(self, actor_id: ActorId) -> None:
        self._passivated.labels(actor_id.kind).inc()

    def crashed(self, actor_id: ActorId, error: BaseException) -> None:
        self._crashed.labels(actor_id.kind).inc()

    def parked(self, actor_id: ActorId) -> None:
        self._parked.labels(actor_id.kind).inc()

    def handled(self, kind: str, messages: int) -> None:
        self._handled[kind] = self._handled.get(kind, 0) + messages

    def dead_letter(self, actor_id: ActorId, message: str, reason: str) -> None:
        self._dead.labels(actor_id.kind, reason).inc()

    def collect(self) -> Iterable[Metric]:
        handled = CounterMetricFamily("socialflow_actor_messages", "Messages handled", labels=["kind"])
        for kind, messages in self._handled.items():
            handled.add_metric([kind], messages)
        yield handled

    def describe(self) -> Iterable[Metric]:
        return ()


class GaugeCollector(Collector):
    """Values that are read at each scrape. ``read`` gives name → (what it is, value)."""

    def __init__(self, *, read: Callable[[], Mapping[str, tuple[str, float]]], registry: CollectorRegistry) -> None:
        self._read = read
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        for name, (what, value) in self._read().items():
            yield GaugeMetricFamily(f"socialflow_{name}", what, value=value)

    def describe(self) -> Iterable[Metric]:
        return ()


class EndedJobs(Protocol):
    """What a worker counts."""

    @property
    def ended(self) -> Mapping[tuple[str, Any], int]:
        """By the job's name and the state in which its attempt left it."""

    @property
    def running(self) -> int: ...


class JobCollector(Collector):
    """``socialflow_jobs_ended_total`` by job and state, and ``socialflow_jobs_running``, of this node's worker."""

    def __init__(self, *, worker: EndedJobs, registry: CollectorRegistry) -> None:
        self._worker = worker
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        ended = CounterMetricFamily(
            "socialflow_jobs_ended", "Attempts of jobs that have ended", labels=("job", "state")
        )
        for (name, state), count in sorted(self._worker.ended.items()):
            ended.add_metric((name, state), count)
        yield ended
        yield GaugeMetricFamily("socialflow_jobs_running", "Jobs that run on this node now", value=self._worker.running)

    def describe(self) -> Iterable[Metric]:
        return ()


def register_processes(*, version: str, media_pid: Callable[[], int | None], registry: CollectorRegistry) -> None:
    """``socialflow_build_info``; ``process_*`` of the node, and ``socialflow_media_process_*`` of its media process
    while there is one.
    """
    built = Gauge("socialflow_build_info", "What runs here: always 1", ["version", "python"], registry=registry)
    built.labels(version, platform.python_version()).set(1)
    ProcessCollector(registry=registry)
    ProcessCollector(namespace="socialflow_media", pid=lambda: media_pid() or "none", registry=registry)
