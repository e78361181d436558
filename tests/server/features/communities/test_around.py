"""Communities in what stands above them: home feeds, notifications and search."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import PASSWORD
from tests.server.features.communities.test_events import ahead
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit
from tests.server.served import Served

WALKERS = "/communities/walkers"


class Scene:
    """Features in process, and people by their names."""

    def __init__(self, kit: Kit, served: Served) -> None:
        self.kit, self._served = kit, served
        self._tokens: dict[str, str] = {}

    async def join(self, *names: str) -> None:
        for name in names:
            body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
            _, made = await self._served.call("POST", "/auth/register", json=body)
            self._tokens[name] = made["access_token"]

    async def do(self, who: str, method: str, path: str, **json: Any) -> Any:
        status, answer = await self._served.call(method, path, token=self._tokens[who], json=json or None)
        assert status < 300, (path, status, answer)
        return answer

    async def settle(self) -> None:
        """As readers and workers do, but for pushes to timelines, which lie in Redis."""
        features = [one for one in self.kit.install().features if one.name != "feed"]
        for _ in range(2):
            await self.kit.read_facts(features)
            await self.kit.run_jobs(features)
        await self.kit.read_facts(features)

    async def told(self, who: str) -> list[tuple[str, str | None, str | None]]:
        """The subjects of their notifications of communities, the newest first, and who caused them."""
        page = await self.do(who, "GET", "/notifications?kind=community")
        return [(one["subject"]["type"], one["subject"]["path"], one["people"][0]["username"]) for one in page["items"]]


async def test_what_is_posted_in_a_community_is_in_the_home_feeds_of_its_members(kit: Kit) -> None:
    async with kit.serve() as served:
        scene = Scene(kit, served)
        await scene.join("ada", "bob", "eve")
        await scene.do("ada", "POST", "/communities", name="walkers", title="Walkers")
        await scene.do("bob", "PUT", f"{WALKERS}/membership")
        post = (await scene.do("ada", "POST", "/posts", text="x", community="walkers", visibility="community"))["post"]
        await scene.do("ada", "POST", "/posts", text="answer", reply_to=post["id"])
        [item] = (await scene.do("bob", "GET", "/feed?kind=home"))["items"]
        assert (item["post"]["id"], item["reason"]) == (post["id"], "community")
        assert (await scene.do("eve", "GET", "/feed?kind=home"))["items"] == []
        await scene.do("bob", "DELETE", f"{WALKERS}/membership")
        assert (await scene.do("bob", "GET", "/feed?kind=home"))["items"] == []


async def test_moderators_are_notified_of_who_asks_and_the_person_of_what_becomes_of_it(kit: Kit) -> None:
    async with kit.serve() as served:
        scene = Scene(kit, served)
        await scene.join("ada", "bob", "cem")
        await scene.do("ada", "POST", "/communities", name="walkers", title="Walkers", access="approval")
        await scene.do("bob", "PUT", f"{WALKERS}/membership")
        await scene.settle()
        assert await scene.told("ada") == [("community_request", "/c/walkers/members", "bob")]
        await scene.do("ada", "PUT", f"{WALKERS}/members/bob")
        await scene.do("ada", "PUT", f"{WALKERS}/members/cem")
        await scene.settle()
        assert await scene.told("ada") == []
        assert await scene.told("bob") == [("community_approved", "/c/walkers", "ada")]
        assert await scene.told("cem") == [("community_invited", "/c/walkers", "ada")]
        await scene.do("ada", "PATCH", f"{WALKERS}/members/bob", role="moderator")
        await scene.do("cem", "PUT", f"{WALKERS}/membership")
        await scene.settle()
        assert [one[0] for one in await scene.told("bob")] == ["community_role", "community_approved"]
        assert await scene.told("cem") == []


async def test_members_are_notified_of_events_reminded_of_them_and_of_announcements(kit: Kit) -> None:
    async with kit.serve() as served:
        scene = Scene(kit, served)
        await scene.join("ada", "bob", "cem")
        await scene.do("ada", "POST", "/communities", name="walkers", title="Walkers")
        for one in ("bob", "cem"):
            await scene.do(one, "PUT", f"{WALKERS}/membership")
        event = (await scene.do("ada", "POST", f"{WALKERS}/events", title="A walk", starts_at=ahead(days=2)))["event"]
        page = f"{WALKERS}/events/{event['id']}"
        for one in ("ada", "bob"):
            await scene.do(one, "PUT", f"{page}/attendance")
        await scene.settle()
        announced = ("community_event", f"/c/walkers/events/{event['id']}", "ada")
        assert (await scene.told("bob"), await scene.told("ada")) == ([announced], [])
        await make_due(kit.database)
        await scene.settle()
        soon = ("community_event_soon", f"/c/walkers/events/{event['id']}", "ada")
        assert [await scene.told(one) for one in ("ada", "bob", "cem")] == [[soon], [soon, announced], [announced]]
        post = (await scene.do("ada", "POST", "/posts", text="News", community="walkers"))["post"]
        await scene.do("ada", "PUT", f"{WALKERS}/pins/{post['id']}", announce=True)
        await scene.settle()
        assert (await scene.told("cem"))[0] == ("post", f"/posts/{post['id']}", "ada")


@pytest.mark.parametrize(
    ("access", "finders"), [("open", "ada bob eve"), ("approval", "ada bob eve"), ("invite", "ada bob")]
)
async def test_a_community_is_found_by_whom_it_is_listed_for(kit: Kit, access: str, finders: str) -> None:
    await kit.database.execute("truncate search_documents, search_words, search_names, search_due, search_filling")
    async with kit.serve() as served:
        scene = Scene(kit, served)
        await scene.join("ada", "bob", "eve")
        await scene.do("ada", "POST", "/communities", name="walkers", title="Mountain paths", access=access)
        await scene.do("ada", "PUT", f"{WALKERS}/members/bob")
        await scene.settle()
        for query in ("mountain", "walk"):
            found = [
                one
                for one in ("ada", "bob", "eve")
                if (await scene.do(one, "GET", f"/search?kind=communities&q={query}"))["items"]
            ]
            assert " ".join(found) == finders
        await scene.do("ada", "PATCH", WALKERS, title="Sea")
        await scene.settle()
        assert (await scene.do("ada", "GET", "/search?kind=communities&q=mountain"))["items"] == []
        [item] = (await scene.do("ada", "GET", "/search?q=sea"))["items"]
        assert (item["kind"], item["name"], item["counts"]) == ("community", "walkers", {"members": 1})
