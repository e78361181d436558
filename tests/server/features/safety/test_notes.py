"""Notes, templates, clocks and the export of the moderators' work."""

from __future__ import annotations

import datetime as dt

from tests.server.features.posts.conftest import Board, fields_of
from tests.server.features.safety.test_cases import NIL, act, moderator, report, the_case


async def test_notes_are_for_moderators_and_templates_are_the_admins_to_write(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod, chief = await moderator(board, "mod"), await moderator(board, "chief", "admin")
    await report(board, bob, "person", ada.id)
    case = await the_case(board, mod)
    notes = f"/moderation/cases/{case['id']}/notes"
    await board.do(ada, "POST", notes, {"text": "x"}, answers=403)
    await board.do(mod, "POST", f"/moderation/cases/{NIL}/notes", {"text": "x"}, answers=404)
    assert fields_of(await board.do(mod, "POST", notes, {"text": ""}, answers=422)) == ["text"]
    made = (await board.do(mod, "POST", notes, {"text": "ask Cem"}, answers=201))["note"]
    whole = await board.do(chief, "GET", f"/moderation/cases/{case['id']}", answers=200)
    assert whole["notes"] == [made]
    assert (made["author"], made["text"]) == ("mod", "ask Cem")
    body = {"title": "Spam", "text": "Please don't advertise."}
    await board.do(mod, "POST", "/moderation/templates", body, answers=403)
    template = (await board.do(chief, "POST", "/moderation/templates", body, answers=201))["template"]
    assert (await board.do(mod, "GET", "/moderation/templates", answers=200))["items"] == [template]
    await board.do(chief, "DELETE", f"/moderation/templates/{template['id']}")
    await board.do(chief, "DELETE", f"/moderation/templates/{template['id']}", answers=404)


async def test_a_case_that_should_have_been_decided_is_overdue_until_it_is(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    await report(board, bob, "person", ada.id)
    case = await the_case(board, mod)
    assert not case["overdue"]
    await board.api.database.execute("update cases set due_at = now() - interval '1 hour'")
    assert (await the_case(board, mod))["overdue"]
    assert not (await act(board, mod, case["id"], "dismiss"))["overdue"]


async def test_the_export_counts_without_persons_for_admins_alone(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod, chief = await moderator(board, "mod"), await moderator(board, "chief", "admin")
    await report(board, bob, "person", ada.id, reason="spam")
    await act(board, mod, (await the_case(board, mod))["id"], "warn")
    assert (await mod.ask("GET", "/admin/transparency.csv")).status == 403
    answer = await chief.ask("GET", "/admin/transparency.csv")
    assert answer.content_type == "text/csv"
    assert (await answer.text()).splitlines() == [
        "figure,kind,of,count", "cases,person,spam,1", "decisions,person,warn,1", "reports,person,spam,1",
    ]  # fmt: skip
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).date()
    later = await chief.ask("GET", f"/admin/transparency.csv?from={tomorrow}&to={tomorrow}")
    assert (await later.text()).splitlines() == ["figure,kind,of,count"]
    assert (await chief.ask("GET", "/admin/transparency.csv?from=2026-02-01&to=2026-01-01")).status == 422
    assert (await chief.ask("GET", "/admin/transparency.csv?from==1%2B1")).status == 422


async def test_every_node_follows_that_a_person_may_not_write_and_may_again(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    await report(board, bob, "person", ada.id)
    case = await the_case(board, mod)
    changes = "select count(*) from rights_changes where kind = 'account' and subject_id = $1"
    before = await board.api.database.fetchval(changes, ada.id)
    await act(board, mod, case["id"], "restrict")
    assert await board.api.database.fetchval(changes, ada.id) == before + 1
    await board.do(mod, "POST", f"/moderation/cases/{case['id']}/revert", answers=200)
    assert await board.api.database.fetchval(changes, ada.id) == before + 2
