from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openapi_spec_validator import validate

from server.http.documentation import Documentation
from tests.server.conftest import ApiFixture


async def _document(api: ApiFixture) -> dict[str, Any]:
    answer = await api.client.get("/openapi.json")
    assert answer.status == 200
    document: dict[str, Any] = await answer.json()
    return document


async def test_document_is_valid_openapi(api: ApiFixture) -> None:
    document = await _document(api)
    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_every_operation_says_what_can_go_wrong(api: ApiFixture) -> None:
    document = await _document(api)
    register = document["paths"]["/api/v1/auth/register"]["post"]
    assert set(register["responses"]) >= {"201", "400", "408", "409", "413", "415", "422", "429", "500", "503"}
    follow = document["paths"]["/api/v1/users/{username}/follow"]["put"]
    assert set(follow["responses"]) == {"202", "204", "401", "403", "404", "409", "429", "500", "503"}
    assert follow["security"] == [{"access_token": []}]


async def test_bounds_are_documented(api: ApiFixture) -> None:
    document = await _document(api)
    registration = document["components"]["schemas"]["Registration"]
    assert registration["additionalProperties"] is False
    assert registration["properties"]["password"]["maxLength"] == 256
    sessions = document["paths"]["/api/v1/auth/sessions"]["get"]["parameters"]
    limit = next(one for one in sessions if one["name"] == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}


async def test_docs_answer_without_a_redirect_and_need_nothing_from_elsewhere(api: ApiFixture) -> None:
    answer = await api.client.get("/docs", allow_redirects=False)
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    page = await answer.text()
    assert "http://" not in page
    assert "https://" not in page
    assert "<script>" not in page
    for path in ("/docs/docs.js", "/docs/events.js", "/docs/docs.css"):
        assert path in page or path == "/docs/events.js"  # which docs.js imports
        assert (await api.client.get(path)).status == 200


async def test_document_is_not_sent_again_to_who_has_it(api: ApiFixture) -> None:
    etag = (await api.client.get("/openapi.json")).headers["ETag"]
    assert (await api.client.get("/openapi.json", headers={"If-None-Match": etag})).status == 304


async def test_a_document_is_made_once_for_many_who_ask_at_a_time_and_not_before() -> None:
    made: list[str] = []

    def make() -> bytes:
        made.append("document")
        return b"{}"

    app = web.Application()
    Documentation(document=make, events=bytes).add_to(app)
    async with TestClient(TestServer(app)) as client:
        assert made == []
        answers = await asyncio.gather(*(client.get("/openapi.json") for _ in range(20)))
        assert [await answer.text() for answer in answers] == ["{}"] * 20
    assert made == ["document"]


# A made-up request an operation; every odd value of every field for a few that have many kinds of them.
# What a schema can't say: a password that is guessed first is refused, and prompts for one are limited.
SCHEMATHESIS = """
[phases]
stateful.enabled = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "429", "5xx"]

[[operations]]
include-path-regex = "^(?!.*(/me|auth/sessions)$)"
phases.coverage.enabled = false

# What only a mail, or an authenticator, can have made.
[[operations]]
include-path-regex = "(auth/(email/(verify|undo)|oauth/confirm|passkeys|password/reset)|me/exports/redeem)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "5xx"]

# What only a picture is.
[[operations]]
include-path-regex = "me/(avatar|banner|slate)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "415", "422", "429", "5xx"]

# What has a text, or something instead.
[[operations]]
include-path-regex = "/posts$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

# What has one of two targets.
[[operations]]
include-path-regex = "/me/push-subscriptions$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

# What is of one of two lists of countries, which this server has no database of.
[[operations]]
include-path-regex = "/posts/[^/]+/restrictions$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "451"]

# What only an emoji is.
[[operations]]
include-path-regex = "/posts/[^/]+/reactions/[^/]+$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

# What has times that fit one another and are still to come.
[[operations]]
include-path-regex = "/events(/[^/]+)?$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-path-regex = "auth/(register|password/change)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "403", "409", "422", "429"]
"""


async def test_answers_are_as_documented_for_made_up_requests(api: ApiFixture, tmp_path: Path) -> None:
    """Property-based: valid data is taken, invalid data refused, and every answer has a documented status and shape."""
    ada = await api.register("ada")
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(api.client.make_url("/openapi.json"))]
    command += ["--checks", "all", "--max-examples", "1", "--seed", "1"]
    # Pieces of uploads are bytes of a media type that schemathesis cannot make up.
    command += ["--exclude-path-regex", "(logout|/uploads(/[^/]+)?)$"]
    command += ["--header", f"Authorization: Bearer {ada.access_token}"]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(300):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
