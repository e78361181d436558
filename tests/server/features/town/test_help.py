"""Help: articles are found, tickets are answered in a room of theirs, and are nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from server.features.discovery.search.folding import tokens
from server.features.town.help.articles import Articles, plain_of
from storage.conversation_facts import ConversationMessage
from storage.facts import publish
from tests.server.features.test_cluster import token
from tests.server.features.town.conftest import Scene
from tests.server.kit import Kit


def lexemes(text: str) -> list[str]:
    return [one.lexeme for one in tokens(text)]


@pytest.fixture(scope="module")
def articles() -> Articles:
    return Articles(words=lexemes, folder=None)


def test_an_article_is_found_by_what_it_says_in_either_language_and_told_in_the_asked_one(tmp_path: Path) -> None:
    for language, title, text in (
        ("en", "Lighting", "Put a softbox beside the camera."),
        ("ar", "الإضاءة", "ضع المصباح بجانب الكاميرا."),
    ):
        (tmp_path / language).mkdir()
        (tmp_path / language / "lighting.md").write_text(f"# {title}\n\n{text}\n", "utf-8")
    (tmp_path / "en" / "xlr-cables.md").write_text("# XLR cables\n\nBalanced ones.\n", "utf-8")
    articles = Articles(words=lexemes, folder=tmp_path)

    def found(words: str, language: Literal["en", "ar"]) -> list[tuple[str, str]]:
        return [(one.title, one.language) for one in articles.search(words, language)]

    assert found("softbox", "ar") == [("الإضاءة", "ar")]
    assert found("المصباح", "en") == [("Lighting", "en")]
    assert found("كابل XLR", "ar") == [("XLR cables", "en")], "it is there in English alone"


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("## Go live\n\n1. **Open** the _studio_\n- press `Start`", "Go live Open the studio press Start"),
        ("Set stream_key, 2 * 3 * 4", "Set stream_key, 2 * 3 * 4"),
        ("See [the studio](/studio) ![a lamp](/x.png)", "See the studio a lamp"),
        ("> Quoted\n```sh\nls -l\n```", "Quoted ls -l"),
        ("| a | b |\n| --- | :-: |\n| 1 | 2 |", "a b 1 2"),
        ("**غامق** و*مائل*", "غامق ومائل"),
    ],
)
def test_an_excerpt_has_no_marks_of_markdown(markdown: str, plain: str) -> None:
    assert " ".join(plain_of(markdown).split()) == plain


def test_each_article_is_there_in_both_languages(articles: Articles) -> None:
    english, arabic = (articles.search("", language) for language in ("en", "ar"))
    assert [one.slug for one in english] == [one.slug for one in arabic]
    assert len(english) >= 6


@pytest.mark.parametrize(
    ("words", "language", "slug"),
    [
        ("payout", "en", "earnings-and-payouts"),
        ("how do I go live", "en", "go-live"),
        ("المدفوعات", "ar", "earnings-and-payouts"),
        ("سوق", "ar", "buy-and-sell"),
    ],
)
def test_an_article_is_found_by_its_words(articles: Articles, words: str, language: Any, slug: str) -> None:
    assert articles.search(words, language)[0].slug == slug


def test_the_operators_article_replaces_ours_and_what_is_no_article_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "go-live.md").write_text("# Our studio\n\nAsk for the zebra key.")
    (tmp_path / "en" / "Bad Name.md").write_text("# No")
    (tmp_path / "en" / "bytes.md").write_bytes(b"\xff\xfe")
    (tmp_path / "en" / "long.md").write_text("# Long\n" + "x" * 300_000)
    mine = Articles(words=lexemes, folder=tmp_path)
    assert [one.title for one in mine.search("zebra", "en")] == ["Our studio"]
    assert {one.slug for one in mine.search("", "en")} & {"bytes", "long"} == set()


async def agent(scene: Scene) -> str:
    """Eve's token, as an agent."""
    await scene.kit.database.execute("update users set roles = '{viewer,support}' where username = 'eve'")
    held = token(scene.kit.identity, await scene.id_of("eve"), "support")
    return held["Authorization"].removeprefix("Bearer ")


async def write(scene: Scene, ticket: Any, who: str) -> None:
    """As the log of the room tells of a message."""
    fact = ConversationMessage(
        room_id=ticket["room_id"], message_id=ticket["id"], offset=1, author_id=await scene.id_of(who)
    )
    async with scene.kit.database.transaction() as tx:
        await publish(tx, fact)
    await scene.kit.read_facts([scene.feature("help")])


async def test_a_ticket_is_assigned_answered_solved_and_rated(scene: Scene) -> None:
    eve = await agent(scene)
    status, answer = await scene.call("POST", "/tickets", json={"subject": "No sound", "priority": "urgent"})
    ticket = answer["ticket"]
    path = f"/tickets/{ticket['id']}"
    assert (status, ticket["state"], ticket["assignee"]["username"]) == (201, "open", "eve")
    assert ticket["due_at"] is not None
    for member in (scene.bob, eve):
        shown = await scene.get("/conversations", member)
        assert [one["room_id"] for one in shown["items"]] == [ticket["room_id"]]
    assert (await scene.call("GET", path, scene.ada))[0] == 404
    assert (await scene.get("/tickets", scene.ada))["items"] == []
    assert [one["id"] for one in (await scene.get("/tickets?assigned=me", eve))["items"]] == [ticket["id"]]
    assert (await scene.call("PATCH", path, json={"priority": "low"}))[0] == 403
    assert (await scene.call("PATCH", path, json={"state": "solved"}))[0] == 403
    await write(scene, ticket, "eve")
    seen = await scene.get(path)
    assert (seen["state"], seen["due_at"], seen["answered_at"] is not None) == ("pending", None, True)
    await write(scene, ticket, "bob")
    assert (await scene.get(path))["state"] == "open"
    score = {"json": {"score": 5, "text": "Thanks"}}
    assert (await scene.call("PUT", f"{path}/satisfaction", **score))[0] == 409
    assert (await scene.call("PATCH", path, eve, json={"state": "solved"}))[0] == 200
    assert (await scene.call("PUT", f"{path}/satisfaction", eve, **score))[0] == 404
    assert (await scene.call("PUT", f"{path}/satisfaction", **score))[1]["satisfaction"] == {
        "score": 5,
        "text": "Thanks",
    }
    await scene.kit.database.execute("update help_tickets set solved_at = now() - interval '8 days'")
    await scene.kit.run_schedule(scene.feature("help"), "help.clock")
    assert (await scene.get(path))["state"] == "closed"


async def test_agents_assign_one_another_note_and_are_late(scene: Scene) -> None:
    _, answer = await scene.call("POST", "/tickets", json={"subject": "No picture"})
    path = f"/tickets/{answer['ticket']['id']}"
    assert answer["ticket"]["assignee"] is None
    eve = await agent(scene)
    assert (await scene.call("PATCH", path, eve, json={"assignee": "ada"}))[0] == 422
    status, ticket = await scene.call("PATCH", path, eve, json={"assignee": "EVE", "priority": "high"})
    assert (status, ticket["assignee"]["username"]) == (200, "eve")
    assert [one["room_id"] for one in (await scene.get("/conversations", eve))["items"]] == [ticket["room_id"]]
    assert (await scene.call("POST", f"{path}/notes", eve, json={"text": "A driver"}))[0] == 201
    assert [one["text"] for one in (await scene.get(f"{path}/notes", eve))["items"]] == ["A driver"]
    assert (await scene.call("GET", f"{path}/notes"))[0] == 403
    await scene.kit.database.execute("update help_tickets set due_at = now()")
    await scene.kit.run_schedule(scene.feature("help"), "help.clock")
    assert [one["id"] for one in (await scene.get("/tickets?overdue=true", eve))["items"]] == [ticket["id"]]
    assert (await scene.call("DELETE", path, scene.ada))[0] == 404
    assert (await scene.call("DELETE", path))[0] == 204
    assert (await scene.get("/conversations"))["items"] == []


async def test_what_cannot_be_a_ticket_is_refused(scene: Scene) -> None:
    for body in ({"subject": ""}, {"subject": "x" * 151}, {"subject": "x", "priority": "now"}, {"text": "x"}):
        assert (await scene.call("POST", "/tickets", json=body))[0] == 422
    await scene.kit.database.execute(
        "insert into help_tickets (id, person_id, room_id, subject, text, category, priority, rank, created_at,"
        " changed_at) select gen_random_uuid(), id, id, 's', '', '', 'low', 0, now(), now()"
        " from users, generate_series(1, 20) where username = 'bob'"
    )
    assert (await scene.call("POST", "/tickets", json={"subject": "x"}))[0] == 409
    assert (await scene.call("GET", "/help/no-such-thing"))[0] == 404
    assert (await scene.call("GET", f"/help?q={'x' * 101}"))[0] == 422
    found = await scene.get("/help?q=payout&limit=1")
    assert [one["slug"] for one in found["items"]] == ["earnings-and-payouts"]
    assert "# " not in (await scene.get("/help/go-live?language=ar"))["title"]


async def test_a_room_that_is_switched_off_takes_no_messages(kit: Kit) -> None:
    assert not next(one for one in kit.install(rooms=("market",)).features if one.name == "help").consumers
