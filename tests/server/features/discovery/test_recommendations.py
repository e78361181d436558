"""What trends and what is recommended: through the rules of the rooms that the things are of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

NAMES = ("ada", "bob", "cyd", "dan", "eve")


@dataclass
class Village:
    """Ada and bob write, the others read. All accounts are of age."""

    kit: Kit
    served: Served
    tokens: dict[str, str]
    ids: dict[str, str]

    async def call(self, who: str, method: str, path: str, **options: Any) -> Any:
        status, answer = await self.served.call(method, path, token=self.tokens.get(who), **options)
        assert status < 300, (path, answer)
        return answer

    async def post(self, who: str, text: str) -> str:
        return str((await self.call(who, "POST", "/posts", json={"text": text}))["post"]["id"])

    async def react(self, post_id: str, *names: str) -> None:
        for name in names:
            await self.call(name, "PUT", f"/posts/{post_id}/reactions/%F0%9F%91%8D")

    async def settle(self) -> None:
        """As readers and the worker do."""
        feature = self.served.feature("recommendations")
        await self.kit.read_facts([feature])
        await self.kit.run_schedule(feature, "recommendations.trends")

    async def train(self) -> None:
        await self.kit.run_schedule(self.served.feature("recommendations"), "recommendations.train")

    async def listed(self, who: str, path: str) -> list[tuple[str, str]]:
        page = await self.call(who, "GET", path)
        return [(item["id"], item["reason"]) for item in page["items"]]

    async def acts(self, kind: str, rows: Sequence[tuple[str, str, str]]) -> None:
        """(who, thing, whose)"""
        await self.kit.database.execute(
            "insert into recommendation_acts (person_id, kind, item_id, owner_id, weight, at)"
            " select *, 1, now() from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[])",
            [row[0] for row in rows], [kind] * len(rows), [row[1] for row in rows], [row[2] for row in rows],
        )  # fmt: skip


@pytest.fixture
async def village(kit: Kit) -> AsyncIterator[Village]:
    await kit.database.execute("truncate trending_items, trending_hidden, model_versions, model_choices")
    async with kit.serve() as served:
        tokens = {name: await served.register(name) for name in NAMES}
        await kit.database.execute("update users set created_at = now() - interval '30 days'")
        rows = await kit.database.fetch("select id, username from users")
        yield Village(kit, served, tokens, {row["username"]: row["id"] for row in rows})


async def test_distinct_accounts_of_standing_make_a_trend_and_an_admin_removes_it(village: Village) -> None:
    good, bought = await village.post("ada", "honest"), await village.post("bob", "bought")
    await village.react(good, "cyd", "dan")
    await village.react(bought, "cyd", "eve")
    await village.kit.database.execute("update users set created_at = now() where username = 'eve'")
    await village.settle()
    assert await village.listed("", "/trending?kind=posts") == [(good, "trending"), (bought, "trending")]
    _, first = await village.served.call("GET", "/trending?kind=posts&limit=1")
    _, second = await village.served.call("GET", f"/trending?kind=posts&limit=1&cursor={first['next']}")
    assert [one["id"] for one in (*first["items"], *second["items"])] == [good, bought]
    assert second["next"] is None
    for path in ("/trending?cursor=zz", "/recommendations?cursor=zz", f"/recommendations?cursor={first['next']}"):
        status, refused = await village.served.call("GET", path)
        assert (status, [one["field"] for one in refused["errors"]]) == (422, ["cursor"])
    await village.kit.database.execute("update users set roles = '{viewer,admin}' where username = 'dan'")
    login = {"login": "dan", "password": PASSWORD}
    village.tokens["dan"] = (await village.call("", "POST", "/auth/login", json=login))["access_token"]
    await village.call("dan", "PUT", f"/admin/trending/posts/{good}", json={"hidden": True})
    assert await village.listed("", "/trending?kind=posts") == [(bought, "trending")]
    review = await village.call("dan", "GET", "/admin/trending/posts")
    assert [(one["id"], one["people"], one["hidden"]) for one in review["items"]] == [
        (good, 2, True),
        (bought, 2, False),
    ]
    await village.call("dan", "PUT", f"/admin/trending/posts/{good}", json={"hidden": False})
    assert len(await village.listed("", "/trending?kind=posts")) == 2


async def test_a_ring_counts_less_than_strangers_and_one_account_counts_once(village: Village) -> None:
    ring, strangers = await village.post("ada", "ring"), await village.post("bob", "strangers")
    for one, other in (("bob", "cyd"), ("cyd", "bob"), ("bob", "eve"), ("eve", "bob"), ("cyd", "eve"), ("eve", "cyd")):
        await village.call(one, "PUT", f"/users/{other}/follow")
    await village.react(ring, "bob", "cyd", "eve", "eve")
    await village.react(strangers, "cyd", "dan")
    await village.settle()
    assert [one for one, _ in await village.listed("", "/trending?kind=posts")] == [strangers, ring]


async def test_a_new_server_answers_with_what_is_new(village: Village) -> None:
    post = await village.post("ada", "first")
    for who in ("", "eve"):
        assert await village.listed(who, "/trending?kind=posts") == [(post, "new")]
        assert await village.listed(who, "/recommendations?kind=posts") == [(post, "new")]
    for kind in ("streams", "videos", "people"):
        assert isinstance(await village.listed("eve", f"/recommendations?kind={kind}"), list)
    assert (await village.served.call("GET", "/recommendations?kind=cats"))[0] == 422


async def test_whom_one_follows_comes_with_that_reason_and_less_of_it_holds(village: Village) -> None:
    first, second, other = [await village.post(*one) for one in (("ada", "one"), ("ada", "two"), ("bob", "three"))]
    await village.call("eve", "PUT", "/users/ada/follow")
    items = dict(await village.listed("eve", "/recommendations?kind=posts"))
    assert items == {first: "followed", second: "followed", other: "new"}
    await village.call("eve", "POST", f"/recommendations/{first}/feedback", json={"kind": "less"})
    order = await village.listed("eve", "/recommendations?kind=posts")
    assert [one for one, _ in order] == [other, second]
    await village.call("eve", "POST", f"/recommendations/{second}/feedback", json={"kind": "hide"})
    assert [one for one, _ in await village.listed("eve", "/recommendations?kind=posts")] == [other]
    await village.call("eve", "POST", f"/recommendations/{other}/feedback", json={"kind": "more"})
    assert await village.listed("eve", "/recommendations?kind=posts") == [(other, "more")]


async def test_feedback_on_what_one_may_not_see_is_a_404(village: Village) -> None:
    post = await village.post("ada", "one")
    await village.call("ada", "PUT", "/users/eve/block")
    path = f"/recommendations/{post}/feedback"
    assert (await village.served.call("POST", path, token=village.tokens["eve"], json={"kind": "hide"}))[0] == 404
    assert (await village.served.call("POST", path, token=village.tokens["bob"], json={"kind": "best"}))[0] == 422
    assert (await village.served.call("POST", path, json={"kind": "hide"}))[0] == 401


async def test_one_is_offered_what_people_alike_like_and_a_broken_model_is_done_without(village: Village) -> None:
    ids = village.ids
    pairs = [(who, whose) for who in ("cyd", "dan") for whose in ("ada", "bob")]
    await village.acts("people", [(ids[who], ids[whose], ids[whose]) for who, whose in pairs])
    await village.acts("posts", [(ids[who], f"{at:032x}", ids[whose]) for at, (whose, who) in enumerate(pairs)])
    await village.acts("people", [(village.ids["eve"], village.ids["ada"], village.ids["ada"])])
    await village.call("eve", "PUT", "/users/ada/follow")
    assert await village.kit.database.fetchval("select count(*) from model_versions") == 0
    await village.train()
    rows = await village.kit.database.fetch("select name, measures from model_versions")
    assert [row["name"] for row in rows] == ["taste_creators"]
    name, version = "taste_creators", await village.kit.database.fetchval("select version from model_versions")
    await village.kit.database.execute(
        "insert into model_choices (name, version, chosen_at) values ($1, $2, now()) on conflict (name) do nothing",
        name,
        version,
    )
    async with village.kit.serve() as anew:
        _, page = await anew.call("GET", "/recommendations?kind=people", token=village.tokens["eve"])
        assert (page["items"][0]["id"], page["items"][0]["reason"]) == (village.ids["bob"], "alike")
    for path in village.kit.objects_dir.glob("models/*/*/content"):
        path.write_bytes(b"broken")
    async with village.kit.serve() as anew:
        status, _ = await anew.call("GET", "/recommendations?kind=people", token=village.tokens["eve"])
        assert status == 200
