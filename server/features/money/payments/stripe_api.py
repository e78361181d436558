"""Stripe as a provider: Payment Intents and Checkout, by its own library.

https://docs.stripe.com/api/payment_intents, https://docs.stripe.com/api/checkout/sessions
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Literal

from actors.runtime.errors import Unavailable
from server.features.money.currencies import from_stripe, to_stripe
from server.features.money.payments.provider import Asked, Fee, Opened, ProviderName
from server.http.errors import Problem, invalid_field

CALL_S: Final = 15.0
RETRIES: Final = 2
MAX_PAGES: Final = 2_000
"""Of a list: 200,000 things."""
PAYMENT: Final = "socialflow_payment"
"""The key of metadata under which our id of a payment stands."""
log = logging.getLogger("server.payments")


class StripeMoney:
    """The library is imported with the first of these: it takes 0.2 s."""

    name: ProviderName = "stripe"

    def __init__(self, *, secret_key: str, api_base: str) -> None:
        import stripe

        self._lib = stripe
        self._key = secret_key
        self._base = api_base
        self._http: Any = None
        self._client: Any = None

    async def open(self, asked: Asked) -> Opened:
        amount, currency = to_stripe(asked.amount, asked.currency), asked.currency.lower()
        metadata = {PAYMENT: asked.payment_id}
        client = self._opened()
        async with self._answered("amount"):
            intent = await client.v1.payment_intents.create_async(
                {
                    "amount": amount,
                    "currency": currency,
                    "description": asked.label,
                    "metadata": metadata,
                    "automatic_payment_methods": {"enabled": True},
                },
                {"idempotency_key": f"{asked.payment_id}-intent"},
            )
        session = await self._session(asked, amount, metadata)
        return Opened(
            intent_id=intent.id,
            client_secret=intent.client_secret,
            session_id=session and session.id,
            checkout_url=session and session.url,
        )

    async def close_other(self, *, paid_intent: str, intent_id: str, session_id: str | None) -> None:
        client = self._opened()
        with contextlib.suppress(self._lib.InvalidRequestError):  # it has ended by itself
            async with self._answered(""):
                if paid_intent != intent_id:
                    await client.v1.payment_intents.cancel_async(intent_id)
                elif session_id is not None:
                    await client.v1.checkout.sessions.expire_async(session_id)

    async def refund(self, *, intent_id: str, amount: int | None, currency: str, key: str) -> str:
        given: dict[str, Any] = {"payment_intent": intent_id}
        if amount is not None:
            given["amount"] = to_stripe(amount, currency)
        try:
            async with self._answered(""):
                await self._opened().v1.refunds.create_async(given, {"idempotency_key": key})
        except self._lib.InvalidRequestError as error:
            return _reason(error)
        return ""

    async def fee(self, intent_id: str) -> Fee | None:
        async with self._answered(""):
            intent = await self._opened().v1.payment_intents.retrieve_async(
                intent_id, {"expand": ["latest_charge.balance_transaction"]}
            )
        moved = intent.latest_charge and intent.latest_charge.balance_transaction
        if not moved or isinstance(moved, str):
            return None
        currency = str(moved.currency).upper()
        return Fee(from_stripe(moved.fee, currency), currency)

    async def listed(
        self, what: Literal["events", "charges"], *, since: datetime
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """All of them since then, the newest first, page by page. Raises as ``open`` does."""
        asked: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        client = self._opened()
        source = client.v1.events if what == "events" else client.v1.charges
        for _ in range(MAX_PAGES):
            async with self._answered(""):
                page = await source.list_async(asked)
            yield [one.to_dict() for one in page.data]
            if not page.has_more:
                return
            asked["starting_after"] = page.data[-1].id
        log.error("Stripe has more than %d pages of %s since %s", MAX_PAGES, what, since)

    async def open_subscription(
        self,
        subscription_id: str,
        metadata: dict[str, str],
        *,
        amount: int,
        currency: str,
        label: str,
        back_to: str,
    ) -> tuple[str, str]:
        """A session of Checkout and its page, on which a payer begins to pay each month. Raises as ``open`` does."""
        price = {
            "currency": currency.lower(),
            "unit_amount": to_stripe(amount, currency),
            "recurring": {"interval": "month"},
            "product_data": {"name": label},
        }
        async with self._answered("amount"):
            session = await self._opened().v1.checkout.sessions.create_async(
                {
                    "mode": "subscription",
                    "line_items": [{"quantity": 1, "price_data": price}],
                    "client_reference_id": subscription_id,
                    "metadata": metadata,
                    "subscription_data": {"metadata": metadata},
                    "success_url": back_to,
                    "cancel_url": back_to,
                },
                {"idempotency_key": f"{subscription_id}-session"},
            )
        return str(session.id), str(session.url)

    async def close_session(self, session_id: str) -> None:
        with contextlib.suppress(self._lib.InvalidRequestError):  # it has ended by itself
            async with self._answered(""):
                await self._opened().v1.checkout.sessions.expire_async(session_id)

    async def end_subscription(self, stripe_id: str) -> None:
        """Now, whatever was paid."""
        with contextlib.suppress(self._lib.InvalidRequestError):  # it has ended by itself
            async with self._answered(""):
                await self._opened().v1.subscriptions.cancel_async(stripe_id)

    async def resume_subscription(self, stripe_id: str) -> None:
        """It does not end with what was paid. Raises a 409 for one that has ended."""
        try:
            async with self._answered(""):
                await self._opened().v1.subscriptions.update_async(stripe_id, {"cancel_at_period_end": False})
        except self._lib.InvalidRequestError as error:
            raise Problem(409, "The subscription has ended at Stripe") from error

    async def cancel_subscription(self, stripe_id: str) -> None:
        """At the end of what was paid."""
        with contextlib.suppress(self._lib.InvalidRequestError):  # it has ended by itself
            async with self._answered(""):
                await self._opened().v1.subscriptions.update_async(stripe_id, {"cancel_at_period_end": True})

    async def change_subscription(self, stripe_id: str, *, amount: int, currency: str, label: str) -> None:
        """https://docs.stripe.com/billing/subscriptions/upgrade-downgrade"""
        client = self._opened()
        async with self._answered("amount"):
            held = await client.v1.subscriptions.retrieve_async(stripe_id)
            price = await client.v1.prices.create_async(
                {
                    "currency": currency.lower(),
                    "unit_amount": to_stripe(amount, currency),
                    "recurring": {"interval": "month"},
                    "product_data": {"name": label},
                }
            )
            item = held["items"]["data"][0]["id"]
            changed: dict[str, Any] = {
                "items": [{"id": item, "price": price.id}],
                "proration_behavior": "always_invoice",
            }
            await client.v1.subscriptions.update_async(stripe_id, changed)

    async def portal(self, customer: str, *, back_to: str) -> str:
        """https://docs.stripe.com/api/customer_portal/sessions"""
        async with self._answered(""):
            session = await self._opened().v1.billing_portal.sessions.create_async(
                {"customer": customer, "return_url": back_to}
            )
        return str(session.url)

    async def open_account(self, person_id: str) -> str:
        """An account of Stripe Connect that transfers may go to: its id. Raises as ``open`` does."""
        async with self._answered(""):
            account = await self._opened().v1.accounts.create_async(
                {
                    "type": "express",
                    "capabilities": {"transfers": {"requested": True}},
                    "metadata": {"socialflow_person": person_id},
                },
                {"idempotency_key": f"{person_id}-account"},
            )
        return str(account.id)

    async def onboarding_url(self, account: str, *, back_to: str) -> str:
        """A page that is good once, on which the account's holder says who they are."""
        async with self._answered(""):
            link = await self._opened().v1.account_links.create_async(
                {"account": account, "type": "account_onboarding", "refresh_url": back_to, "return_url": back_to}
            )
        return str(link.url)

    async def send(self, account: str, *, amount: int, currency: str, key: str) -> str:
        """Transfer to an account of Connect: empty, or why Stripe refuses it. Raises ``Unavailable``."""
        given = {"destination": account, "amount": to_stripe(amount, currency), "currency": currency.lower()}
        try:
            async with self._answered(""):
                await self._opened().v1.transfers.create_async(given, {"idempotency_key": key})
        except self._lib.InvalidRequestError as error:
            return _reason(error)
        return ""

    async def aclose(self) -> None:
        if self._client is not None:
            self._client = None
            await self._http.close_async()

    def _opened(self) -> Any:
        """Made where the event loop runs that it is used on."""
        if self._client is None:
            from stripe._http_client import AIOHTTPClient

            self._http = AIOHTTPClient(timeout=CALL_S)
            self._client = self._lib.StripeClient(
                self._key,
                base_addresses={"api": self._base},
                http_client=self._http,
                max_network_retries=RETRIES,
            )
        return self._client

    async def _session(self, asked: Asked, amount: int, metadata: dict[str, str]) -> Any:
        """None where Checkout is not to be had: then a payment is made with the client secret alone."""
        item = {
            "quantity": 1,
            "price_data": {
                "currency": asked.currency.lower(),
                "unit_amount": amount,
                "product_data": {"name": asked.label},
            },
        }
        try:
            async with self._answered("amount"):
                return await self._opened().v1.checkout.sessions.create_async(
                    {
                        "mode": "payment",
                        "line_items": [item],
                        "client_reference_id": asked.payment_id,
                        "metadata": metadata,
                        "payment_intent_data": {"metadata": metadata},
                        "success_url": asked.back_to,
                        "cancel_url": asked.back_to,
                    },
                    {"idempotency_key": f"{asked.payment_id}-session"},
                )
        except (Problem, self._lib.InvalidRequestError) as error:
            log.warning("Stripe has no Checkout page for the payment %s: %s", asked.payment_id, error)
            return None

    @contextlib.asynccontextmanager
    async def _answered(self, field: str) -> AsyncIterator[None]:
        """Turns the library's errors into ours. ``field``: of the request, that an invalid one is told of."""
        try:
            async with asyncio.timeout(CALL_S * (RETRIES + 1)):
                yield
        except (self._lib.APIConnectionError, self._lib.RateLimitError, TimeoutError) as error:
            raise Unavailable("stripe", "it does not answer") from error
        except self._lib.InvalidRequestError as error:
            if field and error.param in ("amount", "currency"):
                raise invalid_field(error.param, error.user_message or "Stripe does not take it") from error
            raise
        except self._lib.AuthenticationError as error:
            log.error("Stripe does not know stripe_secret_key")
            raise Problem(503, "Payments are not set up rightly", slug="payments-not-configured") from error
        except self._lib.APIError as error:
            raise Unavailable("stripe", "it has failed") from error


def _reason(error: Any) -> str:
    return str(error.user_message or error)[:300] or "Stripe does not say why"
