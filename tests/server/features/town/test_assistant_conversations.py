"""What the assistant proposes waits for its person, once and for minutes; conversations are one's own, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from server.features.town.assistant.conversations import MAX_BEFORE, MAX_CONVERSATIONS, MAX_MESSAGES
from tests.server.features.test_cluster import ADMIN, token
from tests.server.features.town.model_server import ModelServer, Way, calls, serving_model, words
from tests.server.features.town.test_assistant import KEY, Told, ask
from tests.server.kit import Kit
from tests.server.served import Served

TICKET = {"subject": "No sound", "text": "My stream has no sound"}
NOWHERE = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"


@dataclass
class Talk:
    kit: Kit
    served: Served
    model: ModelServer
    ada: str
    bob: str

    async def ask(self, text: str, token: str | None = None, **more: Any) -> Told:
        return await ask(self.served, token or self.ada, text, **more)

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
        return await self.served.call(method, f"/assistant/{path}", token=token or self.ada, **more)

    async def proposed(self) -> Any:
        """What the model proposes, by the tool that opens tickets."""
        self.model.says = lambda asked: (
            words("Please confirm.") if asked["messages"][-1]["role"] == "tool" else calls("open_ticket", TICKET)
        )
        told = await self.ask("Open a ticket: my stream has no sound")
        [proposal] = [one["proposal"] for one in told.events if "proposal" in one]
        return proposal

    async def tickets(self) -> int:
        found: int = await self.kit.database.fetchval("select count(*) from help_tickets")
        return found


@pytest.fixture
async def talk(kit: Kit) -> AsyncIterator[Talk]:
    async with serving_model() as model, kit.serve(assistant_api_base=model.base, assistant_model="m") as served:
        yield Talk(kit, served, model, await served.register("ada"), await served.register("bob"))


async def test_a_ticket_is_opened_once_its_person_confirms_it_and_never_again(talk: Talk) -> None:
    proposal = await talk.proposed()
    assert proposal["arguments"] == TICKET
    assert await talk.tickets() == 0
    path = f"confirmations/{proposal['id']}"
    assert (await talk.call("POST", path, talk.bob))[0] == 404
    answers = await asyncio.gather(*(talk.call("POST", path) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]
    assert await talk.tickets() == 1
    [done] = [answer for status, answer in answers if status == 200]
    assert (done["tool"], done["title"]) == ("open_ticket", "No sound")
    status, ticket = await talk.served.call("GET", done["url"].removeprefix("/help"), token=talk.ada)
    assert (status, ticket["text"]) == (200, TICKET["text"])


async def test_a_proposal_that_was_declined_or_is_too_old_does_nothing(talk: Talk) -> None:
    declined, old = await talk.proposed(), await talk.proposed()
    assert (await talk.call("DELETE", f"confirmations/{declined['id']}", talk.bob))[0] == 404
    assert (await talk.call("DELETE", f"confirmations/{declined['id']}"))[0] == 204
    assert (await talk.call("POST", f"confirmations/{declined['id']}"))[0] == 409
    await talk.kit.database.execute("update assistant_proposals set expires_at = now() where decided_at is null")
    assert (await talk.call("POST", f"confirmations/{old['id']}"))[0] == 410
    assert (await talk.call("POST", f"confirmations/{NOWHERE}"))[0] == 404
    assert await talk.tickets() == 0


async def test_what_the_room_refuses_is_still_there_to_be_confirmed(talk: Talk) -> None:
    proposal = await talk.proposed()
    ada = await talk.kit.database.fetchval("select id from users where username_key = 'ada'")
    await talk.kit.database.execute(
        "insert into help_tickets (id, person_id, room_id, subject, text, category, priority, rank, created_at,"
        " changed_at) select gen_random_uuid(), $1, gen_random_uuid(), 's', '', '', 'low', 0, now(), now()"
        " from generate_series(1, 20)",
        ada,
    )
    status, problem = await talk.call("POST", f"confirmations/{proposal['id']}")
    assert (status, problem["type"]) == (409, "/problems/too-many-tickets")
    await talk.kit.database.execute("update help_tickets set state = 'closed'")
    assert (await talk.call("POST", f"confirmations/{proposal['id']}"))[0] == 200


async def test_a_model_that_only_proposes_is_spoken_for(talk: Talk) -> None:
    talk.model.says = lambda _: calls("open_ticket", TICKET)
    told = await talk.ask("افتح تذكرة")
    assert "بعد تأكيدك" in told.text
    assert len([one for one in told.events if "proposal" in one]) == 1


async def test_a_conversation_goes_on_with_what_was_asked_and_is_seen_by_its_person_alone(talk: Talk) -> None:
    first = await talk.ask("How do I go live?")
    conversation_id = first.end["conversation_id"]
    for number in range(MAX_BEFORE):
        await talk.ask(f"and then {number}?", conversation_id=conversation_id)
    before = talk.model.asked[-1]["messages"][1:-1]
    assert len(before) == MAX_BEFORE
    assert [one["role"] for one in before[-2:]] == ["user", "assistant"]
    _, page = await talk.call("GET", "conversations")
    assert [one["title"] for one in page["items"]] == ["How do I go live?"]
    _, messages = await talk.call("GET", f"conversations/{conversation_id}/messages?limit=2")
    assert [one["role"] for one in messages["items"]] == ["asker", "assistant"]
    assert messages["items"][1]["sources"] == first.sources
    for method, path in (("GET", f"{conversation_id}/messages"), ("DELETE", conversation_id)):
        assert (await talk.call(method, f"conversations/{path}", talk.bob))[0] == 404
    body = {"text": "go on", "conversation_id": conversation_id}
    assert (await talk.call("POST", "messages", talk.bob, json=body))[0] == 404
    assert (await talk.call("DELETE", f"conversations/{conversation_id}"))[0] == 204
    assert await talk.kit.database.fetchval("select count(*) from assistant_messages") == 0


async def test_conversations_and_their_messages_have_an_end(talk: Talk) -> None:
    conversation_id = (await talk.ask("How do I go live?")).end["conversation_id"]
    fill = (
        "insert into assistant_messages select gen_random_uuid(), $1, 'asker', 'x', '[]', now()"
        " from generate_series(1, $2)"
    )
    await talk.kit.database.execute(fill, conversation_id, MAX_MESSAGES)
    status, problem = await talk.call("POST", "messages", json={"text": "more", "conversation_id": conversation_id})
    assert (status, problem["type"]) == (409, "/problems/conversation-full")
    await talk.kit.database.execute(
        "insert into assistant_conversations select gen_random_uuid(), person_id, 't', now(), now()"
        " from assistant_conversations, generate_series(1, $1)",
        MAX_CONVERSATIONS,
    )
    await talk.ask("Another?")
    assert await talk.kit.database.fetchval("select count(*) from assistant_conversations") == MAX_CONVERSATIONS


async def test_admins_see_how_the_engine_does_and_nobody_else(talk: Talk) -> None:
    await talk.ask("How do I go live?")
    talk.model.way = "500"
    await talk.ask("How do I go live?")
    admin = token(talk.kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
    status, told = await talk.served.call("GET", "/admin/assistant", token=admin)
    assert (status, told["engine"], told["model"], told["answers"]) == (200, "api", "m", 1)
    assert (told["failures"], told["last_failure"]) == ({"broken": 1}, "the model's server answered 500")
    assert (told["people_today"], told["questions_today"], told["tokens_today"]) == (1, 2, 321)
    [failed] = told["last_failures"]
    assert (failed["failure"], failed["says"]) == ("broken", "the model's server answered 500")
    [day] = told["days"]
    assert (day["people"], day["questions"], day["tokens"]) == (1, 2, 321)
    _, askers = await talk.served.call("GET", "/admin/assistant/people", token=admin)
    [asker] = askers["items"]
    assert (asker["person"]["username"], asker["questions"], asker["tokens"]) == ("ada", 2, 321)
    for method, path in (("GET", ""), ("GET", "/people"), ("POST", "/trial")):
        assert (await talk.served.call(method, f"/admin/assistant{path}", token=talk.ada))[0] == 403


@pytest.mark.parametrize(
    ("way", "failure"), [("whole", None), ("hangs", "late"), ("html", "broken"), ("500", "broken"), ("429", "busy")]
)
async def test_an_admin_tries_the_model_and_is_told_what_is_wrong_with_it(
    talk: Talk, way: Way, failure: str | None
) -> None:
    talk.model.way = way
    admin = token(talk.kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
    status, told = await talk.served.call("POST", "/admin/assistant/trial", token=admin)
    assert (status, told["failure"], told["ok"]) == (200, failure, failure is None)
    assert told["says"].strip() == "Press" if failure is None else KEY not in told["says"]
    assert (await talk.served.call("GET", "/admin/assistant", token=admin))[1]["failures"] == {}  # no answer failed


async def test_without_a_model_there_is_nothing_to_try(kit: Kit) -> None:
    async with kit.serve(assistant_engine="articles") as served:
        admin = token(kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
        assert (await served.call("POST", "/admin/assistant/trial", token=admin))[0] == 409
