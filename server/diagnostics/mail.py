"""Checks of outgoing mail."""

from __future__ import annotations

from typing import Final

from server.config import Settings
from server.diagnostics.findings import Finding, fine, problem
from server.outbound.settings import server_of

ANSWER_S: Final = 15.0


async def check_mail(settings: Settings) -> list[Finding]:
    """Connects to the SMTP server and signs in; no mail is sent."""
    from server.outbound.mail.smtp import Deferred, SmtpClient

    server = server_of(settings)
    if server is None:
        return [fine("mail", "no SMTP server: mails are kept, for admins to read at /admin/mail")]
    try:
        await SmtpClient(server, hello="localhost", prepare_s=ANSWER_S).check()
    except Deferred as error:
        return [problem("mail", str(error), "see that it runs and that smtp_url, its user and its password are right")]
    return [fine("mail", f"{server} lets us in")]
