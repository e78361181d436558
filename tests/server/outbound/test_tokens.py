"""Single-use tokens of links."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

import pytest

from server.outbound.tokens import Grant, LinkTokens, Purpose
from storage.postgres import Database
from tests.server.outbound.conftest import ADA, BOB


class TokensFixture:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.verbs = LinkTokens(db=database)

    async def issue(
        self, person_id: str = ADA, purpose: Purpose = "verify_email", valid_s: float = 60.0, **detail: str
    ) -> str:
        async with self.database.transaction() as tx:
            return await self.verbs.issue(tx, person_id=person_id, purpose=purpose, valid_s=valid_s, detail=detail)

    async def redeem(self, token: str, purpose: Purpose = "verify_email") -> Grant | None:
        async with self.database.transaction() as tx:
            return await self.verbs.redeem(tx, token, purpose=purpose)


@pytest.fixture
async def tokens(database: Database, people: None) -> TokensFixture:
    return TokensFixture(database)


async def test_a_token_is_redeemed_once(tokens: TokensFixture) -> None:
    token = await tokens.issue(email="new@example.org")
    assert await tokens.redeem(token) == Grant(ADA, {"email": "new@example.org"})
    assert await tokens.redeem(token) is None


async def test_of_many_who_redeem_a_token_at_once_one_gets_it(tokens: TokensFixture) -> None:
    token = await tokens.issue()
    found = await asyncio.gather(*(tokens.redeem(token) for _ in range(8)))
    assert [grant for grant in found if grant] == [Grant(ADA, {})]


async def test_a_token_whose_redeeming_was_rolled_back_is_still_good(tokens: TokensFixture) -> None:
    token = await tokens.issue()
    with contextlib.suppress(ZeroDivisionError):
        async with tokens.database.transaction() as tx:
            assert await tokens.verbs.redeem(tx, token, purpose="verify_email")
            raise ZeroDivisionError
    assert await tokens.redeem(token)


async def test_a_reset_token_verifies_no_address(tokens: TokensFixture) -> None:
    token = await tokens.issue(purpose="reset_password")
    assert await tokens.redeem(token, "verify_email") is None
    assert await tokens.redeem(token, "reset_password")


async def test_a_token_ends_with_its_time(tokens: TokensFixture) -> None:
    assert await tokens.redeem(await tokens.issue(valid_s=-0.001)) is None


async def test_a_newer_token_of_the_purpose_voids_the_older_one(tokens: TokensFixture) -> None:
    older = await tokens.issue()
    await tokens.redeem(older)
    older, other, of_bob, newer = (
        await tokens.issue(),
        await tokens.issue(purpose="reset_password"),
        await tokens.issue(BOB),
        await tokens.issue(),
    )
    assert await tokens.redeem(older) is None
    assert await tokens.redeem(newer) == Grant(ADA, {})
    assert await tokens.redeem(of_bob) == Grant(BOB, {})
    assert await tokens.redeem(other, "reset_password")


async def test_void_tokens_are_redeemed_by_nobody(tokens: TokensFixture) -> None:
    void, other = await tokens.issue(purpose="reset_password"), await tokens.issue()
    async with tokens.database.transaction() as tx:
        await tokens.verbs.void(tx, ADA, "reset_password")
    assert await tokens.redeem(void, "reset_password") is None
    assert await tokens.redeem(other)


async def test_a_look_leaves_the_token(tokens: TokensFixture) -> None:
    token = await tokens.issue()
    assert await tokens.verbs.look(token, purpose="verify_email") == Grant(ADA, {})
    assert await tokens.verbs.look(token, purpose="reset_password") is None
    assert await tokens.redeem(token)
    assert await tokens.verbs.look(token, purpose="verify_email") is None


@pytest.mark.parametrize(
    "text", ["", "x", "a" * 42, "a" * 44, "a" * 42 + "\x00", "é" * 43, "' or 1=1 --" * 4, "a" * 10**6]
)
async def test_what_is_no_token_is_redeemed_by_nobody(tokens: TokensFixture, text: str) -> None:
    assert await tokens.redeem(text) is None
    assert await tokens.verbs.look(text, purpose="verify_email") is None


async def test_the_database_has_only_the_hash(tokens: TokensFixture) -> None:
    token = await tokens.issue()
    (row,) = await tokens.database.fetch("select * from mail_tokens")
    assert row["token_hash"] == hashlib.sha256(token.encode()).digest()
    assert token not in str(dict(row))


async def test_expired_tokens_are_pruned(tokens: TokensFixture) -> None:
    await tokens.issue(valid_s=-1)
    kept = await tokens.issue(BOB)
    await tokens.verbs.prune()
    assert await tokens.database.fetchval("select count(*) from mail_tokens") == 1
    assert await tokens.redeem(kept)
