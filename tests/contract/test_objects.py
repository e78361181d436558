"""What every object store keeps to: a folder, and a bucket of a real S3 server."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.errors import BadValue, Unavailable
from storage.objects import CHUNK_BYTES, LocalObjects, NoSuchObject, ObjectStore, S3Objects
from storage.objects.lifecycle import ClassRule
from tests.tools import needs

KEYS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../b",
    "a//b",
    "a/./b",
    "a\\b",
    "a/b/",
    "a b",
    "ä",
    "a\0",
    "a\n",
    ".hidden",
    "x" * 600,
]


RCLONE = shutil.which("rclone", path=str(Path(sys.executable).parent)) or ""


@pytest.fixture(scope="session")
def aws_keys() -> Iterator[None]:
    held = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")}
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1")
    yield
    for name, value in held.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def s3_url(aws_keys: None) -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # not for those who run other tests: it imports half of AWS

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        running.stop()


def client_of(endpoint: str) -> Any:
    import boto3

    return boto3.client("s3", endpoint_url=endpoint)


def bucket(endpoint: str) -> S3Objects:
    client = client_of(endpoint)
    if "media" not in [found["Name"] for found in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket="media")
    return S3Objects.connect("s3://media/live", endpoint_url=endpoint)


@pytest.fixture(scope="session")
def rclone_url(tmp_path_factory: pytest.TempPathFactory, aws_keys: None) -> Iterator[str]:
    """A server of files that is no imitation of S3 in this process."""
    folder = tmp_path_factory.mktemp("rclone")
    command = [RCLONE, "serve", "s3", "--addr", "127.0.0.1:0", "--config", "", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            lines = (re.search(r"http://127[.]0[.]0[.]1:[0-9]+", line) for line in running.stderr)
            said = next(found for found in lines if found)
            threading.Thread(target=running.stderr.read, daemon=True).start()
            yield said[0]
        finally:
            running.kill()


@pytest.fixture(params=["local", "moto", pytest.param("rclone", marks=needs(RCLONE, "rclone"))])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    made: ObjectStore
    if request.param == "local":
        made = LocalObjects(root=tmp_path / "objects")
    else:
        made = bucket(request.getfixturevalue("s3_url" if request.param == "moto" else "rclone_url"))
    yield made
    await made.delete_prefix("t/")
    await made.close()


async def read(store: ObjectStore, key: str, **span: int) -> bytes:
    return b"".join([chunk async for chunk in store.open(key, **span)])


async def test_bytes_and_files_come_back_as_they_were(store: ObjectStore, tmp_path: Path) -> None:
    body = os.urandom(CHUNK_BYTES * 2 + 17)
    source = tmp_path / "source"
    source.write_bytes(body)
    await store.put("t/bytes.m4s", body, content_type="video/mp4")
    await store.put("t/file.m4s", source, content_type="video/mp4")
    for key in ("t/bytes.m4s", "t/file.m4s"):
        assert await read(store, key) == body
        assert await store.size(key) == len(body)
    assert source.exists()


@pytest.mark.parametrize(
    ("offset", "size"), [(0, 4), (3, 4), (8, 100), (0, 0), (9, None), (10, None), (50, 5), (50, None)]
)
async def test_a_span_is_what_a_slice_would_be(store: ObjectStore, offset: int, size: int | None) -> None:
    await store.put("t/o", b"0123456789", content_type="text/plain")
    span = {"offset": offset} if size is None else {"offset": offset, "size": size}
    assert await read(store, "t/o", **span) == b"0123456789"[offset:][:size]


async def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    await store.put("t/empty", b"", content_type="text/plain")
    assert (await store.size("t/empty"), await read(store, "t/empty")) == (0, b"")


async def test_put_again_replaces(store: ObjectStore) -> None:
    for body in (b"a longer first", b"second"):
        await store.put("t/o", body, content_type="text/plain")
    assert await read(store, "t/o") == b"second"


async def test_what_is_not_there_has_no_size_and_cannot_be_read(store: ObjectStore) -> None:
    await store.put("t/folder/o", b"x", content_type="text/plain")
    for key in ("t/none", "t/folder", "t/folder/o/below"):
        assert await store.size(key) is None
        with pytest.raises(NoSuchObject):
            await read(store, key)
        assert store.local_path(key) is None


async def test_delete_prefix_takes_all_below_it_and_nothing_beside(store: ObjectStore) -> None:
    for key in ("t/a/1", "t/a/deep/2", "t/ab", "t/b/3"):
        await store.put(key, b"x", content_type="text/plain")
    await store.delete_prefix("t/a/")
    await store.delete_prefix("t/a/")
    left = [key for key in ("t/a/1", "t/a/deep/2", "t/ab", "t/b/3") if await store.size(key) is not None]
    assert left == ["t/ab", "t/b/3"]


@pytest.mark.parametrize("key", KEYS)
async def test_a_key_that_could_leave_the_store_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(BadValue):
        await store.put(key, b"x", content_type="text/plain")
    with pytest.raises(BadValue):
        await read(store, key)
    with pytest.raises(BadValue):
        await store.size(key)
    with pytest.raises(BadValue):
        await store.delete_prefix(key + "/")


async def test_a_prefix_without_a_slash_is_refused(store: ObjectStore) -> None:
    with pytest.raises(BadValue):
        await store.delete_prefix("t")


async def test_a_local_object_is_a_whole_file_that_can_be_sent_as_it_is(tmp_path: Path) -> None:
    store = LocalObjects(root=tmp_path)
    await store.put("t/o", b"whole", content_type="text/plain")
    path = store.local_path("t/o")
    assert path is not None
    assert path.read_bytes() == b"whole"
    assert [found.name for found in path.parent.iterdir()] == ["o"]


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        await LocalObjects(root=tmp_path / "file").put("t/o", b"x", content_type="text/plain")


async def test_a_missing_bucket_is_unavailable(s3_url: str) -> None:
    store = S3Objects.connect("s3://nowhere", endpoint_url=s3_url)
    with pytest.raises(Unavailable):
        await store.put("t/o", b"x", content_type="text/plain")
    await store.close()


async def test_keys_come_ascending_with_their_lengths(store: ObjectStore) -> None:
    assert [found async for found in store.listed()] == []
    for key, body in (("t/b/2.bin", b"22"), ("t/a/x/1.bin", b"1"), ("t/b.bin", b"")):
        await store.put(key, body, content_type="application/octet-stream")
    assert [found async for found in store.listed()] == [("t/a/x/1.bin", 1), ("t/b.bin", 0), ("t/b/2.bin", 2)]


def modes_of(path: Path) -> int:
    return path.stat().st_mode & 0o007


async def test_nobody_else_of_the_machine_reads_what_lies_in_a_folder(tmp_path: Path) -> None:
    store = LocalObjects(root=tmp_path / "objects")
    await store.put("streams/a/1.m4s", b"x", content_type="video/mp4")
    made = [tmp_path / "objects", *(tmp_path / "objects").rglob("*")]
    assert len(made) == 4
    assert [modes_of(path) for path in made] == [0] * 4


async def test_what_lay_open_in_a_folder_is_closed_with_the_next_object(tmp_path: Path) -> None:
    old = tmp_path / "objects" / "streams"
    old.mkdir(mode=0o755, parents=True)
    await LocalObjects(root=tmp_path / "objects").put("streams/b/1.m4s", b"x", content_type="video/mp4")
    assert modes_of(old) == 0


async def _stream(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


@pytest.mark.parametrize("count", [0, 1, 37])
async def test_bytes_that_come_one_after_another_are_one_object(store: ObjectStore, count: int) -> None:
    body = [os.urandom(500_000) for _ in range(count)]
    assert await store.put_stream("t/o", _stream(*body), content_type="application/zip") == 500_000 * count
    assert await read(store, "t/o") == b"".join(body)


async def test_of_bytes_that_break_off_nothing_is_stored_and_what_was_there_stays(store: ObjectStore) -> None:
    await store.put("t/o", b"first", content_type="text/plain")
    for key in ("t/o", "t/new"):
        chunks = _stream(os.urandom(9_000_000), b"x", error=LookupError("away"))
        with pytest.raises(LookupError):
            await store.put_stream(key, chunks, content_type="text/plain")
    assert await read(store, "t/o") == b"first"
    assert await store.size("t/new") is None
    assert sorted([key async for key, _ in store.listed()]) == ["t/o"]


def unfinished(endpoint: str) -> list[str]:
    """Keys of multipart uploads that were begun and neither completed nor aborted."""
    import boto3

    found = boto3.client("s3", endpoint_url=endpoint).list_multipart_uploads(Bucket="media")
    return [upload["Key"] for upload in found.get("Uploads", ())]


async def test_an_object_larger_than_a_part_comes_in_parts_and_none_stays_unfinished(s3_url: str) -> None:
    store = bucket(s3_url)
    body = [os.urandom(5_000_000) for _ in range(8)]
    assert await store.put_stream("t/large", _stream(*body), content_type="video/mp4") == 40_000_000
    assert await read(store, "t/large") == b"".join(body)
    with pytest.raises(LookupError):
        await store.put_stream("t/broken", _stream(*body, error=LookupError("away")), content_type="video/mp4")
    assert unfinished(s3_url) == []
    await store.delete_prefix("t/")
    await store.close()


@needs(RCLONE, "rclone")
async def test_many_streams_at_once_are_not_held_in_memory(rclone_url: str) -> None:
    store, chunk = bucket(rclone_url), os.urandom(500_000)
    tracemalloc.start()
    try:
        await asyncio.gather(
            *(store.put_stream(f"t/{n}", _stream(*[chunk] * 20), content_type="video/mp4") for n in range(12))
        )
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert await store.size("t/11") == 10_000_000
    await store.delete_prefix("t/")
    await store.close()


@needs(RCLONE, "rclone")
async def test_parts_that_a_dead_writer_left_in_the_bucket_are_swept_and_those_of_others_stay(rclone_url: str) -> None:
    import boto3

    store = bucket(rclone_url)
    client = boto3.client("s3", endpoint_url=rclone_url)
    for key in ("live/t/ours", "elsewhere/theirs"):
        client.create_multipart_upload(Bucket="media", Key=key)
    now = dt.datetime.now(dt.UTC)
    assert await store.sweep_unfinished(before=now - dt.timedelta(hours=1)) == 0
    assert await store.sweep_unfinished(before=now + dt.timedelta(hours=1)) == 1
    assert unfinished(rclone_url) == ["elsewhere/theirs"]
    await store.close()


async def test_a_bucket_takes_the_rules_beside_those_of_others_and_lets_nothing_expire(s3_url: str) -> None:
    store, client = bucket(s3_url), client_of(s3_url)
    theirs = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    client.put_bucket_lifecycle_configuration(Bucket="media", LifecycleConfiguration={"Rules": [theirs]})
    await store.set_lifecycle([ClassRule("uploads/", 9, "GLACIER_IR")], unfinished_days=7)
    assert await store.set_lifecycle([ClassRule("uploads/", 30, "STANDARD_IA")], unfinished_days=7)
    found, moves, unfinished = client.get_bucket_lifecycle_configuration(Bucket="media")["Rules"]
    assert found["ID"] == "logs"
    assert moves["Filter"]["Prefix"] == "live/uploads/"
    assert moves["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "Expiration" not in moves
    assert "Expiration" not in unfinished


async def test_classes_are_moved_here_where_a_bucket_takes_no_rules(s3_url: str) -> None:
    store, client, rule = bucket(s3_url), client_of(s3_url), ClassRule("t/", 30, "STANDARD_IA")
    await store.put("t/o", b"x", content_type="video/mp4")
    now = dt.datetime.now(dt.UTC)
    assert await store.move_classes([rule], now=now) == 0
    assert await store.move_classes([rule], now=now + dt.timedelta(days=31)) == 1
    assert await store.move_classes([rule], now=now + dt.timedelta(days=32)) == 0
    about = client.head_object(Bucket="media", Key="live/t/o")
    assert (about["StorageClass"], about["ContentType"]) == ("STANDARD_IA", "video/mp4")
    await store.delete_prefix("t/")


@needs(RCLONE, "rclone")
async def test_a_server_that_knows_no_rules_refuses_them_and_is_used_all_the_same(rclone_url: str) -> None:
    store = bucket(rclone_url)
    assert await store.set_lifecycle([], unfinished_days=7) is False
    await store.put("t/o", b"x", content_type="text/plain")
    assert await read(store, "t/o") == b"x"
    await store.delete_prefix("t/")
