"""The currencies of payments: their minor units (ISO 4217), and how much of them is about a dollar. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

CurrencyCode = Annotated[
    str, StringConstraints(pattern="^[A-Za-z]{3}$"), AfterValidator(str.upper), Field(description="ISO 4217")
]


@dataclass(frozen=True)
class Currency:
    """``digits`` after the point. ``dollar``: minor units worth about a dollar, from which bounds follow."""

    digits: int
    dollar: int


CURRENCIES: Final = {
    "AED": Currency(2, 400),
    "AUD": Currency(2, 100),
    "BHD": Currency(3, 400),
    "BRL": Currency(2, 500),
    "CAD": Currency(2, 100),
    "CHF": Currency(2, 100),
    "CZK": Currency(2, 3_000),
    "DKK": Currency(2, 700),
    "EUR": Currency(2, 100),
    "GBP": Currency(2, 100),
    "HKD": Currency(2, 800),
    "HUF": Currency(2, 40_000),
    "INR": Currency(2, 8_000),
    "ISK": Currency(0, 150),
    "JOD": Currency(3, 700),
    "JPY": Currency(0, 100),
    "KRW": Currency(0, 1_000),
    "KWD": Currency(3, 300),
    "MXN": Currency(2, 2_000),
    "NOK": Currency(2, 1_000),
    "NZD": Currency(2, 200),
    "PLN": Currency(2, 400),
    "SAR": Currency(2, 400),
    "SEK": Currency(2, 1_000),
    "SGD": Currency(2, 100),
    "TRY": Currency(2, 3_000),
    "UGX": Currency(0, 4_000),
    "USD": Currency(2, 100),
    "ZAR": Currency(2, 2_000),
}
# Stripe counts these in hundredths, although they have none, and takes whole ones alone.
# https://docs.stripe.com/currencies#special-cases
_HUNDREDTHS_AT_STRIPE: Final = frozenset({"ISK", "UGX"})


def fault_in(amount: int, currency: str, *, most: int) -> tuple[str, str] | None:
    """The field and what is wrong with a payment; ``most``: of the largest one, in dollars."""
    known = CURRENCIES.get(currency)
    if known is None:
        return "currency", f"must be one of {', '.join(CURRENCIES)}"
    least, largest = max(1, known.dollar // 2), known.dollar * most
    if not least <= amount <= largest:
        return "amount", f"must be between {least} and {largest} minor units of {currency}"
    if known.digits == 3 and amount % 10:
        return "amount", f"must be a multiple of 10, as card networks take {currency} with two digits"
    return None


def to_stripe(amount: int, currency: str) -> int:
    return amount * 100 if currency in _HUNDREDTHS_AT_STRIPE else amount


def from_stripe(amount: int, currency: str) -> int:
    return amount // 100 if currency in _HUNDREDTHS_AT_STRIPE else amount
