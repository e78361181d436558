from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.http.errors import Unauthorized
from server.http.identity import Caller, Forged, Identity
from storage.postgres import Database

ADA = Caller(
    id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11",
    username="ada",
    display_name="Ada",
    roles=frozenset({"viewer"}),
    session_id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a22",
)


def _code(identity: Identity, token: str) -> str:
    with pytest.raises(Unauthorized) as refused:
        identity.verify(token)
    return refused.value.code


async def _forge(database: Database, token: str, *, claims: dict[str, Any] | None = None, **header: Any) -> str:
    """The same token signed with the cluster's own key, but for what is given."""
    row = await database.fetchrow("select kid, secret from signing_keys")
    assert row is not None
    key = Ed25519PrivateKey.from_private_bytes(row["secret"])
    held = jwt.decode(token, options={"verify_signature": False})
    merged = {name: value for name, value in {**held, **(claims or {})}.items() if value is not None}
    return jwt.encode(merged, key, "EdDSA", {"kid": row["kid"], "typ": "at+jwt", **header})


async def test_token_says_who_it_is_for_on_every_node(identity: Identity, database: Database) -> None:
    token, expires_in = identity.mint(ADA)
    elsewhere = Identity(rows=database)
    await elsewhere.start()
    assert elsewhere.verify(token) == identity.verify(token) == ADA
    assert expires_in == 900
    assert await database.fetchval("select count(*) from signing_keys") == 1
    await elsewhere.close()


async def test_nodes_that_start_at_once_share_one_key(database: Database) -> None:
    nodes = [Identity(rows=database) for _ in range(4)]
    await asyncio.gather(*(node.start() for node in nodes))
    token, _ = nodes[0].mint(ADA)
    assert all(node.verify(token) == ADA for node in nodes)
    for node in nodes:
        await node.close()


async def test_token_expires(database: Database) -> None:
    now = 1_800_000_000.0
    identity = Identity(rows=database, wall=lambda: now)
    await identity.start()
    token, expires_in = identity.mint(ADA)
    now += expires_in
    assert identity.verify(token) == ADA
    now += 6
    assert _code(identity, token) == "token_expired"
    await identity.close()


async def test_token_with_no_signature_or_another_algorithm_is_refused(identity: Identity) -> None:
    token, _ = identity.mint(ADA)
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    headers = {"kid": kid, "typ": "at+jwt"}
    assert _code(identity, jwt.encode(claims, None, "none", headers)) == "token_invalid"
    assert _code(identity, jwt.encode(claims, "x" * 64, "HS256", headers)) == "token_invalid"
    assert _code(identity, jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers)) == "token_invalid"


async def test_token_that_was_altered_is_refused(identity: Identity) -> None:
    head, body, signature = identity.mint(ADA)[0].split(".")
    claims = json.loads(urlsafe_b64decode(body + "=="))
    claims["roles"] = ["admin"]
    altered = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert _code(identity, f"{head}.{altered}.{signature}") == "token_invalid"
    assert _code(identity, f"{head}.{body}.{signature[:-4]}AAAA") == "token_invalid"


@pytest.mark.parametrize(
    "claims",
    [{"iss": "other"}, {"aud": "other"}, {"aud": None}, {"exp": None}, {"sub": None}, {"sid": None}, {"sub": 7}],
)
async def test_token_for_another_use_is_refused(identity: Identity, database: Database, claims: dict[str, Any]) -> None:
    token = await _forge(database, identity.mint(ADA)[0], claims=claims)
    assert _code(identity, token) == "token_invalid"


@pytest.mark.parametrize(
    "kid", ["../../../etc/passwd", "/dev/null", "k1' or '1'='1", "k1\\x00", "https://evil.example/key", "", "K1"]
)
async def test_an_id_of_a_key_that_tries_for_something_else_is_taken_for_a_forgery(
    identity: Identity, database: Database, kid: str
) -> None:
    token = await _forge(database, identity.mint(ADA)[0], kid=kid)
    with pytest.raises(Forged):
        identity.verify(token)


async def test_a_key_that_is_no_more_is_no_forgery(identity: Identity, database: Database) -> None:
    token = await _forge(database, identity.mint(ADA)[0], kid="k0123456789abcdef")
    with pytest.raises(Unauthorized) as refused:
        identity.verify(token)
    assert type(refused.value) is Unauthorized


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"kid": "other"}, {"kid": ""}])
async def test_token_of_another_kind_or_key_is_refused(
    identity: Identity, database: Database, header: dict[str, Any]
) -> None:
    good = await _forge(database, identity.mint(ADA)[0])
    assert identity.verify(good) == ADA
    assert _code(identity, await _forge(database, good, **header)) == "token_invalid"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "é.é.é", "x" * 10_000, "\udcff.a.b"])
async def test_what_is_no_token_is_refused(identity: Identity, token: str) -> None:
    assert _code(identity, token) == "token_invalid"


async def test_revoked_session_is_refused_at_once_and_heard_of_once(identity: Identity) -> None:
    heard: list[tuple[str, str]] = []
    identity.on_revoked(lambda session_id, reason: heard.append((session_id, reason)))
    token, _ = identity.mint(ADA)
    identity.revoke(ADA.session_id, "logout")
    identity.revoke(ADA.session_id, "logout")
    assert _code(identity, token) == "token_revoked"
    assert heard == [(ADA.session_id, "logout")]


async def test_session_that_was_ended_before_the_start_is_refused(identity: Identity, database: Database) -> None:
    token, _ = identity.mint(ADA)
    await database.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key) "
        "values ($1, 'a', 'a', 'a', 'a', '', 'a', 'a')",
        ADA.id,
    )
    await database.execute(
        "insert into auth_sessions (id, user_id, expires_at, revoked_at, revoked_reason) "
        "values ($1, $2, now() + interval '1 day', now() - interval '14 minutes', 'ended')",
        ADA.session_id,
        ADA.id,
    )
    late = Identity(rows=database)
    await late.start()
    assert _code(late, token) == "token_revoked"
    await late.close()


async def test_retired_key_signs_no_more_but_its_tokens_live_on(identity: Identity, database: Database) -> None:
    token, _ = identity.mint(ADA)
    await database.execute("update signing_keys set retired_at = now()")
    fresh = Identity(rows=database)
    await database.execute(
        "insert into signing_keys (kid, algorithm, secret) values ('k2', 'EdDSA', $1)",
        Ed25519PrivateKey.generate().private_bytes_raw(),
    )
    await fresh.start()
    assert fresh.verify(token) == ADA
    assert jwt.get_unverified_header(fresh.mint(ADA)[0])["kid"] == "k2"
    await fresh.close()


async def test_token_that_was_taken_before_is_refused_once_its_session_ends_or_its_time_is_up(
    database: Database,
) -> None:
    now = 1_800_000_000.0
    identity, elsewhere = (Identity(rows=database, wall=lambda: now) for _ in range(2))
    for node in (identity, elsewhere):
        await node.start()
    token, expires_in = identity.mint(ADA)
    other, _ = identity.mint(replace(ADA, session_id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a33"))
    for node in (identity, elsewhere):
        assert [node.verify(one).id for one in (token, other, token, other)] == [ADA.id] * 4
        node.revoke(ADA.session_id, "logout")
        assert [_code(node, token) for _ in range(2)] == ["token_revoked"] * 2
        assert node.verify(other).id == ADA.id
    now += expires_in + 6
    for node in (identity, elsewhere):
        assert [_code(node, other) for _ in range(2)] == ["token_expired"] * 2
        await node.close()


async def test_token_that_was_taken_before_is_refused_once_its_key_is_gone(
    identity: Identity, database: Database
) -> None:
    token, _ = identity.mint(ADA)
    assert identity.verify(token) == ADA
    await database.execute("delete from signing_keys")
    await identity.refresh()
    assert _code(identity, token) == "token_invalid"


async def test_altering_a_token_that_was_taken_before_makes_it_another_one(identity: Identity) -> None:
    token, _ = identity.mint(ADA)
    assert identity.verify(token) == ADA
    head, body, signature = token.split(".")
    assert _code(identity, f"{head}.{body}.{signature[:-4]}AAAA") == "token_invalid"
    assert _code(identity, token + "\ud800") == "token_invalid"


async def test_only_so_many_tokens_are_remembered(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.http.identity.MAX_KNOWN", 2)
    tokens = [identity.mint(ADA)[0] for _ in range(4)]
    assert [identity.verify(token) for token in tokens] == [ADA] * 4
    assert len(identity._known) == 2


async def test_keys_rotate_and_the_old_one_verifies_until_its_tokens_have_gone(
    identity: Identity, database: Database
) -> None:
    async def kid() -> str:
        await identity.refresh()
        return str(jwt.get_unverified_header(identity.mint(ADA)[0])["kid"])

    token, seal = identity.mint(ADA)[0], identity.seal(b"p", b"body")
    await identity.rotate_keys(days=30)
    assert await kid() == "k1"
    await database.execute("update signing_keys set created_at = now() - interval '31 days'")
    await identity.rotate_keys(days=30)
    assert await kid() == "k1"  # other nodes may not know the new one yet
    await database.execute("update signing_keys set created_at = now() - interval '11 minutes' where kid <> 'k1'")
    assert await kid() != "k1"
    await identity.rotate_keys(days=30)
    await identity.refresh()
    assert await database.fetchval("select retired_at is not null from signing_keys where kid = 'k1'")
    assert identity.verify(token) == ADA
    assert identity.is_sealed(b"p", b"body", seal)
    await database.execute("update signing_keys set retired_at = now() - interval '27 hours' where kid = 'k1'")
    await identity.refresh()
    assert _code(identity, token) == "token_invalid"
    await identity.rotate_keys(days=30)
    assert await database.fetchval("select count(*) from signing_keys") == 1


async def test_replaced_keys_verify_nothing_any_more_on_any_node(identity: Identity, database: Database) -> None:
    elsewhere = Identity(rows=database)
    await elsewhere.start()
    token = identity.mint(ADA)[0]
    assert elsewhere.verify(token) == ADA
    kid = await identity.replace_keys()
    for node in (identity, elsewhere):
        await node.refresh()
        assert _code(node, token) == "token_invalid"
        assert jwt.get_unverified_header(node.mint(ADA)[0])["kid"] == kid
    await elsewhere.close()


async def test_a_session_ended_on_one_node_is_refused_on_another_by_postgres_alone(database: Database) -> None:
    here, there = (Identity(rows=database, poll_s=0.02) for _ in range(2))
    for node in (here, there):
        await node.start()
    await database.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key) "
        "values ($1, 'a', 'a', 'a', 'a', '', 'a', 'a')",
        ADA.id,
    )
    add = "insert into auth_sessions (id, user_id, expires_at) values ($1, $2, now() + interval '1 day')"
    await database.execute(add, ADA.session_id, ADA.id)
    heard = asyncio.Event()
    there.on_revoked(lambda *_: heard.set())
    token = here.mint(ADA)[0]
    assert there.verify(token) == ADA
    await database.execute("update auth_sessions set revoked_at = clock_timestamp() where id = $1", ADA.session_id)
    async with asyncio.timeout(30):
        await heard.wait()
    assert _code(there, token) == "token_revoked"
    for node in (here, there):
        await node.close()
