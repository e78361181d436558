"""Outgoing mail: what other rooms may use, and how it joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.jobs import repeated
from server.outbound.mail.outbox import Outbox, Recipient, erase
from server.outbound.mail.routes import MailRoutes
from server.outbound.mail.smtp import SmtpClient
from server.outbound.mail.templates import Templates
from server.outbound.settings import MailSettings, Site, sender_of, server_of
from server.outbound.tokens import LinkTokens

__all__ = ["LinkTokens", "MailRoom", "Outbox", "Recipient", "build"]

PRUNE_S: Final = 3_600.0
SECTIONS: Final = (
    rows_by_id(
        "mails",
        "id, address, name, template, language, subject, state, created_at, ended_at",
        "mails where person_id = $1",
    ),
)


@dataclass(frozen=True, kw_only=True)
class MailRoom:
    feature: Feature
    outbox: Outbox
    tokens: LinkTokens


def build(platform: Platform, *, settings: MailSettings, site: Site) -> MailRoom:
    templates = Templates(server=site.name, origin=site.origin)
    outbox = _outbox(platform, settings, site, templates)
    tokens = LinkTokens(db=platform.db)
    routes = MailRoutes(db=platform.db, outbox=outbox, templates=templates, audit=platform.audit)
    feature = Feature(
        name="mail",
        operations=routes.operations(),
        jobs=[outbox.job],
        schedules=[
            repeated("mail.prune", outbox.prune, every_s=PRUNE_S),
            repeated("mail.prune_tokens", tokens.prune, every_s=PRUNE_S),
        ],
        personal_data=PersonalData(tables=frozenset({"mails", "mail_tokens"}), sections=SECTIONS, erase=erase),
    )
    return MailRoom(feature=feature, outbox=outbox, tokens=tokens)


def _outbox(platform: Platform, settings: MailSettings, site: Site, templates: Templates) -> Outbox:
    server, sender = server_of(settings), sender_of(settings, origin=site.origin)
    return Outbox(
        db=platform.db,
        jobs=platform.jobs,
        ids=platform.ids,
        clock=platform.node.clock,
        templates=templates,
        client=None if server is None else SmtpClient(server, hello=sender.rpartition("@")[2]),
        sender=sender,
        sender_name=site.name,
        kept_days=settings.mail_kept_days,
    )
