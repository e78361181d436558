"""When a crashed actor comes back, and when it is left alone."""

from __future__ import annotations

import msgspec


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Back-off doubles from `backoff_s` to `backoff_max_s`; past `restarts` within `window_s` the actor is parked.

    Parked it refuses messages for `cooldown_s`, then starts afresh with the next one.
    """

    restarts: int = 5
    window_s: float = 60.0
    backoff_s: float = 0.1
    backoff_max_s: float = 5.0
    cooldown_s: float = 30.0


class CrashRecord:
    """The recent crashes of one actor. Holds at most `policy.restarts` + 1 times."""

    __slots__ = ("_policy", "_times")

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._times: list[float] = []

    def add(self, now: float) -> float | None:
        """Notes a crash; the delay before the restart, or None to give up."""
        policy = self._policy
        self._times = [at for at in self._times if now - at < policy.window_s]
        self._times.append(now)
        crashes = len(self._times)
        if crashes > policy.restarts:
            return None
        return min(policy.backoff_max_s, policy.backoff_s * 2.0 ** min(crashes - 1, 60))
