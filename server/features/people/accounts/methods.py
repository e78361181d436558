"""How one may sign in: a password, and what other rooms add to it when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from server.features.people.accounts.devices import Device


@dataclass(frozen=True, kw_only=True)
class Provider:
    """The sign-in of another server. ``provider``: as it stands in paths; ``name``: as people know it."""

    provider: str
    name: str


class SecondFactor(Protocol):
    """What must be shown besides a password, by those who have set it up."""

    async def is_due(self, person_id: str) -> bool:
        """Whether the person has set it up."""

    async def prove(self, person_id: str, code: str | None, device: Device) -> bool:
        """Use the code up; False when the person has not set the factor up. Raises a 401 ``totp-required`` without a
        code, a 401 ``wrong-code`` for a wrong one, a 429.
        """


class SignInMethods:
    """What a sign-in page may offer; complete when the node serves."""

    def __init__(self) -> None:
        self.has_passkeys = False
        self.providers: list[Provider] = []
        self._factors: list[SecondFactor] = []

    def offer_passkeys(self) -> None:
        self.has_passkeys = True

    def add_provider(self, provider: Provider) -> None:
        self.providers.append(provider)

    def add_second_factor(self, factor: SecondFactor) -> None:
        self._factors.append(factor)

    async def is_factor_due(self, person_id: str) -> bool:
        """Whether the person has to show more than a password."""
        return any([await factor.is_due(person_id) for factor in self._factors])

    async def prove_second(self, person_id: str, code: str | None, device: Device) -> bool:
        """Whether a second factor was shown; False when none is due. Raises what the first factor raises that is not
        satisfied.
        """
        return any([await factor.prove(person_id, code, device) for factor in self._factors])
