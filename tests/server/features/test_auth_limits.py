"""What auth calls tell of their limits, and what they note of forged tokens."""

from __future__ import annotations

import re
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.describe import features
from server.http.application import HttpSettings
from server.http.identity import Identity
from server.http.limits import CallRate, TokenBuckets, limit_header, policy_header
from tests.server.conftest import PASSWORD, ApiFixture, Serve
from tests.server.kit import Kit

LOGIN = "/api/v1/auth/login"
WRONG = {"login": "nobody_1", "password": "wrong"}


async def test_answers_tell_the_policy_and_what_is_left_of_it(kit: Kit, serve: Serve) -> None:
    operations = kit.install().people.feature.operations
    client = await serve(*operations, settings=HttpSettings(limit_loopback=True))
    first, second = [await client.post(LOGIN, json=WRONG) for _ in range(2)]
    assert first.headers["RateLimit-Policy"] == '"login";q=20;w=40'
    assert first.headers["RateLimit"] == '"login";r=19;t=2'
    assert re.fullmatch('"login";r=18;t=[34]', second.headers["RateLimit"])
    answers = [await client.post(LOGIN, json={}) for _ in range(20)]
    assert answers[-1].status == 429
    assert answers[-1].headers["RateLimit"].startswith('"login";r=0;t=')
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_nodes_share_what_is_left(kit: Kit, serve: Serve) -> None:
    limiter = TokenBuckets()
    operations = kit.install().people.feature.operations
    nodes = [await serve(*operations, settings=HttpSettings(limit_loopback=True), limiter=limiter) for _ in range(2)]
    left = [(await node.post(LOGIN, json=WRONG)).headers["RateLimit"] for node in nodes]
    assert [one.split(";")[1] for one in left] == ["r=19", "r=18"]


async def test_an_address_that_is_limited_on_one_node_is_told_so_by_every_auth_call_of_another(
    kit: Kit, serve: Serve
) -> None:
    limiter = TokenBuckets(monotonic=lambda: 0.0)
    installed = kit.install().features
    calls = [one for feature in installed for one in feature.operations if one.path.startswith("/api/v1/auth/")]
    here, there = [await serve(*calls, settings=HttpSettings(limit_loopback=True), limiter=limiter) for _ in range(2)]
    for _ in range(20):
        assert (await here.post(LOGIN, json={})).status == 422
    for call in calls:
        assert call.rate is not None
        while (await limiter.take("127.0.0.1", call.rate)).wait_s == 0:
            pass
        answer = await there.request(call.method, _any_path(call.path), allow_redirects=False)
        limit = rf'"{call.rate.name}";r=0;t=\d+'
        assert (answer.status, (await answer.json())["type"]) == (429, "/problems/too-many-requests"), call.name
        assert re.fullmatch(limit, answer.headers["RateLimit"]), call.name
        assert answer.headers["RateLimit-Policy"] == policy_header([call.rate])
        assert int(answer.headers["Retry-After"]) >= 1


def _any_path(path: str) -> str:
    return re.sub(r"{\w+}", "x", re.sub(r"{\w*id}", str(UUID(int=7)), path))


async def test_a_call_that_counts_for_address_and_account_tells_of_both(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answer = await ada.ask("POST", "/auth/email/resend")
    assert answer.headers["RateLimit-Policy"] == '"change_password";q=20;w=40, "account_mails";q=5;w=600'
    assert answer.headers["RateLimit"].startswith('"change_password";r=20;t=0, "account_mails";r=4;t=1')


def test_every_auth_call_has_a_limit() -> None:
    calls = [one for feature in features() for one in feature.operations if one.path.startswith("/api/v1/auth/")]
    assert len(calls) > 10
    assert [f"{one.method} {one.path}" for one in calls if one.rate is None] == []


async def test_headers_are_structured_fields() -> None:
    rate = CallRate("a", per_s=0.3, burst=4)
    taken = await TokenBuckets(monotonic=lambda: 0.0).take("k", rate)
    assert policy_header([rate]) == '"a";q=4;w=14'
    assert limit_header([(rate, taken)]) == '"a";r=3;t=4'


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA"])
async def test_a_forged_access_token_is_refused_and_logged_once_in_a_while(
    kit: Kit, serve: Serve, identity: Identity, alg: str
) -> None:
    people = kit.install().people
    client = await serve(*people.feature.operations, on_forged=people.suspicions.forged_token)
    key = {"none": None, "HS256": "x" * 64, "EdDSA": Ed25519PrivateKey.generate()}[alg]
    (kid,) = [row["kid"] for row in await kit.database.fetch("select kid from signing_keys")]
    claims = {"sub": "a", "sid": "b", "jti": "c", "iat": 1, "exp": 9e9, "iss": "socialflow", "aud": "socialflow"}
    token = jwt.encode(claims, key, alg, {"kid": kid, "typ": "at+jwt"})
    for _ in range(8):
        answer = await client.get("/api/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 401
    rows = await kit.database.fetch("select action from audit_log")
    assert [row["action"] for row in rows] == ["access_token.forged"] * 5


@pytest.mark.parametrize("kid", ["../../etc/passwd", "k1' or '1'='1", "k1;drop table users", "", "k1\x00", "é"])
async def test_a_key_id_of_another_kind_is_an_unknown_key(api: ApiFixture, identity: Identity, kid: str) -> None:
    ada = await api.register("ada")
    claims = jwt.decode(ada.access_token, options={"verify_signature": False})
    token = jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", {"kid": kid, "typ": "at+jwt"})
    answer = await api.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, (await answer.json())["code"]) == (401, "token_invalid")
    assert (await ada.ask("GET", "/me")).status == 200


async def test_tokens_of_a_deleted_person_are_refused(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    assert (await ada.ask("GET", "/me")).status == 401
    late = Identity(rows=api.database)
    await late.start()
    assert late.is_revoked(jwt.decode(ada.access_token, options={"verify_signature": False})["sid"])
    await late.close()
