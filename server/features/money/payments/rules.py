"""What a payment comes to: a payment's entries follow from what is known of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.features.money.ledger import PLATFORM, Account, advertising, available, pending
from server.features.money.payments.provider import ProviderName

Receiver = Literal["person", "advertising"]


@dataclass(frozen=True, kw_only=True)
class Booking:
    """What the ledger has of a payment, or is to have. ``net``: minor units paid and not gone back."""

    net: int = 0
    is_released: bool = False


def net_of(*, amount: int, is_paid: bool, refunded: int, disputed: int) -> int:
    """What of a payment has come and stays."""
    return max(0, amount - refunded - disputed) if is_paid else 0


def entries_of(
    booking: Booking, *, provider: ProviderName, payee_id: str, percent: int, receiver: Receiver
) -> dict[Account, int]:
    """The accounts as this payment alone leaves them. The share of the server is rounded down."""
    share = booking.net * percent // 100
    account = available(payee_id) if booking.is_released else pending(payee_id)
    if receiver == "advertising":
        account = advertising(payee_id)
    return {Account(provider): -booking.net, PLATFORM: share, account: booking.net - share}


def change(before: dict[Account, int], after: dict[Account, int]) -> dict[Account, int]:
    """What a transfer moves that leads from one to the other."""
    moved = {account: after.get(account, 0) - before.get(account, 0) for account in {**before, **after}}
    return {account: amount for account, amount in moved.items() if amount}
