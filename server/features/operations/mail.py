"""Outgoing mail as a feature: its jobs, what operators see of it, and what it holds on people."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.jobs import repeated
from server.outbound.mail import Mail, erase
from server.outbound.mail.routes import MailRoutes

PRUNE_S: Final = 3_600.0
SECTIONS: Final = (
    rows_by_id(
        "mails",
        "id, address, name, template, language, subject, state, created_at, ended_at",
        "mails where person_id = $1",
    ),
)


def build(platform: Platform, *, mail: Mail) -> Feature:
    routes = MailRoutes(db=platform.db, outbox=mail.outbox, templates=mail.templates, audit=platform.audit)
    return Feature(
        name="mail",
        operations=routes.operations(),
        jobs=[mail.outbox.job],
        schedules=[
            repeated("mail.prune", mail.outbox.prune, every_s=PRUNE_S),
            repeated("mail.prune_tokens", mail.tokens.prune, every_s=PRUNE_S),
        ],
        personal_data=PersonalData(tables=frozenset({"mails", "mail_tokens"}), sections=SECTIONS, erase=erase),
    )
