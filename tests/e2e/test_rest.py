"""The REST interface by its own description: accounts, lists, idempotency, problems, a tester of every operation."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import openapi_spec_validator
import pytest

from server import describe
from server.http import openapi
from tests.e2e.conftest import NewPerson
from tests.e2e.people import PASSWORD, Account, Api
from tests.e2e.serving import Server


async def test_readiness_names_each_dependency(nobody: Api) -> None:
    assert (await nobody.call("GET", "/livez")).status == 200
    ready = await nobody.call("GET", "/readyz")
    assert ready.status == 200
    assert {"postgres", "redis"} <= set(str(ready.text).replace('"', " ").split())


async def test_metrics_are_prometheus_text(nobody: Api) -> None:
    answer = await nobody.call("GET", "/metrics")
    assert answer.status == 200
    assert "# TYPE" in answer.text


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_the_pages_answer_200_without_a_redirect(nobody: Api, path: str) -> None:
    answer = await nobody.call("GET", path, allow_redirects=False)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "default-src" in answer.headers["Content-Security-Policy"]


async def test_the_description_is_the_one_that_the_client_s_types_are_made_of(nobody: Api) -> None:
    served = await nobody.done("GET", "/openapi.json")
    made = openapi.document(
        operations=[one for feature in describe.features() for one in feature.operations],
        outgoing=[one for feature in describe.features() for one in feature.outgoing],
        title="",
        version="",
        description="",
    )
    assert served["components"] == made["components"]
    assert served["paths"] == made["paths"]


async def test_the_description_is_valid_openapi(nobody: Api) -> None:
    description = await nobody.done("GET", "/openapi.json")
    assert description["openapi"].startswith("3.1")
    openapi_spec_validator.validate(description)


async def test_a_person_registers_signs_in_and_out(server: Server, http: aiohttp.ClientSession, owner: Account) -> None:
    api = Api(http, server.url)
    me = await owner.done("GET", "me")
    assert (me["id"], me["username"]) == (owner.id, owner.username)
    body = {"login": owner.username, "password": PASSWORD}
    signed_in = await api.done("POST", "auth/login", body, status=200)
    assert signed_in["token_type"] == "Bearer"
    assert 0 < signed_in["expires_in"] <= 900
    for totp in (None, "123456"):  # of no account's second factor
        await api.done("POST", "auth/login", {**body, "totp": totp}, status=200)
    wrong = await api.call("POST", "auth/login", {"login": owner.username, "password": "no"})
    unknown = await api.call("POST", "auth/login", {"login": "nobody_at_all", "password": "no"})
    assert wrong.status == unknown.status == 401
    assert _told(wrong.body) == _told(unknown.body)


def _told(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name not in ("instance", "trace_id", "request_id")}


async def test_a_refresh_token_presented_twice_ends_the_family_but_for_the_same_device_within_seconds(
    server: Server, http: aiohttp.ClientSession, owner: Account
) -> None:
    api = Api(http, server.url)
    old = {"refresh_token": owner.refresh_token}
    new = await api.done("POST", "auth/refresh", old, status=200)
    assert new["refresh_token"] != owner.refresh_token
    assert (await api.call("POST", "auth/refresh", old)).status == 200
    assert (await Api(http, server.url, new["access_token"]).call("GET", "me")).status == 200
    assert (await api.call("POST", "auth/refresh", old, headers={"User-Agent": "another"})).status == 401
    assert (await api.call("POST", "auth/refresh", {"refresh_token": new["refresh_token"]})).status == 401
    assert (await Api(http, server.url, new["access_token"]).call("GET", "me")).status == 401


async def test_a_taken_name_is_a_conflict_whatever_its_case(nobody: Api, owner: Account) -> None:
    body = {"username": owner.username.upper(), "email": "other@example.com", "password": PASSWORD}
    answer = await nobody.call("POST", "auth/register", body)
    assert answer.status == 409


async def test_all_field_errors_come_at_once(nobody: Api) -> None:
    answer = await nobody.call("POST", "auth/register", {"username": "a b", "email": "nowhere", "password": "x"})
    assert answer.status == 422
    assert {"username", "email", "password"} <= {error["field"] for error in answer.body["errors"]}


async def test_following_is_idempotent_and_counted(owner: Account, someone: NewPerson) -> None:
    fan = await someone()
    for _ in range(2):
        await fan.done("PUT", f"users/{owner.username}/follow", status=204)
    followers = (await owner.done("GET", f"users/{owner.username}/followers"))["items"]
    assert [person["username"] for person in followers] == [fan.username]
    for _ in range(2):
        await fan.done("DELETE", f"users/{owner.username}/follow", status=204)
    assert (await owner.done("GET", f"users/{owner.username}/followers"))["items"] == []


async def test_a_profile_is_changed(owner: Account, nobody: Api) -> None:
    await owner.done("PATCH", "me", {"display_name": "Ünï 🎉", "bio": "Hello"})
    shown = await nobody.done("GET", f"users/{owner.username}")
    assert shown["display_name"] == "Ünï 🎉"
    assert "email" not in shown


ODD_REQUESTS = [
    ("GET", "/api/v1/nothing", None, 404),
    ("GET", "/api/v1/streams/not-an-id", None, 404),
    ("GET", "/api/v1/streams/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", None, 404),
    ("GET", "/api/v1/users/nobody_at_all", None, 404),
    ("DELETE", "/api/v1/streams", None, 405),
    ("POST", "/api/v1/auth/login", b"{", 400),
    ("POST", "/api/v1/auth/login", b"[]", 422),
    ("POST", "/api/v1/auth/login", b"\xff\xfe", 400),
    ("POST", "/api/v1/auth/login", b"[" * 5000, 400),
    ("POST", "/api/v1/auth/login", b'{"login": 5, "password": null}', 422),
    ("POST", "/api/v1/auth/login", b"x" * 300_000, 413),
    ("POST", "/api/v1/streams", b'{"title": "x"}', 401),
    ("GET", "/api/v1/streams?limit=0", None, 422),
    ("GET", "/api/v1/streams?limit=101", None, 422),
    ("GET", "/api/v1/streams?limit=x", None, 422),
    ("GET", "/api/v1/streams?cursor=garbage", None, 422),
    ("GET", "/api/v1/streams?state=flying", None, 422),
    ("GET", "/api/v1/streams?q=%00", None, 422),
    ("GET", "/api/v1/streams?q=" + "x" * 20_000, None, 431),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), ODD_REQUESTS, ids=lambda value: str(value)[:40])
async def test_a_refusal_is_a_problem(nobody: Api, method: str, path: str, body: bytes | None, status: int) -> None:
    options: dict[str, Any] = {"data": body, "headers": {"Content-Type": "application/json"}} if body else {}
    answer = await nobody.call(method, path, **options)
    assert answer.status == status or (status == 422 and answer.status == 400), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert {"type", "title", "status"} <= set(answer.body)
    assert answer.body["status"] == answer.status
    assert "Traceback" not in answer.text
    assert ".py" not in answer.text


async def test_a_body_of_another_type_is_a_415(nobody: Api) -> None:
    answer = await nobody.call("POST", "auth/login", data=b"login=a", headers={"Content-Type": "text/plain"})
    assert answer.status == 415


async def test_lists_page_without_repeats_while_rows_are_added(owner: Account) -> None:
    made = [(await owner.prepare(f"Listed {n}"))["stream"]["id"] for n in range(5)]
    path = f"streams?state=scheduled&owner={owner.username}&limit=2"
    page = await owner.done("GET", path)
    seen = [item["id"] for item in page["items"]]
    assert len(seen) == 2
    await owner.prepare("Listed later")
    while page["next"] is not None:
        page = await owner.done("GET", f"{path}&cursor={page['next']}")
        seen += [item["id"] for item in page["items"]]
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


async def test_an_idempotency_key_makes_one_stream(owner: Account) -> None:
    headers = {"Idempotency-Key": "the-same"}
    body = {"title": "Once"}
    answers = await asyncio.gather(*(owner.call("POST", "streams", body, headers=headers) for _ in range(4)))
    made = {answer.body["stream"]["id"] for answer in answers if answer.status == 201}
    assert len(made) == 1
    assert {answer.status for answer in answers} <= {201, 409}
    again = await owner.call("POST", "streams", body, headers=headers)
    assert (again.status, again.body["stream"]["id"]) == (201, made.pop())
    assert (await owner.call("POST", "streams", {"title": "Other"}, headers=headers)).status == 422
    assert len((await owner.done("GET", f"streams?state=scheduled&owner={owner.username}"))["items"]) == 1


async def test_a_stream_is_changed_and_deleted_by_its_owner_alone(
    owner: Account, someone: NewPerson, nobody: Api
) -> None:
    stream_id = (await owner.prepare("Mine"))["stream"]["id"]
    stranger = await someone()
    for method, path in (
        ("PATCH", f"streams/{stream_id}"),
        ("DELETE", f"streams/{stream_id}"),
        ("POST", f"streams/{stream_id}/end"),
        ("POST", f"streams/{stream_id}/key/rotate"),
    ):
        body = {"title": "Stolen"} if method == "PATCH" else None
        assert (await stranger.call(method, path, body)).status == 403
        assert (await nobody.call(method, path, body)).status == 401
    changed = await owner.done("PATCH", f"streams/{stream_id}", {"title": "Still mine", "tags": ["a", "b"]})
    assert (changed["title"], changed["tags"]) == ("Still mine", ["a", "b"])
    found = await nobody.done("GET", "streams?q=Still+mine")
    assert stream_id in [item["id"] for item in found["items"]]
    await owner.done("DELETE", f"streams/{stream_id}", status=204)
    assert (await owner.call("GET", f"streams/{stream_id}")).status == 404


@pytest.mark.parametrize("scheduled_at", [0, True, [], "tomorrow", "2030-01-01T10:00:00"])
async def test_a_stream_is_scheduled_for_a_time_with_its_zone(owner: Account, scheduled_at: Any) -> None:
    answer = await owner.call("POST", "streams", {"title": "When", "scheduled_at": scheduled_at})
    assert answer.status == 422
    assert answer.body["errors"][0]["field"] == "scheduled_at"
    made = await owner.prepare("Then", scheduled_at="2030-01-01T10:00:00+02:00")
    assert made["stream"]["scheduled_at"] == "2030-01-01T08:00:00Z"


async def test_a_private_stream_is_in_nobodys_list(owner: Account, nobody: Api) -> None:
    stream_id = (await owner.prepare("Hidden here", visibility="private"))["stream"]["id"]
    unlisted = (await owner.prepare("Hidden here too", visibility="unlisted"))["stream"]["id"]
    found = [item["id"] for item in (await nobody.done("GET", "streams?q=Hidden+here"))["items"]]
    assert stream_id not in found
    assert unlisted not in found
    assert (await nobody.stream(unlisted))["id"] == unlisted


async def test_an_export_holds_what_is_known_of_a_person(owner: Account) -> None:
    await owner.prepare("In my export")
    export = await owner.done("GET", "me/export")
    assert owner.username in json.dumps(export)
    assert "In my export" in json.dumps(export)
