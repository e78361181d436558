"""How often a password may be guessed. Every prompt for one counts, wherever it is asked and from whatever address.

An attempt is taken out of the budget before the password is looked at, so that many at once are bounded too, and is
given back when it was right. The budgets are arranged so that nobody can use up an owner's:

- A device that the account knows has a budget of its own.
- Anybody else has one for each account and address (/64 for IPv6), which is looked at first: what it refuses costs
  nothing elsewhere.
- Behind it lies one for the account, from all unknown addresses together, against guesses that come from many.

The rates follow NIST SP 800-63B section 3.2.2, which allows at most 100 failures in a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from server.features.people.accounts.devices import Device, KnownDevice, key_of_known
from server.http.addresses import limiting_key
from server.http.errors import Problem
from server.http.limits import CallRate, RateLimiter


@dataclass(frozen=True, kw_only=True)
class GuessRates:
    here: CallRate = field(default=CallRate("guesses", per_s=1 / 60, burst=10))
    everywhere: CallRate = field(default=CallRate("guesses_everywhere", per_s=1 / 20, burst=100))


# A code of six digits is guessed sooner than a password.
FACTOR_GUESSES: Final = GuessRates(
    here=CallRate("factor_guesses", per_s=1 / 60, burst=5),
    everywhere=CallRate("factor_guesses_everywhere", per_s=1 / 60, burst=20),
)


@dataclass(frozen=True)
class Attempt:
    """What one attempt took, to be given back when it was right."""

    taken: Sequence[tuple[str, CallRate]]


class Guesses:
    """The budgets of all accounts."""

    def __init__(self, *, limiter: RateLimiter, rates: GuessRates | None = None) -> None:
        self._limiter = limiter
        self._rates = rates or GuessRates()

    async def begin(self, account: str, device: Device, *, known: Iterable[KnownDevice]) -> Attempt:
        """Take one attempt on ``account``, a person's id or the name that stands for nobody. Raises a 429."""
        of_device = key_of_known(device, known)
        if of_device is not None:
            return await self._take([(f"{account} {of_device}", self._rates.here)])
        here = f"{account} {limiting_key(device.address)}"
        return await self._take([(here, self._rates.here), (account, self._rates.everywhere)])

    async def begin_within(self, account: str, session_id: str) -> Attempt:
        """As ``begin``, of somebody who is signed in: their session is the device."""
        return await self._take([(f"{account} {session_id}", self._rates.here)])

    async def was_right(self, attempt: Attempt) -> None:
        for key, rate in attempt.taken:
            await self._limiter.refund(key, rate)

    async def _take(self, rate_limits: Sequence[tuple[str, CallRate]]) -> Attempt:
        for key, rate in rate_limits:
            wait_s = await self._limiter.take(key, rate)
            if wait_s > 0:
                raise Problem(429, "Too many wrong guesses", slug="too-many-guesses", retry_after_s=wait_s)
        return Attempt(rate_limits)
