"""How often a password may be guessed. Every prompt for one counts, wherever it is asked and from whatever address.

An attempt is taken out of the budgets before the password is looked at, so that many at once are bounded too, and is
given back when it was right. The budgets are arranged so that nobody can use up an owner's:

- A device that the account knows has budgets of its own.
- Anybody else has some for each account and address (/64 for IPv6), which are looked at first: what they refuse costs
  nothing elsewhere.
- Behind them lies one for the account, from all unknown addresses together, against guesses that come from many.

The budgets of an address or device stand behind each other, each with a longer time to recover: so the wait grows from
a minute to hours as guesses go on. The rates follow NIST SP 800-63B section 3.2.2, which allows at most 100 failures
in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from server.features.people.accounts.devices import Device, Seen, key_of_known
from server.http.addresses import limiting_key
from server.http.errors import Problem
from server.http.limits import Budget, CallRate, RateLimiter


@dataclass(frozen=True, kw_only=True)
class GuessRates:
    """``here``: of one address or device, the first that runs out first."""

    here: Sequence[CallRate] = (
        CallRate("guesses", per_s=1 / 60, burst=10),
        CallRate("guesses_of_hours", per_s=1 / 600, burst=25),
        CallRate("guesses_of_days", per_s=1 / 7_200, burst=50),
    )
    everywhere: CallRate = field(default=CallRate("guesses_everywhere", per_s=1 / 20, burst=100))


# A code of six digits is guessed sooner than a password.
FACTOR_GUESSES: Final = GuessRates(
    here=(
        CallRate("factor_guesses", per_s=1 / 60, burst=5),
        CallRate("factor_guesses_of_hours", per_s=1 / 600, burst=12),
        CallRate("factor_guesses_of_days", per_s=1 / 7_200, burst=25),
    ),
    everywhere=CallRate("factor_guesses_everywhere", per_s=1 / 60, burst=20),
)


@dataclass(frozen=True)
class Attempt:
    """What one attempt took, to be given back when it was right."""

    taken: Sequence[Budget]


class Guesses:
    """The budgets of all accounts."""

    def __init__(self, *, limiter: RateLimiter, rates: GuessRates | None = None) -> None:
        self._limiter = limiter
        self._rates = rates or GuessRates()

    async def begin(self, account: str, device: Device, *, seen: Seen) -> Attempt:
        """Take one attempt on ``account``, a person's id or the name that stands for nobody, by a device that was
        ``seen`` there. Raises a 429.
        """
        of_device = key_of_known(device, seen)
        if of_device is not None:
            return await self._take(self._here(f"{account} {of_device}"))
        here = self._here(f"{account} {limiting_key(device.address)}")
        return await self._take([*here, (account, self._rates.everywhere)])

    async def begin_within(self, account: str, session_id: str) -> Attempt:
        """As ``begin``, for a signed-in person: their session is the device."""
        return await self._take(self._here(f"{account} {session_id}"))

    async def was_right(self, attempt: Attempt) -> None:
        """Give back what it took."""
        await self._limiter.refund(attempt.taken)

    def _here(self, key: str) -> list[Budget]:
        return [(key, rate) for rate in self._rates.here]

    async def _take(self, budgets: Sequence[Budget]) -> Attempt:
        wait_s = await self._limiter.take_all(budgets)
        if wait_s > 0:
            raise Problem(429, "Too many wrong guesses", slug="too-many-guesses", retry_after_s=wait_s)
        return Attempt(budgets)
