"""What Stripe's events say of payments. Pure.

An event may come late, twice and before an earlier one, so what it says is never "more of" but "so much in all".
https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from server.features.money.currencies import from_stripe
from server.features.money.payments.provider import Fee, Observed
from server.features.money.payments.stripe_api import PAYMENT
from storage.ids import is_uuid

Unix = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class Enclosed(msgspec.Struct, frozen=True):
    object: dict[str, Any]


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    created: Unix
    data: Enclosed
    livemode: bool = False
    account: str | None = None


def observed(event: StripeEvent) -> Observed | None:
    """None: it is of no payment of ours, or of a type that says nothing here. Raises ``ValueError`` for another shape
    than that of the type.
    """
    read = _READERS.get(event.type)
    try:
        return None if read is None else read(event.data.object, datetime.fromtimestamp(event.created, UTC))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a {event.type} has another shape: {error!r}") from error


def _intent(found: Mapping[str, Any], at: datetime) -> Observed:
    is_paid = found.get("status", "succeeded") == "succeeded"
    currency = str(found["currency"]).upper()
    amount = found.get("amount_received") or found["amount"]
    return Observed(
        at=at,
        payment_id=_ours(found),
        intent_id=found["id"],
        is_paid=is_paid,
        amount=from_stripe(amount, currency),
        currency=currency,
    )


def _canceled(found: Mapping[str, Any], at: datetime) -> Observed:
    return Observed(at=at, payment_id=_ours(found), intent_id=found["id"], is_failed=True)


def _session(found: Mapping[str, Any], at: datetime) -> Observed | None:
    """Of a payment method that takes days, a session is complete and not yet paid."""
    if found.get("mode", "payment") != "payment" or found["payment_status"] != "paid":
        return None
    currency = str(found["currency"]).upper()
    return Observed(
        at=at,
        payment_id=_ours(found),
        intent_id=_id_of(found["payment_intent"]),
        is_paid=True,
        amount=from_stripe(found["amount_total"], currency),
        currency=currency,
    )


def _charge(found: Mapping[str, Any], at: datetime) -> Observed | None:
    if found.get("payment_intent") is None:
        return None
    refunded = from_stripe(found["amount_refunded"], str(found["currency"]).upper())
    return Observed(at=at, payment_id=_ours(found), intent_id=_id_of(found["payment_intent"]), refunded=refunded)


def _dispute(found: Mapping[str, Any], at: datetime) -> Observed | None:
    """An inquiry (``warning_…``) takes nothing; what was won comes back."""
    if found.get("payment_intent") is None:
        return None
    status = str(found["status"])
    is_held = not status.startswith("warning_") and status not in ("won", "prevented")
    disputed = from_stripe(found["amount"], str(found["currency"]).upper()) if is_held else 0
    intent_id = _id_of(found["payment_intent"])
    return Observed(at=at, intent_id=intent_id, disputed=disputed, dispute_fee=_dispute_fee(found))


def _dispute_fee(found: Mapping[str, Any]) -> Fee | None:
    """Of all movements of the dispute, of which one that was won may give it back."""
    moved = found.get("balance_transactions") or ()
    if not moved:
        return None
    currency = str(moved[0]["currency"]).upper()
    return Fee(from_stripe(sum(int(one["fee"]) for one in moved), currency), currency)


def _id_of(found: Any) -> str:
    """Of an object that may stand there as a whole."""
    return found if isinstance(found, str) else str(found["id"])


def _ours(found: Mapping[str, Any]) -> str | None:
    given = (found.get("metadata") or {}).get(PAYMENT)
    return given if isinstance(given, str) and is_uuid(given) else None


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], datetime], Observed | None]]] = {
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
