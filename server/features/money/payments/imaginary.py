"""Test money: a provider without anybody behind it. Whatever is asked for is paid a moment later."""

from __future__ import annotations

import secrets

from server.features.money.payments.provider import Asked, Fee, Opened, ProviderName


class ImaginaryMoney:
    name: ProviderName = "test"

    async def open(self, asked: Asked) -> Opened:
        """There is nothing to be done on a page: it leads back."""
        secret = f"test_{asked.payment_id}_secret_{secrets.token_urlsafe(18)}"
        return Opened(intent_id=f"test_{asked.payment_id}", client_secret=secret, checkout_url=asked.back_to)

    async def close_other(self, *, paid_intent: str, intent_id: str, session_id: str | None) -> None:
        """There is one way only."""

    async def refund(self, *, intent_id: str, amount: int | None, currency: str, key: str) -> str:
        """Nobody has paid anything."""
        return ""

    async def fee(self, intent_id: str) -> Fee | None:
        """Nobody keeps anything."""
        return None

    async def aclose(self) -> None: ...
