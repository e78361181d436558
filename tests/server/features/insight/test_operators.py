"""Models and experiments, as operators see and set them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from server.features.insight import experiments
from server.features.insight.models import Model, Registry, Shipped
from storage.objects import LocalObjects
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served


@dataclass
class Operator:
    """An admin's calls."""

    kit: Kit
    served: Served
    token: str

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        return await self.served.call(method, f"/admin{path}", token=self.token, **options)


@pytest.fixture
async def operator(kit: Kit) -> AsyncIterator[Operator]:
    await kit.database.execute("truncate experiments cascade")
    async with kit.serve() as served:
        await served.register("warden")
        await kit.database.execute("update users set roles = '{viewer,admin}' where username = 'warden'")
        _, answer = await served.call("POST", "/auth/login", json={"login": "warden", "password": PASSWORD})
        yield Operator(kit=kit, served=served, token=answer["access_token"])


async def registry(kit: Kit) -> Registry:
    """Of which nobody knows anything yet."""
    await kit.database.execute("truncate model_versions, model_choices")
    platform = kit.platform()
    return Registry(db=kit.database, objects=LocalObjects(root=kit.objects_dir), now=platform.now)


def declare(registry: Registry) -> Model:
    async def load() -> bytes:
        return b"shipped"

    shipped = [Shipped(version="1", measures={"precision": 0.9}, load=load)]
    return registry.declare("toxicity", summary="s", fallback="nothing is held", shipped=shipped)


async def test_a_shipped_version_is_in_use_until_an_operator_chooses_another_and_rolls_back(kit: Kit) -> None:
    known = await registry(kit)
    model = declare(known)
    assert await model.active() == "1"
    assert await model.add("2", b"trained", {"precision": 0.95}, activate=False)
    assert not await model.add("2", b"otherwise", {}, activate=True)
    for version, previous in (("2", None), ("1", "2"), ("1", "2")):
        async with kit.database.transaction() as tx:
            assert await known.activate(tx, "toxicity", version)
        shown = await known.one("toxicity")
        assert shown is not None
        assert (shown.active, shown.previous, shown.state) == (version, previous, "ready")
        assert await model.active() == version


async def test_a_version_that_was_trained_is_in_use_when_it_is_activated(kit: Kit) -> None:
    model = (await registry(kit)).declare("taste", summary="s", fallback="f")
    assert await model.active() is None
    await model.add("a", b"1", {}, activate=False)
    assert await model.active() is None
    await model.add("b", b"2", {}, activate=True)
    assert await model.active() == "b"
    assert await model.content("b") == b"2"


@pytest.mark.parametrize("fault", ["missing", "corrupt", "unknown"])
async def test_content_that_is_not_as_registered_is_refused_and_operators_see_why(kit: Kit, fault: str) -> None:
    known = await registry(kit)
    model = known.declare("taste", summary="s", fallback="by popularity")
    await model.add("a", b"content", {}, activate=True)
    [path] = kit.objects_dir.glob("models/taste/a/content")
    if fault == "missing":
        path.unlink()
    elif fault == "corrupt":
        path.write_bytes(b"contenT")
    assert await model.content("z" if fault == "unknown" else "a") is None
    shown = await known.one("taste")
    assert shown is not None
    assert (shown.state, shown.fallback) == ("fallback", "by popularity")
    assert {"missing": "missing", "corrupt": "corrupt", "unknown": "not there"}[fault] in shown.why


async def test_old_versions_are_forgotten_but_those_in_use(kit: Kit) -> None:
    known = await registry(kit)
    model = known.declare("taste", summary="s", fallback="f")
    for number in range(10):
        await model.add(f"v{number}", b"x", {}, activate=number == 3)
    shown = await known.one("taste")
    assert shown is not None
    assert [one.version for one in shown.versions] == ["v9", "v8", "v7", "v6", "v5", "v3"]
    assert len(list(kit.objects_dir.glob("models/taste/*/content"))) == 6


async def test_models_over_rest(operator: Operator) -> None:
    status, page = await operator.call("GET", "/models")
    assert status == 200
    assert {"items", "next"} == set(page)
    assert (await operator.call("POST", "/models/nothing/activate", json={"version": "1"}))[0] == 404
    for item in page["items"]:
        status, problem = await operator.call("POST", f"/models/{item['name']}/activate", json={"version": "none"})
        assert (status, problem["errors"][0]["field"]) == (422, "version")
    assert (await operator.served.call("GET", "/admin/models"))[0] == 401


async def test_an_experiment_is_set_and_read(operator: Operator) -> None:
    assert (await operator.call("GET", "/experiments/ranking"))[0] == 404
    status, set_to = await operator.call("PUT", "/experiments/ranking", json={"shares": {"old": 50, "new": 50.0}})
    assert (status, set_to["shares"]) == (200, {"old": 50, "new": 50})
    status, read = await operator.call("GET", "/experiments/ranking")
    assert (status, [one["arm"] for one in read["results"]]) == (200, ["old", "new"])
    assert [(one["people"], one["difference"]) for one in read["results"]] == [(0, None), (0, None)]
    assert [one["name"] for one in (await operator.call("GET", "/experiments"))[1]["items"]] == ["ranking"]


@pytest.mark.parametrize(
    "shares",
    [{"a": 60, "b": 60}, {"a": 100}, {"a": -10, "b": 110}, {}, {"a b": 50, "b": 50}, {"a": "50", "b": "x"}],
)
async def test_shares_that_do_not_come_to_a_hundred_are_refused(operator: Operator, shares: dict[str, Any]) -> None:
    status, problem = await operator.call("PUT", "/experiments/ranking", json={"shares": shares})
    assert status == 422
    assert problem["errors"][0]["field"].startswith("shares")


async def test_a_person_meets_an_experiment_once_and_what_follows_counts(kit: Kit, operator: Operator) -> None:
    await operator.call("PUT", "/experiments/ranking", json={"shares": {"old": 50, "new": 50}})
    platform = kit.platform()
    trying = experiments.build(platform).experiments
    person = await kit.database.fetchval("select id::text from users where username = 'warden'")
    arm = await trying.arm("ranking", person)
    assert arm == await experiments.build(platform).experiments.arm("ranking", person)
    assert await trying.arm("unknown", person) is None
    assert await kit.database.fetchval("select count(*) from experiment_exposures") == 1
    await operator.call("PUT", "/experiments/ranking", json={"shares": {"old": 50, "new": 50}, "on": False})
    assert await experiments.build(platform).experiments.arm("ranking", person) is None
    results = (await operator.call("GET", "/experiments/ranking"))[1]["results"]
    assert [one["people"] for one in results if one["arm"] == arm] == [1]
