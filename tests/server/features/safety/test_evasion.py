"""Accounts that may belong to a person who is shut out: hints for moderators, and nothing more."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from server.features.safety.cases.evasion import KEPT, MOST_SHARING, range_of
from storage.ids import Ids
from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board
from tests.server.features.safety.test_cases import moderator, report

_SESSION = """
insert into auth_sessions (id, user_id, ip, device_key, expires_at) values ($1, $2, $3, $4, now() + interval '1 day')
"""
_CROWD = """
insert into evasion_signals (person_id, kind, digest, seen_at)
select p.id, s.kind, s.digest, now() from evasion_signals s cross join users p
where s.kind = 'address' on conflict do nothing
"""
_STRANGERS = """
insert into users (id, username, username_key, display_name, email, email_key, password_hash, stream_key)
select gen_random_uuid(), 's' || n, 's' || n, 'S', 's' || n || '@example.org', 's' || n || '@example.org', '', 'k' || n
from generate_series(1, $1) n
"""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::5", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("127.0.0.1", None),
        ("::1", None),
        ("", None),
        ("no address", None),
    ],
)
def test_an_address_stands_for_its_network(address: str, network: str | None) -> None:
    assert range_of(address) == network


async def signed_in(board: Board, person: Someone, *, ip: str, device: bytes | None) -> None:
    await board.api.database.execute(_SESSION, Ids().uuid7(time.time()), person.id, ip, device)


async def run(board: Board, schedule: str) -> None:
    features = {one.name: one for one in board.api.kit.install().features}
    await board.api.kit.run_schedule(features["cases"], schedule)


async def hints(board: Board, mod: Someone, case_id: str) -> list[tuple[str, list[str]]]:
    whole = await board.do(mod, "GET", f"/moderation/cases/{case_id}", answers=200)
    return [(one["person"]["username"], one["shares"]) for one in whole["hints"]]


async def test_a_case_tells_which_accounts_that_are_shut_out_share_a_device_or_a_network(board: Board) -> None:
    banned, back, bob, other = await board.join("banned", "back", "bob", "other")
    mod = await moderator(board, "mod")
    await board.api.database.execute("update auth_sessions set device_key = null")  # the test has one for all
    await signed_in(board, banned, ip="203.0.113.7", device=b"phone")
    await signed_in(board, back, ip="203.0.113.200", device=b"phone")
    await signed_in(board, other, ip="203.0.113.9", device=None)
    await run(board, "cases.evasion")
    stored = await board.api.database.fetch("select digest from evasion_signals")
    assert all(len(row["digest"]) == 32 for row in stored)
    await report(board, bob, "person", back.id)
    (case,) = (await board.do(mod, "GET", "/moderation/queue", answers=200))["items"]
    assert await hints(board, mod, case["id"]) == []
    shut_out = "update users set suspended_until = now() + interval '9 days' where id = any($1::uuid[])"
    await board.api.database.execute(shut_out, [banned.id, other.id])
    assert await hints(board, mod, case["id"]) == [("banned", ["address", "device"]), ("other", ["address"])]
    await board.api.database.execute(_STRANGERS, MOST_SHARING)
    await board.api.database.execute(_CROWD)
    assert await hints(board, mod, case["id"]) == [("banned", ["device"])]
    older = "update evasion_signals set seen_at = seen_at - $1::interval"
    await board.api.database.execute(older, KEPT + timedelta(days=1))
    await run(board, "cases.evasion_prune")
    assert await hints(board, mod, case["id"]) == []
