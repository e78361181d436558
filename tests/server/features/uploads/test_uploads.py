"""Uploads by tus 1.0.0: what was answered is kept, what is wrong is refused, what nobody uses goes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
import zlib
from collections.abc import AsyncIterator

import pytest

from server.features.videos.uploads.rules import GB, kind_of, quotas
from storage.doomed import DoomedObjects
from storage.objects import LocalObjects
from tests.server.features.uploads.conftest import Uploader, another, cut_off, metadata, png, video
from tests.server.kit import Kit

MB = 1024 * 1024
NO_ONE = "/api/v1/uploads/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"


async def stored(kit: Kit) -> list[str]:
    """What lies in the object store once all that is doomed has been deleted."""
    objects = LocalObjects(root=kit.objects_dir)
    for _ in range(2):
        await kit.database.execute("update doomed_objects set due_at = now()")
        await DoomedObjects(db=kit.database, objects=objects).sweep()
    return [key async for key, _ in objects.listed()]


async def bytes_of(kit: Kit, path: str) -> bytes:
    upload_id = path.rpartition("/")[2]
    rows = await kit.database.fetch("select key from upload_segments where upload_id = $1 order by start", upload_id)
    objects = LocalObjects(root=kit.objects_dir)
    return b"".join([chunk for row in rows async for chunk in objects.open(row["key"])])


async def test_a_video_that_comes_in_pieces_is_whole_and_is_known_for_one(ada: Uploader) -> None:
    data = video(5.2)
    path = await ada.create(len(data), Upload_Metadata=metadata(filename="../../clip\u202e.mp4", filetype="video/mp4"))
    for start, end in ((0, 10), (10, 3 * MB), (3 * MB, len(data))):
        assert await ada.offset(path) == start
        assert (await ada.state(path))["state"] == "receiving"
        assert await ada.append(path, start, data[start:end]) == 204
    assert (await ada.state(path))["state"] == "checking"
    await ada.kit.run_jobs()
    shown = await ada.state(path)
    assert shown["state"] == "ready", shown["reason"]
    assert (shown["kind"], shown["filename"], shown["size"]) == ("video", "clip.mp4", len(data))
    assert (shown["width"], shown["height"], shown["duration_ms"]) == (160, 90, 480)
    assert (shown["container"], shown["video_codec"], shown["audio_codec"]) == ("mov", "mpeg4", "aac")
    assert await bytes_of(ada.kit, path) == data
    assert (await ada.send("HEAD", path))[1]["Upload-Metadata"].startswith("filename ")


async def test_what_came_before_the_connection_broke_is_kept(ada: Uploader) -> None:
    data = os.urandom(5 * MB)
    path = await ada.create(len(data))
    await cut_off(ada, path, data[: 3 * MB], promised=len(data))
    offset = 0
    async with asyncio.timeout(30):
        while offset == 0:
            await asyncio.sleep(0.02)
            offset = await ada.offset(path)
    assert 2 * MB < offset <= 3 * MB  # but for what the server had read and not looked at
    assert await ada.append(path, offset, data[offset:]) == 204
    assert await bytes_of(ada.kit, path) == data


async def test_the_latest_request_writes_and_the_one_before_is_told_so(ada: Uploader) -> None:
    data = os.urandom(5 * MB)
    path = await ada.create(len(data))
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield data[:10]
        begun.set()
        await go_on.wait()
        yield data[10:]

    first = asyncio.create_task(ada.append(path, 0, slow()))
    await begun.wait()
    writer = 0
    async with asyncio.timeout(30):
        while writer == 0:
            await asyncio.sleep(0.02)
            writer = await ada.kit.database.fetchval("select writer from uploads")
    assert await ada.append(path, 0, data) == 204
    go_on.set()
    assert await first == 423
    assert await bytes_of(ada.kit, path) == data


async def test_a_picture_is_shown_re_encoded_in_two_sizes_and_nothing_else_of_it_stays(ada: Uploader) -> None:
    path = await ada.whole(png())
    shown = await ada.state(path)
    assert (shown["state"], shown["kind"], shown["width"], shown["height"]) == ("ready", "image", 1000, 500)
    assert len(shown["blurhash"]) == 28
    device = await ada.served.http.get(ada.served.url + shown["preview_url"])
    assert (device.status, device.headers["Content-Type"]) == (200, "image/webp")
    assert [key.rpartition("/")[2] for key in await stored(ada.kit)] == ["full.webp", "preview.webp"]


def png_of(width: int, height: int) -> bytes:
    """A picture that says it is so large, and has nothing else in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    made = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        made += struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))
    return made


REFUSED = [
    (png_of(100_000, 100_000), "100000 × 100000 is more than 50000000 pixels"),
    (b"PK\x03\x04" + bytes(100), "This kind of file is not taken"),
    (b"<!doctype html><script>alert(1)</script>", "This kind of file is not taken"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "This kind of file is not taken"),
    (b"#EXTM3U\nfile:///etc/passwd", "This kind of file is not taken"),
    (b"ffconcat version 1.0\nfile /etc/passwd", "This kind of file is not taken"),
    (b"", "This kind of file is not taken"),
    (video()[:-9], "The file is not whole"),
    (b"WEBVTT\n\n\0", "The text is not UTF-8, or has control characters"),
    (b"WEBVTT\n\n\xff", "The text is not UTF-8, or has control characters"),
    (png((40, 20))[:100], "The PNG picture is broken or not whole"),
    (png((40, 20)) + b"PK\x05\x06" + bytes(18), "The file holds more than a picture"),
]


async def test_what_is_not_taken_is_refused_with_its_reason(ada: Uploader) -> None:
    paths = [await ada.create(len(data)) for data, _ in REFUSED]
    for path, (data, _) in zip(paths, REFUSED, strict=True):
        assert not data or await ada.append(path, 0, data) == 204
    await ada.kit.run_jobs()
    shown = [await ada.state(path) for path in paths]
    assert [(one["state"], one["reason"]) for one in shown] == [("refused", reason) for _, reason in REFUSED]
    assert await stored(ada.kit) == []


async def test_the_owner_is_told_when_an_upload_is_ready(ada: Uploader) -> None:
    await ada.whole(png((20, 10)))
    assert ("upload:changed", "ready") in [(event, body.get("state")) for _, event, body in ada.kit.published.events]


async def test_a_checksum_that_does_not_hold_takes_nothing(ada: Uploader) -> None:
    data = os.urandom(3 * MB)
    path = await ada.create(len(data))
    good = base64.b64encode(hashlib.sha1(data).digest()).decode()
    bad = base64.b64encode(hashlib.sha1(b"else").digest()).decode()
    assert await ada.append(path, 0, data, Upload_Checksum=f"sha1 {bad}") == 460
    assert await ada.offset(path) == 0
    assert await ada.append(path, 0, data, Upload_Checksum=f"sha512 {good}") == 400
    assert await ada.append(path, 0, data, Upload_Checksum=f"sha1 {good}") == 204
    assert await bytes_of(ada.kit, path) == data


async def test_parts_are_joined_to_one_upload_and_can_be_used_once(ada: Uploader) -> None:
    data = [video()[:1000], video()[1000:]]
    parts = [await ada.create(len(one), Upload_Concat="partial") for one in data]
    concat = "final;" + " ".join(parts)
    assert await ada.append(parts[0], 0, data[0]) == 204
    assert (await ada.send("POST", Upload_Concat=concat))[0] == 409
    assert await ada.append(parts[1], 0, data[1]) == 204
    bob = await another(ada)
    assert (await bob.send("POST", Upload_Concat=concat))[0] == 404
    twice = f"final;{parts[0]} http://elsewhere{parts[0].upper().replace('/API/V1/UPLOADS', '/api/v1/uploads')}"
    assert (await ada.send("POST", Upload_Concat=twice))[0] == 400
    both = await asyncio.gather(*(ada.send("POST", Upload_Concat=concat) for _ in range(2)))
    assert sorted(status for status, _, _ in both) == [201, 409], "one of two that come at once"
    whole = next(said["Location"] for status, said, _ in both if status == 201)
    assert (await ada.send("HEAD", whole))[1]["Upload-Concat"] == concat
    assert await bytes_of(ada.kit, whole) == b"".join(data)
    assert await ada.append(whole, 0, b"x") == 403
    assert (await ada.send("POST", Upload_Concat=concat))[0] == 409
    assert (await ada.send("DELETE", parts[0]))[0] == 409
    await ada.kit.run_jobs()
    assert (await ada.state(whole))["kind"] == "video"
    assert (await ada.send("DELETE", whole))[0] == 204
    assert (await ada.send("HEAD", parts[0]))[0] == 404
    assert await stored(ada.kit) == []


async def test_a_length_may_be_said_later_and_an_upload_may_begin_with_bytes(ada: Uploader) -> None:
    path = await ada.create(None)
    assert (await ada.send("HEAD", path))[1]["Upload-Defer-Length"] == "1"
    assert await ada.append(path, 0, b"WEBVTT\n") == 204
    assert (await ada.state(path))["state"] == "receiving"
    assert await ada.append(path, 7, b"", Upload_Length="6") == 400
    assert await ada.append(path, 7, b"", Upload_Length="7") == 204
    await ada.kit.run_jobs()
    assert (await ada.state(path))["kind"] == "text"
    status, said, _ = await ada.send("POST", data=b"WEBVTT\n", Upload_Length="7")
    assert (status, said["Upload-Offset"]) == (201, "7")


BAD_BEGINNINGS: list[tuple[dict[str, str], int]] = [
    ({}, 400),
    ({"Upload_Length": "-1"}, 400),
    ({"Upload_Length": "1e3"}, 400),
    ({"Upload_Length": "9" * 15}, 413),
    ({"Upload_Length": "9" * 40}, 400),
    ({"Upload_Length": "8000001"}, 413),
    ({"Upload_Length": "1", "Upload_Defer_Length": "1"}, 400),
    ({"Upload_Defer_Length": "2"}, 400),
    ({"Upload_Length": "1", "Upload_Metadata": "filename !"}, 400),
    ({"Upload_Length": "1", "Upload_Metadata": "a YQ==,a YQ=="}, 400),
    ({"Upload_Length": "1", "Upload_Metadata": ",".join(f"k{n} YQ==" for n in range(21))}, 400),
    ({"Upload_Concat": "final;"}, 400),
    ({"Upload_Concat": "final;/etc/passwd"}, 400),
    ({"Upload_Concat": f"final;{NO_ONE}"}, 404),
    ({"Upload_Concat": f"final;{NO_ONE} {NO_ONE}"}, 400),
    ({"Upload_Concat": "whole", "Upload_Length": "1"}, 400),
    ({"Upload_Length": "1", "Tus_Resumable": "0.2.2"}, 412),
    ({"Upload_Length": "1", "Tus_Resumable": ""}, 412),
]


async def test_a_beginning_that_is_wrong_is_refused(ada: Uploader) -> None:
    answers = [(headers, (await ada.send("POST", **headers))[0]) for headers, _ in BAD_BEGINNINGS]
    assert answers == BAD_BEGINNINGS
    assert await ada.kit.database.fetchval("select count(*) from uploads") == 0


async def test_a_piece_that_does_not_fit_is_refused_and_changes_nothing(ada: Uploader) -> None:
    path = await ada.create(10)
    assert (await ada.send("PATCH", path, data=b"x"))[0] == 400
    assert await ada.append(path, 3, b"x") == 409
    assert await ada.append(path, 0, b"x" * 11) == 413
    assert (await ada.send("PATCH", path, data=b"x", Upload_Offset="0", Content_Type="text/plain"))[0] == 415
    assert await ada.append(NO_ONE, 0, b"x") == 404
    assert await (await another(ada)).append(path, 0, b"x") == 404
    assert await ada.offset(path) == 0

    async def without_length() -> AsyncIterator[bytes]:
        yield b"x" * 8
        yield b"x" * 8

    assert await ada.append(path, 0, without_length()) == 413
    assert await ada.append(path, 10, b"x") == 409
    assert await ada.offset(path) == 10


async def test_an_account_has_so_many_unused_uploads_and_no_more(ada: Uploader) -> None:
    first = await ada.create(8_000_000)
    await ada.create(8_000_000)
    assert (await ada.send("POST", Upload_Length="8000000"))[0] == 413
    await (await another(ada)).create(8_000_000)
    assert (await ada.send("DELETE", first))[0] == 204
    for _ in range(11):
        await ada.create(1)
    assert (await ada.send("POST", Upload_Length="1"))[0] == 413


async def test_what_has_no_length_yet_takes_no_more_room_than_there_is(ada: Uploader) -> None:
    for _ in range(2):
        await ada.create(8_000_000)
    path = await ada.create(None)
    assert await ada.append(path, 0, b"x" * 3_000_000) == 204
    assert await ada.append(path, 3_000_000, b"", Upload_Length="8000000") == 413
    assert await ada.append(path, 3_000_000, b"x" * 2_000_000) == 413
    assert await ada.offset(path) == 3_000_000
    assert await ada.append(path, 3_000_000, b"x" * 1_000_000, Upload_Length="4000000") == 204


def test_the_largest_quota_of_an_accounts_roles_holds() -> None:
    found = quotas(5, "creator=50,moderator=20,admin=0")
    asked = [(), ("viewer",), ("viewer", "moderator"), ("moderator", "creator"), ("viewer", "admin")]
    assert [found.of(roles) for roles in asked] == [5 * GB, 5 * GB, 20 * GB, 50 * GB, None]
    assert quotas(0, "").of(["viewer"]) is None


async def test_used_uploads_count_for_the_quota_and_refused_ones_do_not(kit: Kit) -> None:
    async with kit.serve(upload_quota_gb=1, upload_quota_gb_by_role="creator=2") as served:
        ada = Uploader(kit, served, await served.register("ada"))
        first, second = await ada.create(1_500_000_000), await ada.create(400_000_000)
        await kit.database.execute("update uploads set claimed_by = 'video', state = 'ready', kind = 'video'")
        status, _, body = await ada.send("POST", Upload_Length="200000000")
        assert status == 413
        assert b"upload-quota-exceeded" in body
        await kit.database.execute("update uploads set state = 'refused' where id = $1", second.rpartition("/")[2])
        await ada.create(200_000_000)
        await kit.database.execute("update users set roles = '{viewer}'")
        assert (await ada.send("POST", Upload_Length="1"))[0] == 413
        assert (await ada.send("HEAD", first))[0] == 200


ODD_NAMES = [
    ("/etc/passwd", "passwd"),
    ("C:\\Windows\\a.mp4", "a.mp4"),
    ("..", None),
    ("a\u202egpj.exe", "agpj.exe"),
    ("a\0b\r\nc.mp4", "ab c.mp4"),
    ("x" * 400, "x" * 255),
    ("", None),
]


async def test_names_are_kept_without_folders_and_what_cannot_be_seen(ada: Uploader) -> None:
    for name, kept in ODD_NAMES:
        path = await ada.create(1, Upload_Metadata=metadata(filename=name))
        assert (await ada.state(path))["filename"] == kept, name


async def test_what_nobody_goes_on_with_or_uses_is_swept_and_what_is_used_stays(ada: Uploader) -> None:
    begun, used = await ada.create(10), await ada.whole(png((20, 10)))
    assert await ada.append(begun, 0, b"12345") == 204
    uploads = ada.kit.install().uploads
    owner = await ada.kit.database.fetchval("select owner_id from uploads limit 1")
    used_id = used.rpartition("/")[2]
    async with ada.kit.database.transaction() as tx:
        media = await uploads.claim(tx, owner, [used_id], by="post:1", fields=["media"])
    assert (media[0].kind, media[0].width) == ("image", 20)
    with pytest.raises(Exception, match="no ready, unused upload"):
        async with ada.kit.database.transaction() as tx:
            await uploads.claim(tx, owner, [used_id], by="post:2", fields=["media"])
    assert (await ada.send("DELETE", used))[0] == 409
    await ada.kit.database.execute("update uploads set expires_at = now() - interval '1 s'")
    await uploads.sweep()
    assert (await ada.send("HEAD", begun))[0] == 404
    assert (await ada.state(used))["expires_at"] is None
    async with ada.kit.database.transaction() as tx:
        await uploads.release(tx, [used_id])
    assert await stored(ada.kit) == []


async def test_a_browser_of_another_origin_may_upload_where_it_is_allowed_to_write(ada: Uploader) -> None:
    status, said, _ = await ada.send("OPTIONS")
    assert status == 204
    assert "concatenation" in said["Tus-Extension"]
    assert (said["Tus-Version"], said["Tus-Max-Size"]) == ("1.0.0", "8000000")
    status, of_one, _ = await ada.send("OPTIONS", NO_ONE)
    assert (status, of_one["Tus-Extension"], of_one["Tus-Version"]) == (204, said["Tus-Extension"], "1.0.0")


async def test_a_client_that_can_send_no_other_methods_names_them_in_a_header(ada: Uploader) -> None:
    path = await ada.create(4)
    patch = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": "0"}
    status, said, _ = await ada.send("POST", path, data=b"ab", **patch)
    assert (status, said["Upload-Offset"]) == (204, "2")
    assert (await ada.send("POST", path, data=b"ab", **patch))[0] == 409
    assert (await ada.send("POST", path, **patch))[0] == 415
    status, said, body = await ada.send("POST", path, X_HTTP_Method_Override="HEAD")
    assert (status, said["Upload-Offset"], said["Upload-Length"], body) == (200, "2", "4", b"")
    assert (await ada.send("POST", path, X_HTTP_Method_Override="DELETE", Tus_Resumable=""))[0] == 412
    assert (await ada.send("POST", path, X_HTTP_Method_Override="DELETE"))[0] == 204
    assert (await ada.send("POST", path, X_HTTP_Method_Override="HEAD"))[0] == 404
    assert (await ada.send("POST", path))[0] == 405


async def test_every_refusal_names_the_version_of_the_protocol(ada: Uploader) -> None:
    path = await ada.create(4)
    of_text = {"Content_Type": "text/plain", "Upload_Offset": "0"}
    wrong_sum = {"Upload_Offset": "0", "Upload_Checksum": "md5 AAAA"}
    for refused, status in (
        (ada.send("HEAD", NO_ONE), 404),
        (ada.send("PATCH", path, data=b"ab", Upload_Offset="x"), 400),
        (ada.send("PATCH", path, data=b"ab", Upload_Offset="1"), 409),
        (ada.send("PATCH", path, data=b"ab", Upload_Offset="0", Tus_Resumable=""), 412),
        (ada.send("PATCH", path, data=b"abcdefgh", Upload_Offset="0"), 413),
        (ada.send("PATCH", path, data=b"ab", **of_text), 415),
        (ada.send("PATCH", path, data=b"ab", **wrong_sum), 460),
        (ada.send("DELETE", path, Authorization=""), 401),
    ):
        found, said, _ = await refused
        assert (found, said["Tus-Resumable"]) == (status, "1.0.0")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x20ftypM4A ", "audio"),
        (b"\0\0\0\x14ftypqt  ", "video"),
        (b"ID3\x04", "audio"),
        (b"OggS", "audio"),
        ((b"\x47" + bytes(187)) * 4, "video"),
        (b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHello", "text"),
        (b"\xef\xbb\xbfWEBVTT\n", "text"),
        (b"PK\x03\x04", None),
        (b"\x7fELF", None),
        (b"H" * 800, None),
    ],
)
def test_a_file_is_what_it_begins_with(head: bytes, kind: str | None) -> None:
    assert kind_of(head) == kind
