"""How many mails a second leave a node, and what is lost or comes twice when nodes and the SMTP server are killed.

The engine is an embedded Postgres in a fresh folder with synchronous commit, the SMTP server is aiosmtpd on loopback,
without TLS. A mail is sent once its row is marked as sent.

SMTP has no way to ask for what became of a mail (RFC 1047), so a mail whose node is killed after the server has taken
it and before the row says so is sent again rather than lost. How often, and at which point, is counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.mail_kills import MailToll, under_fire
from bench.mail_notes import Why
from bench.report import Figure, figure
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate

TOO_LONG_S: Final = 900.0
BARS: Final[dict[Why, float]] = {"needless": 0}


AGAIN: Final[dict[Why, str]] = {
    "unanswered": "again, as the server was killed before its answer",
    "unread": "again, as the node was killed before it had read the answer",
    "unmarked": "again, as the node was killed between the answer and its commit",
    "needless": "again without such a kill",
}


def _figures(toll: MailToll) -> list[Figure]:
    name = f"{toll.mails:,} mails over {toll.kills} kills"
    again = [
        figure("mail", f"{name}: {words}", [toll.again.get(why, 0)], "mails", better="lower", bar=BARS.get(why))
        for why, words in AGAIN.items()
    ]
    return [
        figure("mail", f"{name}: lost", [toll.lost], "mails", better="lower", bar=0),
        *again,
        figure("mail", f"{name}: sent", [toll.mails / toll.took_s], "mails/s", better="higher"),
    ]


async def _all(options: argparse.Namespace, engine: EmbeddedPostgres, folder: Path) -> list[Figure]:
    url = await asyncio.to_thread(engine.start)
    await migrate(url)
    toll = await under_fire(url, folder, mails=options.mails, kills=options.kills, within_s=TOO_LONG_S)
    return _figures(toll)


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench mail", description=__doc__)
    parser.add_argument("--mails", type=int, default=10_000, help="mails to be delivered")
    parser.add_argument("--kills", type=int, default=20, help="kills meanwhile, of nodes and the SMTP server in turn")
    report.options(parser)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            figures = uvloop.run(_all(options, engine, Path(folder)))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
