"""Outgoing mail: what other rooms may use."""

from __future__ import annotations

from dataclasses import dataclass

from actors.runtime import Clock
from server.jobs import Jobs
from server.outbound.mail.outbox import Outbox, Recipient, erase
from server.outbound.mail.smtp import SmtpClient
from server.outbound.mail.templates import Templates
from server.outbound.settings import MailSettings, Site, sender_of, server_of
from server.outbound.tokens import LinkTokens
from storage.ids import Ids
from storage.postgres import Database

__all__ = ["LinkTokens", "Mail", "Outbox", "Recipient", "Templates", "erase", "open_mail"]


@dataclass(frozen=True, kw_only=True)
class Mail:
    """``tokens``: of the links in mails."""

    outbox: Outbox
    tokens: LinkTokens
    templates: Templates


def open_mail(*, db: Database, jobs: Jobs, ids: Ids, clock: Clock, settings: MailSettings, site: Site) -> Mail:
    """As the settings have it. Nothing is connected yet."""
    templates = Templates(server=site.name, origin=site.origin)
    server, sender = server_of(settings), sender_of(settings, origin=site.origin)
    outbox = Outbox(
        db=db,
        jobs=jobs,
        ids=ids,
        clock=clock,
        templates=templates,
        client=None if server is None else SmtpClient(server, hello=sender.rpartition("@")[2]),
        sender=sender,
        sender_name=site.name,
        kept_days=settings.mail_kept_days,
    )
    return Mail(outbox=outbox, tokens=LinkTokens(db=db), templates=templates)
