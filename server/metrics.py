"""What operators measure: actors, sockets, rooms and media, as Prometheus collects it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.runtime import ActorId


class ActorMetrics:
    """``actors.runtime.Observer`` as counters by kind."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._activated = Counter("socialflow_actor_activations", "Actors activated", ["kind"], registry=registry)
        self._passivated = Counter("socialflow_actor_passivations", "Actors passivated", ["kind"], registry=registry)
        self._crashed = Counter("socialflow_actor_crashes", "Actors that crashed", ["kind"], registry=registry)
        self._parked = Counter("socialflow_actor_parkings", "Actors given up for a while", ["kind"], registry=registry)
        self._handled = Counter("socialflow_actor_messages", "Messages handled", ["kind"], registry=registry)
        self._handled_by: dict[str, Counter] = {}
        self._dead = Counter(
            "socialflow_actor_dead_letters", "Messages nobody handled", ["kind", "reason"], registry=registry
        )

    def activated(self, actor_id: ActorId) -> None:
        self._activated.labels(actor_id.kind).inc()

    def passivated(self, actor_id: ActorId) -> None:
        self._passivated.labels(actor_id.kind).inc()

    def crashed(self, actor_id: ActorId, error: BaseException) -> None:
        self._crashed.labels(actor_id.kind).inc()

    def parked(self, actor_id: ActorId) -> None:
        self._parked.labels(actor_id.kind).inc()

    def handled(self, kind: str, messages: int) -> None:
        counter = self._handled_by.get(kind)
        if counter is None:
            counter = self._handled_by[kind] = self._handled.labels(kind)
        counter.inc(messages)

    def dead_letter(self, actor_id: ActorId, message: str, reason: str) -> None:
        self._dead.labels(actor_id.kind, reason).inc()


class Gauges(Collector):
    """Values read when somebody asks for them. ``read`` gives name → (what it is, value)."""

    def __init__(self, *, read: Callable[[], Mapping[str, tuple[str, float]]], registry: CollectorRegistry) -> None:
        self._read = read
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        for name, (what, value) in self._read().items():
            yield GaugeMetricFamily(f"socialflow_{name}", what, value=value)

    def describe(self) -> Iterable[Metric]:
        return ()
