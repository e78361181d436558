"""Outgoing mail: what other rooms may use."""

from server.outbound.mail.outbox import Outbox, Recipient, erase

__all__ = ["Outbox", "Recipient", "erase"]
