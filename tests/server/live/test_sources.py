"""Sources of streams from the call to the media process and back, on a node whose media process the test plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from media.control import SetSources, SourcesReported
from media.pull.states import PullSource, PullState
from server.live.sources import Sources
from storage.errors import Unavailable
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")
PUBLIC = "rtmp://93.184.216.34/live/their-name"


@pytest.fixture
def given(node: CoreNode, monkeypatch: pytest.MonkeyPatch) -> list[SetSources]:
    """What the media process is given."""
    kept: list[SetSources] = []
    monkeypatch.setattr(node.app.live.sources, "_set_sources", kept.append)
    monkeypatch.setattr(node.app.live.sources, "_is_ready", lambda: True)
    return kept


async def put(person: Person, stream: Mapping[str, Any], url: str = PUBLIC) -> tuple[int, Any]:
    return await person.call("PUT", f"/streams/{stream['id']}/source", json={"url": url})


async def test_a_source_is_fetched_for_its_stream_until_it_is_deleted(
    node: CoreNode, owner: Person, given: list[SetSources]
) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/source"
    assert (await owner.call("GET", path))[0] == 404
    status, made = await put(owner, stream)
    assert (status, made["state"], made["url"]) == (200, "idle", "rtmp://93.184.216.34/live")
    await node.app.live.sources.claim()
    wanted = PullSource(stream_id=stream["id"], url=PUBLIC, key=stream["ingest"]["stream_key"])
    assert wanted in given[-1].sources

    state = PullState(stream_id=stream["id"], phase="waiting", since=1.0, reason="busy", next_try_at=6.0)
    node.app.live.media_events.handle(SourcesReported(states=(state,)))
    shown = await owner.done("GET", path)
    assert (shown["state"], shown["reason"], shown["next_try_at"]) == ("waiting", "busy", "1970-01-01T00:00:06Z")
    assert "their-name" not in str(shown)

    await owner.done("DELETE", path)
    await owner.done("DELETE", path)
    await node.app.live.sources.claim()
    assert wanted not in given[-1].sources
    assert (await owner.call("GET", path))[0] == 404


async def test_an_encoder_goes_before_the_source_and_the_source_before_nobody(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare()
    key = stream["ingest"]["stream_key"]
    ingest = node.app.live.media_events._ingest
    pulled = await ingest.claim(key, protocol="pull", remote="far away")
    granted = await node.publish(stream)
    assert granted.publication == pulled.publication + 1
    refused = await node.authorize(key)
    assert getattr(refused, "code", "") == "busy"
    with pytest.raises(Exception, match="already"):
        await ingest.claim(key, protocol="pull", remote="far away")
    node.unpublish(granted)


async def test_a_node_that_is_gone_leaves_its_sources_to_others(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare()
    await put(owner, stream)
    leases = node.app.live.sources._leases
    mine = await leases.claim(lease_s=100.0)
    assert stream["id"] in [one.stream_id for one in mine]
    other = _as_node(leases, "n-other")
    assert await other.claim(lease_s=100.0) == []
    await leases.release()
    assert stream["id"] in [one.stream_id for one in await other.claim(lease_s=0.0)]
    assert stream["id"] in [one.stream_id for one in await leases.claim(lease_s=100.0)]
    await owner.done("POST", f"/streams/{stream['id']}/end")
    assert stream["id"] not in [one.stream_id for one in await leases.claim(lease_s=100.0)]


def _as_node(leases: Any, name: str) -> Any:
    """The same, of another node."""
    import copy
    from types import SimpleNamespace

    other = copy.copy(leases)
    other._node = SimpleNamespace(name=name)
    return other


@pytest.mark.parametrize(
    "url",
    [
        *("rtmp://127.0.0.1/live/x", "rtmp://[::ffff:10.0.0.1]/live/x", "rtmps://2130706433/live/x"),
        *("rtmp://93.184.216.34/live", "http://127.0.0.1/x.m3u8", "file:///etc/passwd", "srt://93.184.216.34:1"),
    ],
)
async def test_an_address_that_may_not_be_fetched_from_is_refused_by_its_field(owner: Person, url: str) -> None:
    stream = await owner.prepare()
    status, problem = await put(owner, stream, url)
    assert (status, [one["field"] for one in problem["errors"]]) == (422, ["url"])


async def test_only_its_owner_has_to_do_with_the_source_of_a_stream(owner: Person, stranger: Person) -> None:
    stream, hidden = await owner.prepare(), await owner.prepare(visibility="private")
    assert (await put(stranger, stream))[0] == 403
    assert (await put(stranger, hidden))[0] == 404
    for method in ("GET", "DELETE"):
        assert (await stranger.call(method, f"/streams/{stream['id']}/source"))[0] == 403


async def test_a_person_has_so_many_sources_and_no_more(node: CoreNode) -> None:
    person = await node.person("fetcher")
    most = node.app.settings.max_sources_per_person
    streams = [await person.prepare() for _ in range(most + 1)]
    assert [(await put(person, stream))[0] for stream in streams] == [200] * most + [409]
    assert (await put(person, streams[0], "rtmp://93.184.216.34/live/other"))[0] == 200


async def test_a_source_whose_key_is_lost_is_left_out_and_the_others_are_fetched(node: CoreNode) -> None:
    person = await node.person("careless")
    lost, good = await person.prepare(), await person.prepare()
    for stream in (lost, good):
        await put(person, stream)
    leases: Any = node.app.live.sources._leases
    await leases._db.execute("update stream_sources set sealed_url = $2 where stream_id = $1", lost["id"], bytes(64))
    claimed = [one.stream_id for one in await leases.claim(lease_s=100.0)]
    assert good["id"] in claimed
    assert lost["id"] not in claimed


class Leases:
    """As many answers as there are; then Postgres is away."""

    def __init__(self, *answers: Sequence[PullSource]) -> None:
        self._answers = list(answers)
        self.released = 0

    async def claim(self, *, lease_s: float) -> Sequence[PullSource]:
        if not self._answers:
            raise Unavailable("postgres", "it restarts")
        return self._answers.pop(0)

    async def release(self) -> None:
        self.released += 1


async def test_what_is_fetched_goes_on_while_postgres_is_away() -> None:
    given: list[SetSources] = []
    source = PullSource(stream_id="s", url="rtmp://a/b/c", key="k")
    leases = Leases((), (source,))
    sources = Sources(leases=leases, set_sources=given.append, is_ready=lambda: True)
    for _ in range(4):
        await sources.claim()
    assert given == [SetSources(sources=(source,))]
    await sources.close()
    assert leases.released == 1


async def test_a_node_without_a_media_process_claims_nothing() -> None:
    leases = Leases(())
    await Sources(leases=leases, set_sources=lambda _: None, is_ready=lambda: False).claim()
    assert leases._answers == [()]
