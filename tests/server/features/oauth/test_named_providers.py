"""Google, GitHub, Facebook and X, each with the shapes and errors of its documentation."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import ClientResponse

from tests.server.features.oauth.conftest import Providers, Wire
from tests.server.features.oauth.stand_in import StandIn, answers_challenge

GITHUB = {
    "/person": {"id": 583231, "login": "octocat", "name": "The Octocat", "email": None},
    "/emails": [
        {"email": "old@example.org", "primary": False, "verified": True},
        {"email": "octocat@example.org", "primary": True, "verified": True},
    ],
}
FACEBOOK = {"/person": {"id": "10101", "name": "Ada Lovelace", "email": "ada@example.org"}}
TWITTER = {"/person": {"data": {"id": "2244994945", "name": "Ada", "username": "ada_x", "confirmed_email": "x@e.org"}}}
PLAIN = [("github", GITHUB, "octocat"), ("facebook", FACEBOOK, "Ada_Lovelace"), ("twitter", TWITTER, "ada_x")]
EVERY = ["google", "github", "facebook", "twitter", "oidc"]


async def _signed_in(providers: Providers, name: str, provider: StandIn) -> ClientResponse:
    flow = await providers.start(name, return_to="/settings", mode="code")
    if name in ("google", "oidc"):
        claims = {"email": "ada@example.org", "email_verified": True, "preferred_username": "ada"}
        provider.answers["/token"] = {"id_token": provider.id_token(flow.nonce, **claims), "access_token": "x"}
    return await providers.call_back(name, flow)


@pytest.mark.parametrize(("name", "answers", "username"), PLAIN)
async def test_a_person_gets_an_account_and_signs_in_to_it_again(
    wire: Wire, provider: StandIn, name: str, answers: dict[str, Any], username: str
) -> None:
    provider.answers |= answers
    providers = await wire(provider.provider(name))
    found = []
    for _ in range(2):
        answer = await _signed_in(providers, name, provider)
        assert answer.status == 302
        assert answer.headers["Location"].startswith("/settings#code=")
        found.append((await (await providers.exchange(answer.headers["Location"])).json())["user"])
    assert found[0]["id"] == found[1]["id"]
    assert found[0]["username"] == username
    # Facebook does not say whether an address is verified.
    verified = await providers.api.database.fetchval("select email_verified_at is not null from users")
    assert verified == (name != "facebook")


@pytest.mark.parametrize("name", ["google", "oidc"])
async def test_an_id_token_makes_an_account(wire: Wire, provider: StandIn, name: str) -> None:
    providers = await wire(provider.provider(name))
    answer = await _signed_in(providers, name, provider)
    held = await (await providers.exchange(answer.headers["Location"])).json()
    assert held["user"]["username"] == "ada"
    assert held["user"]["email"] == "ada@example.org"


@pytest.mark.parametrize("name", ["github", "twitter"])
async def test_the_code_is_exchanged_with_the_verifier_and_the_secret(wire: Wire, provider: StandIn, name: str) -> None:
    provider.answers |= dict(GITHUB if name == "github" else TWITTER)
    providers = await wire(provider.provider(name))
    flow = await providers.start(name)
    await providers.call_back(name, flow)
    (form, headers) = next((form, headers) for path, form, headers in provider.asked if path == "/token")
    assert answers_challenge(form["code_verifier"], flow.challenge)
    assert form["redirect_uri"] == flow.redirect_uri == f"https://live.test/api/v1/auth/oauth/{name}/callback"
    assert form["code"] == "code-1"
    if name == "twitter":
        assert unquote(base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()) == (
            "our-client:our-secret"
        )
        assert "client_secret" not in form
    else:
        assert (form["client_id"], form["client_secret"]) == ("our-client", "our-secret")
    person = next(headers for path, _, headers in provider.asked if path == "/person")
    assert person["Authorization"] == "Bearer at-1"


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("github", {**GITHUB, "/emails": []}),
        ("github", {**GITHUB, "/emails": {"message": "Not Found"}}),
        ("facebook", {"/person": {"id": "10101", "name": "Ada"}}),
        ("twitter", {"/person": {"data": {"id": "1", "name": "Ada", "username": "ada_x"}}}),
    ],
)
async def test_without_an_e_mail_address_no_account_is_made(
    wire: Wire, provider: StandIn, name: str, answers: dict[str, Any]
) -> None:
    provider.answers |= answers
    providers = await wire(provider.provider(name))
    answer = await providers.call_back(name, await providers.start(name, return_to="/live"))
    assert answer.headers["Location"] == "/login?next=%2Flive#error=email-missing"
    assert await providers.api.database.fetchval("select count(*) from users") == 0


@pytest.mark.parametrize("name", EVERY)
async def test_somebody_who_says_no_is_led_back_without_a_session(wire: Wire, provider: StandIn, name: str) -> None:
    providers = await wire(provider.provider(name))
    flow = await providers.start(name, mode="code", return_to="/settings")
    answer = await providers.call_back(name, flow, code="", error="access_denied")
    assert answer.headers["Location"] == "/settings#error=denied"
    assert "/token" not in provider.paths()


BROKEN: list[Any] = [
    (500, "<html>Internal Server Error</html>"),
    (200, "<html>Sign in to the Wi-Fi</html>"),
    (400, '{"error": {"message": "Invalid verification code format.", "type": "OAuthException", "code": 100}}'),
    {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."},
    {"access_token": 5},
    {"access_token": "with\nline break"},
    [],
    (200, " " * 300_000),
]


@pytest.mark.parametrize("name", EVERY)
async def test_a_token_endpoint_that_answers_nonsense_makes_no_session(
    wire: Wire, provider: StandIn, name: str
) -> None:
    providers = await wire(provider.provider(name))
    for broken in BROKEN:
        provider.answers["/token"] = broken
        answer = await providers.call_back(name, await providers.start(name, mode="code"))
        assert answer.headers["Location"] == "/#error=failed", broken
    assert await providers.api.database.fetchval("select count(*) from users") == 0


@pytest.mark.parametrize("name", ["github", "facebook", "twitter"])
async def test_an_answer_that_names_nobody_makes_no_account(wire: Wire, provider: StandIn, name: str) -> None:
    providers = await wire(provider.provider(name))
    for broken in ((500, "oops"), {}, {"data": {}}, {"id": None, "data": []}, {"id": True}, {"id": "x" * 300}):
        provider.answers["/person"] = broken
        answer = await providers.call_back(name, await providers.start(name, mode="code"))
        assert answer.headers["Location"] == "/#error=failed", broken
