"""Mails under fire, in small: `bench mail` does the same with ten thousand mails and twenty kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.mail_kills import under_fire
from bench.mail_notes import read_notes

SENT = ["gives m 1", "taken m 9", "answered m 9", "read m 1", "marked m 1"]
AGAIN = ["gives m 2", "taken m 9"]


async def test_no_mail_is_lost_when_nodes_and_the_smtp_server_are_killed(database_url: str, tmp_path: Path) -> None:
    toll = await under_fire(database_url, tmp_path, mails=60, kills=2, within_s=45)
    assert toll.lost == 0
    assert "needless" not in toll.again, toll


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (["gives m 1", "killed - 1"], {}),
        ([*SENT[:2], "killed - 9"], {"unanswered": 1}),
        ([*SENT[:3], "killed - 1"], {"unread": 1}),
        ([*SENT[:4], "killed - 1"], {"unmarked": 1}),
        ([*SENT, "killed - 1"], {"needless": 1}),
        (SENT[:3], {"needless": 1}),
    ],
)
def test_a_mail_that_is_taken_again_counts_by_where_the_kill_came(before: list[str], again: dict[str, int]) -> None:
    found = read_notes([*before, *AGAIN])
    assert (found.taken, found.again) == (1, again)
