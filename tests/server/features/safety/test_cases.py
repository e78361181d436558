"""Reports, the desk, strikes and appeals, over REST and in process."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board, fields_of

NIL = "00000000-0000-0000-0000-000000000000"
QUEUE = "/moderation/queue"


async def moderator(board: Board, name: str, *roles: str) -> Someone:
    (person,) = await board.join(name)
    given = ["viewer", *(roles or ("moderator",))]
    await board.api.database.execute("update users set roles = $2 where id = $1", person.id, given)
    return await board.api.sign_in(name)


async def report(board: Board, person: Someone, kind: str, subject_id: str, **more: Any) -> dict[str, Any]:
    body = {"kind": kind, "id": subject_id, "reason": "hate", **more}
    made: dict[str, Any] = (await board.do(person, "POST", "/reports", body, answers=201))["report"]
    return made


async def the_case(board: Board, mod: Someone, query: str = "") -> dict[str, Any]:
    (case,) = (await board.do(mod, "GET", QUEUE + query, answers=200))["items"]
    shown: dict[str, Any] = case
    return shown


async def act(board: Board, mod: Someone, case_id: str, action: str, *, answers: int = 200, **more: Any) -> Any:
    body = {"action": action, "reason": "against the rules", **more}
    return await board.do(mod, "POST", f"/moderation/cases/{case_id}/actions", body, answers=answers)


async def test_reports_of_many_on_a_thing_are_one_case_and_the_same_again_adds_to_it(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    mod = await moderator(board, "mod")
    post = await board.post(ada, "bad words")
    first = await report(board, bob, "post", post["id"], reason="spam", detail="look")
    again = await report(board, bob, "post", post["id"], reason="violence", detail="and here")
    await report(board, cem, "post", post["id"])
    assert again["id"] == first["id"]
    assert (again["reason"], again["detail"]) == ("violence", "look\nand here")
    case = await the_case(board, mod)
    assert (case["reports"], case["reason"], case["kind"], case["state"]) == (2, "violence", "post", "open")
    assert (case["evidence"]["text"], case["owner"]["username"]) == ("bad words", "ada")
    whole = await board.do(mod, "GET", f"/moderation/cases/{case['id']}", answers=200)
    assert {one["reporter"] for one in whole["newest_reports"]} == {"bob", "cem"}
    mine = await board.do(bob, "GET", "/me/reports", answers=200)
    assert [(one["id"], one["state"], one["outcome"]) for one in mine["items"]] == [(first["id"], "open", None)]
    told = [body for person, name, body in board.api.kit.published.events if name == "moderation:case"]
    assert told[-1]["reports"] == 2


@pytest.mark.parametrize("kind", ["person", "stream", "message", "post", "video", "community"])
async def test_what_is_not_there_cannot_be_reported(board: Board, kind: str) -> None:
    (ada,) = await board.join("ada")
    assert (await board.call(ada, "POST", "/reports", {"kind": kind, "id": NIL, "reason": "spam"}))[0] == 404


async def test_what_the_reporter_may_not_see_is_not_there_and_what_is_theirs_is_not_reported(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    hidden = await board.post(ada, "for followers", visibility="followers")
    body = {"kind": "post", "id": hidden["id"], "reason": "spam"}
    assert (await board.call(bob, "POST", "/reports", body))[0] == 404
    assert (await board.call(ada, "POST", "/reports", body))[0] == 409
    assert (await board.call(None, "POST", "/reports", body))[0] == 401


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"kind": "post"}, ["id", "reason"]),
        ({"kind": "cat", "id": NIL, "reason": "spam"}, ["kind"]),
        ({"kind": "post", "id": "x", "reason": "spam"}, ["id"]),
        ({"kind": "post", "id": NIL, "reason": "because"}, ["reason"]),
        ({"kind": "post", "id": NIL, "reason": "spam", "detail": "x" * 2_001}, ["detail"]),
    ],
)
async def test_a_bad_report_is_refused_by_field(board: Board, body: dict[str, Any], fields: list[str]) -> None:
    (ada,) = await board.join("ada")
    status, problem = await board.call(ada, "POST", "/reports", body)
    assert (status, fields_of(problem)) == (422, fields)


async def test_only_moderators_see_cases(board: Board) -> None:
    (ada,) = await board.join("ada")
    for path in (QUEUE, f"/moderation/cases/{NIL}", "/moderation/appeals"):
        assert (await board.call(ada, "GET", path))[0] == 403
        assert (await board.call(None, "GET", path))[0] == 401
    mod = await moderator(board, "mod")
    assert (await board.call(mod, "GET", f"/moderation/cases/{NIL}"))[0] == 404


@pytest.mark.parametrize("action", ["hide", "remove"])
async def test_a_post_is_taken_away_with_a_strike_and_put_back(board: Board, action: str) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    parent = await board.post(bob, "a question")
    post = await board.post(ada, "bad #words", reply_to=parent["id"])
    await report(board, bob, "post", post["id"])
    case = await the_case(board, mod)
    decided = await act(board, mod, case["id"], action)
    assert (decided["state"], decided["acts"][0]["action"], decided["acts"][0]["actor"]) == ("closed", action, "mod")
    assert not await board.sees(bob, post["id"])
    assert (await board.get(bob, parent["id"]))["counts"]["replies"] == 0
    strikes = await board.do(ada, "GET", "/me/strikes", answers=200)
    (strike,) = strikes["items"]
    assert (strike["state"], strike["reason"], strike["rule"]) == ("active", "against the rules", "hate")
    assert (await board.do(bob, "GET", "/me/reports", answers=200))["items"][0]["outcome"] == "acted"
    await board.api.kit.read_facts()
    (told,) = (await board.do(ada, "GET", "/notifications", answers=200))["items"]
    assert (told["kind"], told["subject"]["path"]) == ("moderation", "/settings/strikes")
    back = await board.do(mod, "POST", f"/moderation/cases/{case['id']}/revert", {}, answers=200)
    assert (back["state"], bool(back["acts"][0]["reverted_at"]), back["strikes"]) == ("open", True, 0)
    assert await board.sees(bob, post["id"])
    assert (await board.get(bob, parent["id"]))["counts"]["replies"] == 1
    assert post["id"] in await board.listed(bob, f"/posts/{parent['id']}/replies")
    assert (await board.do(ada, "GET", "/me/strikes", answers=200))["items"][0]["state"] == "revoked"
    assert (await board.call(mod, "POST", f"/moderation/cases/{case['id']}/revert", {}))[0] == 409
    names = [row["action"] for row in await board.api.database.fetch("select action from audit_log order by id")]
    assert [name for name in names if name.startswith("case.")] == [f"case.{action}", "case.reverted"]


async def test_a_suspended_person_is_out_until_that_is_reverted(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    await report(board, bob, "person", ada.id, reason="harassment")
    case = await the_case(board, mod)
    await act(board, mod, case["id"], "suspend", until="2099-01-01T00:00:00Z")
    assert (await board.call(ada, "GET", "/me"))[0] == 401
    assert (await board.call(bob, "GET", "/users/ada"))[0] == 404
    await board.do(mod, "POST", f"/moderation/cases/{case['id']}/revert", {"reason": "a mistake"}, answers=200)
    assert (await board.call(bob, "GET", "/users/ada"))[0] == 200
    again = await board.api.sign_in("ada")
    assert (await board.call(again, "GET", "/me"))[0] == 200


async def test_a_restricted_person_does_not_write_until_then(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    await report(board, bob, "person", ada.id)
    case = await the_case(board, mod)
    await act(board, mod, case["id"], "restrict")
    status, problem = await board.call(ada, "POST", "/posts", {"text": "hello"})
    assert (status, problem["type"].rpartition("/")[2]) == (403, "restricted")
    assert (await board.call(ada, "GET", "/me"))[0] == 200
    await board.do(mod, "POST", f"/moderation/cases/{case['id']}/revert", answers=200)
    await board.post(ada, "hello again")


async def test_a_dismissed_case_closes_without_a_strike_and_a_new_report_opens_another(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    mod = await moderator(board, "mod")
    post = await board.post(ada)
    await report(board, bob, "post", post["id"])
    case = await the_case(board, mod)
    await act(board, mod, case["id"], "dismiss")
    assert (await board.do(ada, "GET", "/me/strikes", answers=200))["items"] == []
    assert (await board.do(mod, "GET", QUEUE, answers=200))["items"] == []
    assert (await the_case(board, mod, "?state=closed"))["id"] == case["id"]
    await act(board, mod, case["id"], "hide", answers=409)
    await report(board, cem, "post", post["id"])
    assert (await the_case(board, mod))["id"] != case["id"]


async def test_a_claimed_case_is_left_to_who_has_claimed_it(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod, other = await moderator(board, "mod"), await moderator(board, "other")
    post = await board.post(ada)
    await report(board, bob, "post", post["id"])
    case = await the_case(board, mod)
    claim = f"/moderation/cases/{case['id']}/claim"
    assert (await board.do(mod, "PUT", claim, answers=200))["claimed_by"]["username"] == "mod"
    assert (await board.call(other, "PUT", claim))[0] == 409
    await act(board, other, case["id"], "hide", answers=409)
    await board.do(other, "DELETE", claim)
    await act(board, other, case["id"], "hide", answers=409)
    await board.do(mod, "DELETE", claim)
    await act(board, other, case["id"], "hide")


async def test_an_escalated_case_is_for_admins_who_are_not_acted_on(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod, boss = await moderator(board, "mod"), await moderator(board, "boss", "moderator", "admin")
    post = await board.post(ada)
    await report(board, bob, "post", post["id"])
    case = await the_case(board, mod)
    assert (await act(board, mod, case["id"], "escalate"))["state"] == "escalated"
    await act(board, mod, case["id"], "hide", answers=403)
    await act(board, boss, case["id"], "dismiss")
    await report(board, bob, "person", mod.id)
    about_mod = await the_case(board, boss)
    await act(board, mod, about_mod["id"], "warn", answers=409)
    await act(board, await moderator(board, "third"), about_mod["id"], "warn", answers=403)
    await act(board, boss, about_mod["id"], "warn")
    await report(board, bob, "person", boss.id)
    about_boss = await the_case(board, mod)
    await act(board, await moderator(board, "chief", "admin"), about_boss["id"], "suspend", answers=403)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"action": "hide", "reason": "x"}, ["action"]),
        ({"action": "explode", "reason": "x"}, ["action"]),
        ({"action": "warn", "reason": ""}, ["reason"]),
        ({"action": "suspend", "reason": "x", "until": "2001-01-01T00:00:00Z"}, ["until"]),
        ({"action": "suspend", "reason": "x", "until": "9999-01-01T00:00:00Z"}, ["until"]),
        ({"action": "warn", "reason": "x", "until": "2030-01-01T00:00:00Z"}, ["until"]),
    ],
)
async def test_a_bad_act_is_refused_by_field(board: Board, body: dict[str, Any], fields: list[str]) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    await report(board, bob, "person", ada.id)
    case = await the_case(board, mod)
    status, problem = await board.call(mod, "POST", f"/moderation/cases/{case['id']}/actions", body)
    assert (status, fields_of(problem)) == (422, fields)
    assert (await the_case(board, mod))["state"] == "open"


async def test_an_appeal_is_decided_once_by_somebody_else(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod, other = await moderator(board, "mod"), await moderator(board, "other")
    post = await board.post(ada, "a joke")
    await report(board, bob, "post", post["id"])
    await act(board, mod, (await the_case(board, mod))["id"], "remove")
    (strike,) = (await board.do(ada, "GET", "/me/strikes", answers=200))["items"]
    appeal = f"/me/strikes/{strike['id']}/appeal"
    assert (await board.call(bob, "POST", appeal, {"text": "please"}))[0] == 404
    made = (await board.do(ada, "POST", appeal, {"text": "it was a joke"}, answers=201))["appeal"]
    assert (made["state"], made["text"]) == ("open", "it was a joke")
    assert (await board.call(ada, "POST", appeal, {"text": "again"}))[0] == 409
    (waiting,) = (await board.do(mod, "GET", "/moderation/appeals", answers=200))["items"]
    assert (waiting["may_decide"], waiting["person"]["username"]) == (False, "ada")
    decision = f"/moderation/appeals/{made['id']}/decision"
    body = {"overturn": True, "note": "it was"}
    assert (await board.call(mod, "POST", decision, body))[0] == 403
    decided = await board.do(other, "POST", decision, body, answers=200)
    assert decided["state"] == "overturned"
    assert (await board.call(other, "POST", decision, body))[0] == 409
    assert await board.sees(bob, post["id"])
    (strike,) = (await board.do(ada, "GET", "/me/strikes", answers=200))["items"]
    assert (strike["state"], strike["appeal"]["state"], strike["appeal"]["note"]) == ("revoked", "overturned", "it was")


async def test_the_gravest_cases_come_first_and_pages_have_no_repeats(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    reasons = ("spam", "minors", "hate", "spam", "violence")
    posts = [await board.post(ada, reason) for reason in reasons]
    for post, reason in zip(posts, reasons, strict=True):
        await report(board, bob, "post", post["id"], reason=reason)
    page = await board.do(mod, "GET", f"{QUEUE}?limit=2", answers=200)
    seen = [one["reason"] for one in page["items"]]
    while page["next"]:
        page = await board.do(mod, "GET", f"{QUEUE}?limit=2&cursor={page['next']}", answers=200)
        seen += [one["reason"] for one in page["items"]]
    assert seen == ["minors", "violence", "hate", "spam", "spam"]
    assert (await the_case(board, mod, "?severity=critical"))["reason"] == "minors"
    assert (await board.do(mod, "GET", f"{QUEUE}?kind=stream", answers=200))["items"] == []


async def test_a_community_that_is_hidden_is_in_no_list(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    made = await board.do(ada, "POST", "/communities", {"name": "bad", "title": "Bad"}, answers=201)
    await report(board, bob, "community", made["community"]["id"])
    case = await the_case(board, mod)
    await act(board, mod, case["id"], "hide")
    assert (await board.do(bob, "GET", "/communities?q=bad", answers=200))["items"] == []
    await board.do(mod, "POST", f"/moderation/cases/{case['id']}/revert", answers=200)
    assert len((await board.do(bob, "GET", "/communities?q=bad", answers=200))["items"]) == 1
