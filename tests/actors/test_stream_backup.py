"""A backup beside the main publisher of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.runtime import DomainError, Unavailable
from actors.stream_messages import Grant, MediaProgressed
from tests.actors.stream_fixture import CLAIM, StreamFixture

BACKUP = msgspec.structs.replace(CLAIM, is_backup=True)


@pytest.fixture
async def stream() -> AsyncIterator[StreamFixture]:
    made = StreamFixture()
    await made.rows.create(made.new)
    await made.boot()
    yield made
    await made.stop()


async def progress(stream: StreamFixture, grant: Grant, *sources: str) -> None:
    await stream.tell(
        MediaProgressed(
            publication=grant.publication,
            media_time_ms=0,
            next_segment=0,
            at=stream.clock.time(),
            health={},
            sources=sources,
        )
    )


async def test_a_backup_joins_the_publication_of_the_main_publisher(stream: StreamFixture) -> None:
    main = await stream.go_live()
    backup: Grant = await stream.ask(BACKUP)
    assert (backup.publication, backup.joins, backup.is_backup) == (main.publication, True, True)
    assert stream.media.told == []
    assert await stream.state() == "live"


@pytest.mark.parametrize("claim", [CLAIM, BACKUP])
async def test_a_third_publisher_is_refused(stream: StreamFixture, claim: object) -> None:
    await stream.go_live()
    await stream.ask(BACKUP)
    with pytest.raises(DomainError) as caught:
        await stream.ask(claim)
    assert caught.value.code == "busy"


async def test_the_main_publisher_joins_again_beside_its_backup(stream: StreamFixture) -> None:
    grant = await stream.go_live()
    await stream.ask(BACKUP)
    await progress(stream, grant, "backup")
    main = await stream.claim()
    assert (main.publication, main.joins, main.is_backup) == (grant.publication, True, False)


async def test_a_backup_that_has_gone_leaves_its_place_to_another(stream: StreamFixture) -> None:
    grant = await stream.go_live()
    await stream.ask(BACKUP)
    await progress(stream, grant, "main")
    assert (await stream.ask(BACKUP)).joins


async def test_a_backup_alone_is_on_the_air(stream: StreamFixture) -> None:
    grant: Grant = await stream.ask(BACKUP)
    assert (grant.joins, grant.is_backup) == (False, True)


async def test_a_backup_on_another_node_is_refused_and_a_main_publisher_there_takes_over_from_a_backup_alone(
    stream: StreamFixture,
) -> None:
    await stream.go_live()
    with pytest.raises(DomainError) as caught:
        await stream.ask(msgspec.structs.replace(BACKUP, node="elsewhere"))
    assert caught.value.code == "busy"
    await stream.lose(1)
    alone: Grant = await stream.ask(BACKUP)
    main: Grant = await stream.ask(msgspec.structs.replace(CLAIM, node="elsewhere"))
    assert (main.publication, main.joins) == (alone.publication + 1, False)
    assert [publication for publication, _ in stream.media.told] == [alone.publication]


async def test_a_backup_ends_no_publisher_of_whom_a_new_actor_has_not_heard_yet(stream: StreamFixture) -> None:
    grant = await stream.go_live()
    await stream.kill()
    with pytest.raises(Unavailable):
        await stream.ask(BACKUP)
    assert stream.media.told == []
    await progress(stream, grant, "main")
    assert (await stream.ask(BACKUP)).joins
