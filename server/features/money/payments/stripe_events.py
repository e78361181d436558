"""What Stripe's events say of payments. Pure.

An event may come late, twice and before an earlier one, so what it says is never "more of" but "so much in all".
https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec

from server.features.money.currencies import from_stripe
from server.features.money.payments.provider import Fee, Observed
from server.features.money.payments.stripe_api import PAYMENT
from storage.ids import is_uuid

Unix = Annotated[int, msgspec.Meta(ge=0, le=2**37)]
StripeId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,255}$")]
"""As Stripe makes its ids, and what our addresses and tables take."""
Minor = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""As Stripe counts them."""
T = TypeVar("T")


class Enclosed(msgspec.Struct, frozen=True):
    object: dict[str, Any]


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    id: StripeId
    type: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.]{1,255}$")]
    created: Unix
    data: Enclosed
    livemode: bool = False
    account: StripeId | None = None


class Named(msgspec.Struct, frozen=True):
    """An object that stands as a whole where its id may stand."""

    id: StripeId


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """``metadata`` are ours, or of another program that has the same account."""

    metadata: dict[str, Any] | None = None

    def named(self, key: str) -> str | None:
        """An id of ours that stands under the key."""
        given = (self.metadata or {}).get(key)
        return given if isinstance(given, str) and is_uuid(given) else None


class Priced(Described, frozen=True, kw_only=True):
    currency: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z]{3}$")]

    @property
    def code(self) -> str:
        return self.currency.upper()


class Intent(Priced, frozen=True, kw_only=True):
    id: StripeId
    amount: Minor
    amount_received: Minor | None = None
    status: str = "succeeded"


class Canceled(Described, frozen=True, kw_only=True):
    id: StripeId


class Moded(msgspec.Struct, frozen=True, kw_only=True):
    mode: str = "payment"


class Session(Priced, frozen=True, kw_only=True):
    payment_status: str
    payment_intent: StripeId | Named
    amount_total: Minor


class Charge(Priced, frozen=True, kw_only=True):
    payment_intent: StripeId | Named | None = None
    amount_refunded: Minor


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """``fee``: below 0 for one that was given back."""

    fee: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
    currency: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z]{3}$")]

    @property
    def code(self) -> str:
        return self.currency.upper()


class Dispute(Priced, frozen=True, kw_only=True):
    payment_intent: StripeId | Named | None = None
    status: Annotated[str, msgspec.Meta(min_length=1)]
    amount: Minor
    balance_transactions: list[Moved] | None = None


def observed(event: StripeEvent) -> Observed | None:
    """None: it is of no payment of ours, or of a type that says nothing here. Raises ``ValueError`` for another shape
    than that of the type.
    """
    read = _READERS.get(event.type)
    return None if read is None else read(event, datetime.fromtimestamp(event.created, UTC))


def object_of(event: StripeEvent, shape: type[T]) -> T:
    """Raises ``ValueError`` for another shape than that."""
    try:
        return msgspec.convert(event.data.object, shape)
    except msgspec.ValidationError as error:
        raise ValueError(f"a {event.type} has another shape: {error}") from error


def _intent(event: StripeEvent, at: datetime) -> Observed:
    found = object_of(event, Intent)
    amount = from_stripe(found.amount_received or found.amount, found.code)
    return Observed(
        at=at,
        payment_id=found.named(PAYMENT),
        intent_id=found.id,
        is_paid=found.status == "succeeded",
        amount=amount,
        currency=found.code,
    )


def _canceled(event: StripeEvent, at: datetime) -> Observed:
    found = object_of(event, Canceled)
    return Observed(at=at, payment_id=found.named(PAYMENT), intent_id=found.id, is_failed=True)


def _session(event: StripeEvent, at: datetime) -> Observed | None:
    """Of a payment method that takes days, a session is complete and not yet paid."""
    if object_of(event, Moded).mode != "payment":
        return None
    found = object_of(event, Session)
    if found.payment_status != "paid":
        return None
    return Observed(
        at=at,
        payment_id=found.named(PAYMENT),
        intent_id=id_of(found.payment_intent),
        is_paid=True,
        amount=from_stripe(found.amount_total, found.code),
        currency=found.code,
    )


def _charge(event: StripeEvent, at: datetime) -> Observed | None:
    found = object_of(event, Charge)
    if found.payment_intent is None:
        return None
    refunded = from_stripe(found.amount_refunded, found.code)
    return Observed(at=at, payment_id=found.named(PAYMENT), intent_id=id_of(found.payment_intent), refunded=refunded)


def _dispute(event: StripeEvent, at: datetime) -> Observed | None:
    """An inquiry (``warning_…``) takes nothing; what was won comes back."""
    found = object_of(event, Dispute)
    if found.payment_intent is None:
        return None
    is_held = not found.status.startswith("warning_") and found.status not in ("won", "prevented")
    disputed = from_stripe(found.amount, found.code) if is_held else 0
    fee = _dispute_fee(found.balance_transactions or ())
    return Observed(at=at, intent_id=id_of(found.payment_intent), disputed=disputed, dispute_fee=fee)


def _dispute_fee(moved: Sequence[Moved]) -> Fee | None:
    """Of all movements of the dispute, of which one that was won may give it back."""
    if not moved:
        return None
    return Fee(from_stripe(sum(one.fee for one in moved), moved[0].code), moved[0].code)


def id_of(found: StripeId | Named) -> str:
    return found if isinstance(found, str) else found.id


_READERS: Final[Mapping[str, Callable[[StripeEvent, datetime], Observed | None]]] = {
    "payment_intent.succeeded": _intent,
    "payment_intent.canceled": _canceled,
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "charge.refunded": _charge,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "charge.dispute.closed": _dispute,
}
