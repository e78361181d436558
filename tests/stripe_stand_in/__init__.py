"""A stand-in for Stripe over HTTP: Payment Intents, Checkout sessions and refunds, in the shapes of its public API
description, with a state machine that refuses what Stripe refuses. Tests alone use it.
"""

from tests.stripe_stand_in.server import StripeStandIn

__all__ = ["StripeStandIn"]
