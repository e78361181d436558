"""The server: form-encoded requests as Stripe's libraries make them, JSON answers, signed events."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

SECRET_KEY = "sk_test_stand_in"
WEBHOOK_SECRET = "whsec_stand_in"


class Refused(Exception):
    def __init__(self, message: str, *, param: str | None = None, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, "param": param, "code": code}


@dataclass
class StripeStandIn:
    """``events`` are what Stripe would post, in the order in which they came about; ``signed`` signs one."""

    has_checkout: bool = True
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    prices: dict[str, int] = field(default_factory=dict)
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    answers: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    transferred: dict[str, int] = field(default_factory=dict)
    page_size: int = 100
    fee: int | None = 30
    is_away: bool = False
    server: TestServer | None = None

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    async def start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._answer)
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server(shutdown_timeout=0)
        return str(self.server.make_url("")).rstrip("/")

    async def close(self) -> None:
        if self.server is not None:
            await self.server.close()

    def account_changes(self, account: str, *, is_ready: bool) -> None:
        """As told by Stripe: an event that names the account it is of."""
        (self.ready.add if is_ready else self.ready.discard)(account)
        self._happens("account.updated", {"id": account, "object": "account", "payouts_enabled": is_ready})
        self.events[-1]["account"] = account

    # What payers and their banks do.

    def pay(self, intent_id: str) -> None:
        intent = self.intents[intent_id]
        self._charge(intent)
        self._happens("payment_intent.succeeded", intent)

    def take_fee(self, intent_id: str, fee: int) -> None:
        """For payments without ``fee``: it may be known a while afterwards."""
        charge = self.charges[self.intents[intent_id]["latest_charge"]]
        charge["balance_transaction"] = self._moved(charge, fee)

    def pay_session(self, session_id: str) -> None:
        session = self.sessions[session_id]
        if session["status"] != "open":
            raise Refused("This Checkout Session is no longer open")
        intent = self._intent(session["amount_total"], session["currency"], session["intent_metadata"])
        self.pay(intent["id"])
        session |= {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"]}
        self._happens("checkout.session.completed", session)

    def begin_subscription(self, session_id: str) -> None:
        session = self.sessions[session_id]
        if session["status"] != "open" or session["mode"] != "subscription":
            raise Refused("This Checkout Session is no longer open")
        subscription = {
            "id": self._id("sub"), "object": "subscription", "status": "active", "cancel_at_period_end": False,
            "metadata": session["subscription_metadata"], "amount": session["amount_total"],
            "currency": session["currency"], "customer": self._id("cus"),
            "items": {"object": "list", "data": [{"id": self._id("si"), "object": "subscription_item"}]},
        }  # fmt: skip
        self.customers.add(subscription["customer"])
        self.subscriptions[subscription["id"]] = subscription
        session |= {"status": "complete", "payment_status": "paid", "subscription": subscription["id"]}
        session["customer"] = subscription["customer"]
        self._happens("checkout.session.completed", session)
        self.bill(subscription["id"])

    def bill(self, subscription_id: str, *, amount: int | None = None, reason: str = "subscription_cycle") -> None:
        subscription = self.subscriptions[subscription_id]
        if subscription["status"] != "active":
            raise Refused("This subscription is canceled")
        amount = subscription["amount"] if amount is None else amount
        intent = self._intent(amount, subscription["currency"], {})
        self._charge(intent)
        details = {"subscription": subscription_id, "metadata": subscription["metadata"]}
        paid_by = {"payment": {"type": "payment_intent", "payment_intent": intent["id"]}}
        invoice = {
            "id": self._id("in"), "object": "invoice", "amount_paid": amount, "billing_reason": reason,
            "customer": subscription["customer"],
            "currency": subscription["currency"], "parent": {"subscription_details": details},
            "payments": {"data": [paid_by]},
        }  # fmt: skip
        self._happens("invoice.paid", invoice)

    def fail_payment(self, subscription_id: str, *, reason: str = "subscription_cycle") -> None:
        """The card is refused for the invoice of the next month; Stripe tries again later."""
        subscription = self.subscriptions[subscription_id]
        invoice = {
            "id": self._id("in"), "object": "invoice", "amount_paid": 0, "amount_due": subscription["amount"],
            "billing_reason": reason, "customer": subscription["customer"], "currency": subscription["currency"],
            "parent": {"subscription_details": {"subscription": subscription_id, "metadata": subscription["metadata"]}},
            "attempt_count": 1,
        }  # fmt: skip
        self._happens("invoice.payment_failed", invoice)

    def end_subscription(self, subscription_id: str) -> None:
        self.subscriptions[subscription_id]["status"] = "canceled"
        self._happens("customer.subscription.deleted", self.subscriptions[subscription_id])

    def refund(self, intent_id: str, amount: int | None = None) -> None:
        self._refund({"payment_intent": intent_id, **({} if amount is None else {"amount": str(amount)})})

    def dispute(
        self, intent_id: str, status: str, kind: str = "created", amount: int | None = None, fees: Sequence[int] = ()
    ) -> None:
        charge = self.charges[self.intents[intent_id]["latest_charge"]]
        dispute = {
            "id": f"dp_{charge['id']}", "object": "dispute", "amount": amount or charge["amount"], "status": status,
            "charge": charge["id"], "currency": charge["currency"], "payment_intent": intent_id, "metadata": {},
            "balance_transactions": [
                {"id": self._id("txn"), "object": "balance_transaction", "fee": fee, "currency": "usd"} for fee in fees
            ],
        }  # fmt: skip
        self._happens(f"charge.dispute.{kind}", dispute)

    # What Stripe posts.

    @staticmethod
    def signed(event: dict[str, Any], *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> tuple[bytes, str]:
        """The body, and `Stripe-Signature`, as the documentation of Stripe's webhooks says it."""
        body, at = json.dumps(event).encode(), int(time.time()) if at is None else at
        mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return body, f"t={at},v1={mac}"

    def _happens(self, kind: str, found: dict[str, Any]) -> None:
        number = next(self._numbers)
        self.events.append(
            {
                "id": f"evt_{number}", "object": "event", "type": kind, "created": int(time.time()) + number,
                "livemode": False, "data": {"object": json.loads(json.dumps(found))},
            }
        )  # fmt: skip

    # What its API answers.

    async def _answer(self, request: web.Request) -> web.Response:
        if self.is_away:
            return web.json_response({"error": {"type": "api_error", "message": "away"}}, status=500)
        if request.headers.get("Authorization") not in (f"Bearer {SECRET_KEY}",):
            return web.json_response({"error": {"type": "invalid_request_error", "message": "bad key"}}, status=401)
        sent = request.query if request.method == "GET" else await request.post()
        form = {str(name): str(value) for name, value in sent.items()}
        path, key = request.match_info["path"], request.headers.get("Idempotency-Key", "")
        self.calls.append(f"{request.method} {path}")
        try:
            if request.method == "GET":
                return web.json_response(self._read(path, form))
            if request.method == "DELETE":
                return web.json_response(self._ended(path))
            return web.json_response(self._once(key, f"{path} {sorted(form.items())}", path, form))
        except Refused as refused:
            return web.json_response({"error": refused.error}, status=refused.status)

    def _once(self, key: str, told: str, path: str, form: dict[str, str]) -> dict[str, Any]:
        if key in self.answers:
            if self.answers[key][0] != told:
                raise Refused("Keys for idempotent requests can only be used with the same parameters")
            return self.answers[key][1]
        answer = self._route(path, form)
        if key:
            self.answers[key] = (told, json.loads(json.dumps(answer)))
        return answer

    def _route(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        if path == "payment_intents":
            return self._intent(int(form["amount"]), form["currency"], _metadata(form, "metadata"))
        if path == "checkout/sessions" and self.has_checkout:
            return self._session(form)
        if path == "accounts":
            return {"id": self._id("acct"), "object": "account", "payouts_enabled": False}
        if path == "account_links":
            return {"object": "account_link", "url": f"https://connect.stripe.test/{form['account']}"}
        if path == "transfers":
            return self._transfer(form)
        if path == "refunds":
            return self._refund(form)
        if found := re.fullmatch("payment_intents/(pi_[0-9]+)/cancel", path):
            return self._cancel(self.intents[found[1]])
        if path == "prices":
            self.prices[price_id := self._id("price")] = int(form["unit_amount"])
            return {"id": price_id, "object": "price"}
        if path == "billing_portal/sessions":
            if form["customer"] not in self.customers:
                raise Refused(f"No such customer: '{form['customer']}'", param="customer")
            return {"object": "billing_portal.session", "url": f"https://billing.stripe.test/{form['customer']}"}
        if (found := re.fullmatch("subscriptions/(sub_[0-9]+)", path)) and "items[0][price]" in form:
            return self._change(self.subscriptions[found[1]], form)
        if found := re.fullmatch("subscriptions/(sub_[0-9]+)", path):
            self.subscriptions[found[1]]["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
            return self.subscriptions[found[1]]
        if found := re.fullmatch("checkout/sessions/(cs_[0-9]+)/expire", path):
            return self._expire(self.sessions[found[1]])
        raise Refused(f"Unrecognized request URL ({path})", status=404)

    def _read(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        if path == "events":
            return self._listed(self.events, form)
        if path == "charges":
            return self._listed(list(self.charges.values()), form)
        if found := re.fullmatch("payment_intents/(pi_[0-9]+)", path):
            intent = self.intents[found[1]]
            is_expanded = form.get("expand[0]") == "latest_charge.balance_transaction" and intent["latest_charge"]
            return {**intent, "latest_charge": self.charges[intent["latest_charge"]]} if is_expanded else intent
        if found := re.fullmatch("subscriptions/(sub_[0-9]+)", path):
            return self.subscriptions[found[1]]
        raise Refused(f"Unrecognized request URL ({path})", status=404)

    def _ended(self, path: str) -> dict[str, Any]:
        subscription_id = path.removeprefix("subscriptions/")
        if self.subscriptions.get(subscription_id, {}).get("status") != "active":
            raise Refused(f"No such subscription: '{subscription_id}'", status=404)
        self.end_subscription(subscription_id)
        return self.subscriptions[subscription_id]

    def _change(self, subscription: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        """Half of the month is left. What a cheaper price leaves is a credit, which no event tells."""
        if form["items[0][id]"] != subscription["items"]["data"][0]["id"] or subscription["status"] != "active":
            raise Refused("No such subscription item", param="items[0][id]")
        before, subscription["amount"] = subscription["amount"], self.prices[form["items[0][price]"]]
        if form["proration_behavior"] == "always_invoice" and subscription["amount"] > before:
            due = (subscription["amount"] - before) // 2
            self.bill(subscription["id"], amount=due, reason="subscription_update")
        return subscription

    def _listed(self, what: list[dict[str, Any]], form: dict[str, str]) -> dict[str, Any]:
        """https://docs.stripe.com/api/pagination"""
        found = [one for one in reversed(what) if one["created"] >= int(form.get("created[gte]", 0))]
        if "starting_after" in form:
            found = found[[one["id"] for one in found].index(form["starting_after"]) + 1 :]
        size = min(self.page_size, int(form.get("limit", 10)))
        return {"object": "list", "data": found[:size], "has_more": len(found) > size, "url": "/v1"}

    def _intent(self, amount: int, currency: str, metadata: dict[str, str]) -> dict[str, Any]:
        if amount < 50:
            raise Refused("Amount must be at least 50", param="amount", code="amount_too_small")
        intent_id = self._id("pi")
        self.intents[intent_id] = {
            "id": intent_id, "object": "payment_intent", "amount": amount, "amount_received": 0, "currency": currency,
            "client_secret": f"{intent_id}_secret_x", "status": "requires_payment_method", "metadata": metadata,
            "latest_charge": None, "livemode": False,
        }  # fmt: skip
        return self.intents[intent_id]

    def _session(self, form: dict[str, str]) -> dict[str, Any]:
        session_id, item = self._id("cs"), "line_items[0]"
        self.sessions[session_id] = {
            "id": session_id, "object": "checkout.session", "mode": form["mode"], "status": "open",
            "payment_status": "unpaid", "payment_intent": None, "currency": form[f"{item}[price_data][currency]"],
            "amount_total": int(form[f"{item}[price_data][unit_amount]"]) * int(form[f"{item}[quantity]"]),
            "client_reference_id": form["client_reference_id"], "metadata": _metadata(form, "metadata"),
            "subscription_metadata": _metadata(form, "subscription_data[metadata]"),
            "intent_metadata": _metadata(form, "payment_intent_data[metadata]"),
            "url": f"https://checkout.stripe.test/{session_id}",
        }  # fmt: skip
        return self.sessions[session_id]

    def _refund(self, form: dict[str, str]) -> dict[str, Any]:
        if (intent := self.intents.get(form["payment_intent"])) is None:
            raise Refused(f"No such payment_intent: '{form['payment_intent']}'", param="payment_intent", status=404)
        if intent["status"] != "succeeded":
            raise Refused("This PaymentIntent does not have a successful charge to refund.")
        charge = self.charges[intent["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(form.get("amount", left))
        if amount > left or left == 0:
            raise Refused("Refund amount is greater than unrefunded amount on charge", param="amount")
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._happens("charge.refunded", charge)
        return {"id": self._id("re"), "object": "refund", "amount": amount, "status": "succeeded"}

    def _transfer(self, form: dict[str, str]) -> dict[str, Any]:
        if form["destination"] not in self.ready:
            raise Refused("Your destination account needs to have at least one of the following capabilities enabled")
        self.transferred[form["destination"]] = self.transferred.get(form["destination"], 0) + int(form["amount"])
        return {"id": self._id("tr"), "object": "transfer", "amount": int(form["amount"])}

    def _charge(self, intent: dict[str, Any]) -> None:
        if intent["status"] not in ("requires_payment_method", "processing"):
            raise Refused(f"This PaymentIntent's status is {intent['status']}")
        charge = {
            "id": self._id("ch"), "object": "charge", "amount": intent["amount"], "amount_refunded": 0,
            "currency": intent["currency"], "payment_intent": intent["id"], "metadata": dict(intent["metadata"]),
            "refunded": False, "disputed": False, "status": "succeeded", "created": int(time.time()),
            "balance_transaction": None,
        }  # fmt: skip
        self.charges[charge["id"]] = charge
        if self.fee is not None:
            charge["balance_transaction"] = self._moved(charge, self.fee)
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}

    def _moved(self, charge: dict[str, Any], fee: int) -> dict[str, Any]:
        moved = {"object": "balance_transaction", "amount": charge["amount"], "fee": fee, "currency": "usd"}
        return {"id": self._id("txn"), **moved}

    def _cancel(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] in ("succeeded", "canceled"):
            raise Refused(f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.")
        intent["status"] = "canceled"
        self._happens("payment_intent.canceled", intent)
        return intent

    def _expire(self, session: dict[str, Any]) -> dict[str, Any]:
        if session["status"] != "open":
            raise Refused('Only Checkout Sessions with a status in ["open"] can be expired.')
        session["status"] = "expired"
        return session

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"


def _metadata(form: dict[str, str], of: str) -> dict[str, str]:
    return {name[len(of) + 1 : -1]: value for name, value in form.items() if name.startswith(f"{of}[")}
