"""Mails under fire, in small: `bench mail` does the same with ten thousand mails and twenty kills."""

from __future__ import annotations

from pathlib import Path

from bench.mail_kills import under_fire


async def test_no_mail_is_lost_when_nodes_and_the_smtp_server_are_killed(database_url: str, tmp_path: Path) -> None:
    toll = await under_fire(database_url, tmp_path, mails=60, kills=2, within_s=45)
    assert toll.lost == 0
    assert toll.twice < 10, "what is marked as sent is not sent again"
