"""Starting, coming back, exchanging and linking, whatever the provider."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.server.features.factors.holder import Holder, enrolled, slug
from tests.server.features.oauth.conftest import Providers, Wire
from tests.server.features.oauth.stand_in import Begun, StandIn

CLAIMS = {"email": "ada@example.org", "email_verified": True, "preferred_username": "ada"}
STALE = (400, "state-invalid")


@pytest.fixture
async def providers(wire: Wire, provider: StandIn) -> Providers:
    return await wire(provider.provider("oidc"))


async def _come_back(providers: Providers, provider: StandIn, flow: Begun, **claims: Any) -> ClientResponse:
    provider.answers["/token"] = {"id_token": provider.id_token(flow.nonce, **{**CLAIMS, **claims})}
    return await providers.call_back("oidc", flow)


async def _sign_in(providers: Providers, provider: StandIn, **claims: Any) -> str:
    """Where a sign-in leads to."""
    flow = await providers.start("oidc", mode="code")
    return (await _come_back(providers, provider, flow, **claims)).headers["Location"]


async def test_the_sign_in_page_is_told_of_the_providers(providers: Providers) -> None:
    methods = await (await providers.client.get("/api/v1/auth/methods")).json()
    assert methods["oauth"] == [{"provider": "oidc", "name": "Example ID"}]
    assert (await providers.client.get("/api/v1/auth/oauth/google/start")).status == 404


async def test_a_page_comes_back_with_the_session_as_a_cookie(providers: Providers, provider: StandIn) -> None:
    flow = await providers.start("oidc", return_to="/settings?tab=1")
    answer = await _come_back(providers, provider, flow)
    assert answer.headers["Location"] == "/settings?tab=1"
    cookie = answer.cookies["sf_refresh"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "/%2Fevil.example", "/%5cevil.example", "/%252F%252Fevil", "https://evil.example",
     "/\t/evil.example", "/%09/evil.example", "evil", "", "/a#b", "/" + "a" * 600],
)  # fmt: skip
async def test_return_to_is_a_path_of_this_server(providers: Providers, path: str) -> None:
    answer = await providers.client.get(
        "/api/v1/auth/oauth/oidc/start", params={"return_to": path}, allow_redirects=False
    )
    assert await slug(answer) == (422, "invalid")
    assert [one["field"] for one in (await answer.json())["errors"]] == ["return_to"]
    if len(path) < 500:
        logged = "select d.body::jsonb->>'return_to' from audit_log a join audit_details d on d.entry_id = a.id"
        noted = await providers.api.database.fetch(f"{logged} where action = 'oauth.return_to_refused'")
        assert [row[0] for row in noted] == [path]


async def test_a_state_is_good_once(providers: Providers, provider: StandIn) -> None:
    flow = await providers.start("oidc")
    assert (await _come_back(providers, provider, flow)).status == 302
    assert await slug(await _come_back(providers, provider, flow)) == STALE
    noted = "select count(*) from audit_log where action = 'oauth.state_refused'"
    assert await providers.api.database.fetchval(noted) == 1


async def test_a_state_of_another_browser_or_provider_or_of_nobody_is_refused(wire: Wire, provider: StandIn) -> None:
    providers = await wire(provider.provider("oidc"), provider.provider("github"))
    flow = await providers.start("oidc")
    assert await slug(await providers.call_back("github", flow)) == STALE
    for cookie in ("", "x" * 43):
        flow = await providers.start("oidc")
        assert await slug(await providers.call_back("oidc", flow, cookie=cookie)) == STALE
    assert await slug(await providers.call_back("oidc", flow, state="made up")) == STALE
    assert "/token" not in provider.paths()


async def test_a_state_is_good_for_ten_minutes(providers: Providers, provider: StandIn) -> None:
    flow = await providers.start("oidc")
    await providers.api.database.execute("update oauth_flows set expires_at = now() - interval '1 s'")
    assert await slug(await _come_back(providers, provider, flow)) == STALE


async def test_a_code_is_exchanged_once_within_a_minute(providers: Providers, provider: StandIn) -> None:
    location = await _sign_in(providers, provider)
    answer = await providers.exchange(location)
    assert answer.status == 200
    held = await answer.json()
    assert providers.api.identity.verify(held["access_token"]).username == "ada"
    assert await slug(await providers.exchange(location)) == (401, "code-invalid")
    location = await _sign_in(providers, provider)
    await providers.api.database.execute("update oauth_codes set expires_at = expires_at - interval '60 s'")
    assert await slug(await providers.exchange(location)) == (401, "code-invalid")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["our-client", "another-client"]},
        {"aud": ["our-client", "another-client"], "azp": "another-client"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
    ],
)
async def test_an_id_token_that_does_not_hold_makes_no_session(
    providers: Providers, provider: StandIn, claims: dict[str, Any]
) -> None:
    assert await _sign_in(providers, provider, **claims) == "/#error=failed"


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_an_id_token_needs_a_signature_with_a_published_key(
    providers: Providers, provider: StandIn, algorithm: str
) -> None:
    assert await _sign_in(providers, provider, algorithm=algorithm) == "/#error=failed"
    stranger = StandIn(provider.server)
    flow = await providers.start("oidc", mode="code")
    provider.answers["/token"] = {"id_token": stranger.id_token(flow.nonce, **CLAIMS)}
    assert (await providers.call_back("oidc", flow)).headers["Location"] == "/#error=failed"


async def test_an_address_that_the_id_token_leaves_out_is_asked_for(providers: Providers, provider: StandIn) -> None:
    configuration = "/.well-known/openid-configuration"
    provider.answers[configuration] = {**provider.usual(configuration), "userinfo_endpoint": f"{provider.url}/info"}
    for sub, end in (("ada-1", "#code="), ("another", "#error=failed")):
        provider.answers["/info"] = {"sub": sub, "email": "ada@example.org"}
        flow = await providers.start("oidc", mode="code")
        provider.answers["/token"] = {"id_token": provider.id_token(flow.nonce), "access_token": "at-2"}
        assert end in (await providers.call_back("oidc", flow)).headers["Location"]


async def test_keys_that_are_rotated_in_the_middle_are_fetched_again(
    providers: Providers, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.features.people.oauth.client.KEYS_AGAIN_S", -1.0)
    assert "#code=" in await _sign_in(providers, provider)
    provider.rotate()
    assert "#code=" in await _sign_in(providers, provider)
    assert provider.paths().count("/jwks") == 2
    assert "#code=" in await _sign_in(providers, provider)
    assert provider.paths().count("/jwks") == 2


async def test_unknown_keys_do_not_have_the_keys_fetched_each_time(providers: Providers, provider: StandIn) -> None:
    for _ in range(3):
        assert await _sign_in(providers, provider, kid="unknown") == "/#error=failed"
    assert provider.paths().count("/jwks") == 1


async def test_a_configuration_of_another_issuer_is_not_used(providers: Providers, provider: StandIn) -> None:
    provider.answers["/.well-known/openid-configuration"] = {"issuer": "https://evil.example"}
    answer = await providers.client.get("/api/v1/auth/oauth/oidc/start", allow_redirects=False)
    assert await slug(answer) == (503, "provider-away")


async def test_an_account_with_the_address_is_not_linked_unless_both_sides_have_verified_it(
    providers: Providers, provider: StandIn
) -> None:
    ada = await providers.api.register("ada")
    assert await _sign_in(providers, provider) == "/#error=email-taken"
    await providers.api.database.execute("update users set email_verified_at = now()")
    assert await _sign_in(providers, provider, email_verified=False) == "/#error=email-taken"
    assert (await (await ada.ask("GET", "/auth/links")).json())["items"] == []


async def test_when_both_sides_have_verified_the_address_its_owner_links_by_a_mail(
    providers: Providers, provider: StandIn
) -> None:
    ada = await providers.api.register("ada")
    await providers.api.database.execute("update users set email_verified_at = now()")
    assert await _sign_in(providers, provider) == "/#error=confirm-by-mail"
    assert (await (await ada.ask("GET", "/auth/links")).json())["items"] == []
    link = await providers.api.database.fetchval("select data->>'link' from mails where template = 'confirm_provider'")
    token = link.partition("#token=")[2]
    confirm = {"json": {"token": token}}
    assert (await providers.client.post("/api/v1/auth/oauth/confirm", **confirm)).status == 204
    assert await slug(await providers.client.post("/api/v1/auth/oauth/confirm", **confirm)) == (422, "link-invalid")
    held = await (await providers.exchange(await _sign_in(providers, provider))).json()
    assert held["user"]["id"] == ada.id


async def test_a_person_who_is_signed_in_links_and_unlinks(providers: Providers, provider: StandIn) -> None:
    bob = await providers.api.register("bob")
    flow = await providers.start("oidc", headers=bob.headers, link="1", return_to="/settings")
    answer = await _come_back(providers, provider, flow)
    assert answer.headers["Location"] == "/settings#linked=oidc"
    (link,) = (await (await bob.ask("GET", "/auth/links")).json())["items"]
    assert (link["provider"], link["name"], link["email"]) == ("oidc", "Example ID", "ada@example.org")
    held = await (await providers.exchange(await _sign_in(providers, provider))).json()
    assert held["user"]["id"] == bob.id
    assert (await bob.ask("DELETE", "/auth/links/oidc")).status == 204
    assert (await bob.ask("DELETE", "/auth/links/oidc")).status == 404
    told = await providers.api.database.fetch(
        "select template, address, data->>'which' as which from mails order by id"
    )
    assert [tuple(row.values()) for row in told if row["template"].startswith("provider_")] == [
        ("provider_linked", "bob@example.org", "Example ID"),
        ("provider_unlinked", "bob@example.org", "Example ID"),
    ]
    logged = await providers.api.database.fetch(
        "select d.body::jsonb->>'ip' from audit_log a join audit_details d on d.entry_id = a.id"
        " where action like 'provider.%'"
    )
    assert [row[0] for row in logged] == ["127.0.0.1"] * 2


async def test_a_new_account_is_told_of_no_link(providers: Providers, provider: StandIn) -> None:
    await _sign_in(providers, provider)
    assert await providers.api.database.fetch("select from mails where template like 'provider_%'") == []


async def test_linking_needs_a_session_that_was_proven_lately(providers: Providers, provider: StandIn) -> None:
    path = "/api/v1/auth/oauth/oidc/start?link=1"
    assert (await providers.client.get(path, allow_redirects=False)).status == 401
    bob = await providers.api.register("bob")
    await Holder(providers.api, bob, "", []).has_aged()
    answer = await providers.client.get(path, headers=bob.headers, allow_redirects=False)
    assert await slug(answer) == (401, "reauthentication-required")


async def test_the_pages_own_navigation_links_by_its_cookie(providers: Providers, provider: StandIn) -> None:
    bob = await providers.api.register("bob")
    cookie = {"Cookie": f"sf_refresh={bob.refresh_token}"}
    flow = await providers.start("oidc", headers=cookie, link="1")
    assert (await _come_back(providers, provider, flow)).headers["Location"] == "/#linked=oidc"
    foreign = {**cookie, "Origin": "https://evil.example"}
    answer = await providers.client.get("/api/v1/auth/oauth/oidc/start?link=1", headers=foreign, allow_redirects=False)
    assert await slug(answer) == (403, "foreign-origin")


async def test_a_person_of_the_provider_is_linked_with_one_account(providers: Providers, provider: StandIn) -> None:
    for name, end in (("ada", "linked=oidc"), ("bob", "error=linked-elsewhere")):
        someone = await providers.api.register(name)
        flow = await providers.start("oidc", headers=someone.headers, link="1")
        assert (await _come_back(providers, provider, flow)).headers["Location"] == f"/#{end}"
        if name == "ada":
            flow = await providers.start("oidc", headers=someone.headers, link="1")
            location = (await _come_back(providers, provider, flow, sub="ada-2")).headers["Location"]
            assert location == "/#error=linked-already"


async def test_the_only_way_to_sign_in_is_not_removed(providers: Providers, provider: StandIn) -> None:
    held = await (await providers.exchange(await _sign_in(providers, provider))).json()
    headers = {"Authorization": f"Bearer {held['access_token']}"}
    answer = await providers.client.delete("/api/v1/auth/links/oidc", headers=headers)
    assert await slug(answer) == (409, "last-sign-in")
    assert await providers.api.database.fetchval("select count(*) from oauth_links") == 1
    login = {"login": "ada", "password": "any password at all"}
    assert await slug(await providers.client.post("/api/v1/auth/login", json=login)) == (401, "wrong-credentials")


async def test_a_username_that_is_taken_or_reserved_gets_a_number(providers: Providers, provider: StandIn) -> None:
    await providers.api.register("ada")
    for number, name in enumerate(("ada", "admin", "!!", "Ada Lovelace 😀 " * 9)):
        location = await _sign_in(
            providers, provider, sub=f"s{number}", email=f"p{number}@e.org", preferred_username=name
        )
        held = await (await providers.exchange(location)).json()
        assert held["user"]["username"] not in ("ada", "admin")
        assert 3 <= len(held["user"]["username"]) <= 30


async def test_where_a_second_factor_is_due_the_provider_is_not_enough(providers: Providers, provider: StandIn) -> None:
    bob = await enrolled(providers.api, "bob")
    flow = await providers.start("oidc", headers=bob.someone.headers, link="1")
    await _come_back(providers, provider, flow)
    flow = await providers.start("oidc", return_to="/live")
    answer = await _come_back(providers, provider, flow)
    location = answer.headers["Location"]
    assert location.startswith("/login?next=%2Flive#code=")
    assert "sf_refresh" not in answer.cookies
    assert await slug(await providers.exchange(location, cookie=flow.cookie)) == (401, "totp-required")
    assert await slug(await providers.exchange(location, cookie=flow.cookie, totp="000000")) == (401, "wrong-code")
    answer = await providers.exchange(location, cookie=flow.cookie, totp=bob.code(), session="cookie")
    assert answer.status == 200
    assert answer.cookies["sf_refresh"].value


async def test_a_suspended_person_does_not_come_in_by_a_provider(providers: Providers, provider: StandIn) -> None:
    await _sign_in(providers, provider)
    await providers.api.database.execute("update users set suspended_until = now() + interval '1 h'")
    assert (await providers.exchange(await _sign_in(providers, provider))).status == 403
    flow = await providers.start("oidc")
    assert (await _come_back(providers, provider, flow)).headers["Location"] == "/login?next=%2F#error=suspended"


async def test_a_cookie_session_is_only_for_the_browser_that_began_the_sign_in(
    providers: Providers, provider: StandIn
) -> None:
    """A link with a stranger's code must not sign anybody in to the stranger's account."""
    location = await _sign_in(providers, provider)
    assert await slug(await providers.exchange(location, session="cookie")) == (401, "code-invalid")
    assert (await providers.exchange(location)).status == 200


async def test_a_code_that_waits_for_the_second_factor_is_only_for_its_browser(
    providers: Providers, provider: StandIn
) -> None:
    bob = await enrolled(providers.api, "bob")
    flow = await providers.start("oidc", headers=bob.someone.headers, link="1")
    await _come_back(providers, provider, flow)
    answer = await _come_back(providers, provider, await providers.start("oidc"))
    location = answer.headers["Location"]
    assert await slug(await providers.exchange(location, totp=bob.code())) == (401, "code-invalid")
    assert await slug(await providers.exchange(location, totp=bob.code(), session="cookie")) == (401, "code-invalid")
