from __future__ import annotations

import pytest

from server.describe import features
from server.scopes import SCOPES, default_scope, event_scope, roles_within


@pytest.mark.parametrize(
    ("method", "path", "tag", "scope"),
    [
        ("GET", "/api/v1/me", "people", "read"),
        ("PATCH", "/api/v1/me", "people", "write"),
        ("DELETE", "/api/v1/me", "people", None),
        ("POST", "/api/v1/streams", "streams", "stream"),
        ("GET", "/api/v1/streams/{stream_id}", "streams", "read"),
        ("GET", "/api/v1/me/ingest", "streams", "stream"),
        ("POST", "/whep/{stream_id}", "webrtc", "read"),
        ("GET", "/api/v1/admin/people", "admin", "admin"),
        ("GET", "/api/v1/auth/sessions", "accounts", None),
        ("POST", "/api/v1/auth/tokens", "accounts", None),
    ],
)
def test_a_call_needs_the_scope_of_what_it_does(method: str, path: str, tag: str, scope: str | None) -> None:
    assert default_scope(method, path, tag) == scope


@pytest.mark.parametrize(
    ("name", "sender", "scope"),
    [
        ("chat:send", "person", "chat"),
        ("chat:join", "anyone", "read"),
        ("chat:ban", "moderator", "moderate"),
        ("stream:react", "person", "chat"),
        ("polls:open", "owner", "moderate"),
    ],
)
def test_an_event_needs_the_scope_of_what_it_does(name: str, sender: str, scope: str) -> None:
    assert event_scope(name, sender) == scope


def test_a_token_has_no_role_beyond_its_scopes() -> None:
    roles = ["viewer", "creator", "moderator", "admin"]
    assert roles_within(roles, frozenset({"read"})) == {"viewer", "creator"}
    assert roles_within(roles, frozenset(SCOPES)) == set(roles)


def test_every_operation_and_event_of_the_server_has_a_scope_or_takes_a_session() -> None:
    for feature in features():
        for operation in feature.operations:
            of_sessions = ("/api/v1/auth/", "/api/v1/me/exports")
            is_of_sessions = operation.path.startswith(of_sessions) or operation.name == "deleteMe"
            assert (operation.needed_scope is None) == is_of_sessions, operation.name
        assert all(event.needed_scope in SCOPES for event in feature.events)
