"""WHIP and WHEP with peers of another make."""

from __future__ import annotations

import aiohttp
import m3u8
import pytest
from aiortc import RTCPeerConnection

from tests.e2e.conftest import OnTheAir
from tests.e2e.peers import offer_sdp, publishing, viewing
from tests.e2e.people import Account, Api
from tests.e2e.publishing import B_FRAMES, Publisher, play
from tests.e2e.serving import Server
from tests.e2e.waiting import until, until_true


@pytest.mark.parametrize("hides_candidates", [False, True], ids=["candidates", "no-candidates"])
async def test_a_whip_publisher_is_live_and_seen_over_hls_and_whep(
    server: Server, owner: Account, nobody: Api, hides_candidates: bool
) -> None:
    made = await owner.prepare("Over WHIP")
    stream_id, key = made["stream"]["id"], made["ingest"]["stream_key"]
    assert made["ingest"]["whip_url"] == f"{server.url}/whip/{stream_id}"
    async with publishing(nobody, f"/whip/{stream_id}", key, hides_candidates=hides_candidates) as answer:
        assert answer.headers["Content-Type"] == "application/sdp"
        assert answer.headers["ETag"]
        assert "a=candidate" in answer.text
        assert "a=rtcp-mux-only" in answer.text
        stream = await owner.until_state(stream_id, "live", within_s=30)
        second = await _offer()
        assert (await offer_sdp(nobody, f"/whip/{stream_id}", second, key=key)).status == 409
        async with viewing() as viewer:
            assert (await viewer.watch(nobody, stream_id)).status == 201
            await until_true(lambda: len(viewer.frames["video"]) >= 10, within_s=30, what="video frames")
            await until_true(lambda: len(viewer.frames["audio"]) >= 10, within_s=30, what="audio frames")
            assert (viewer.frames["video"][-1].width, viewer.frames["video"][-1].height) == (320, 240)

        async def has_segments() -> bool:
            answers = [await owner.call("GET", f"/hls/{stream_id}/{kind}.m3u8") for kind in ("video", "audio")]
            return all(answer.status == 200 and answer.text.count("#EXTINF") >= 2 for answer in answers)

        await until(has_segments, within_s=30, what="segments")
        codecs = m3u8.loads(await owner.text(stream["playback"]["hls"])).playlists[0].stream_info.codecs
        assert "avc1" in codecs
        assert "mp4a" in codecs
        played = await play(f"{server.url}{stream['playback']['hls']}", seconds=1.5)
        assert played.frames >= 30, (played.code, played.log, await owner.text(f"/hls/{stream_id}/video.m3u8"))
        location = answer.headers["Location"]
        assert (await nobody.call("DELETE", location)).status == 401
        assert (await nobody.call("DELETE", location, headers={"Authorization": "Bearer sk_other"})).status == 403
        assert (await nobody.call("GET", location)).status == 204
        assert (await nobody.call("DELETE", location, headers={"Authorization": f"Bearer {key}"})).status == 200
        await owner.until_state(stream_id, "interrupted")
    await owner.done("POST", f"streams/{stream_id}/end")


async def test_the_lasting_key_publishes_over_whip(owner: Account, nobody: Api) -> None:
    stream_id = (await owner.prepare("Mine over WHIP"))["stream"]["id"]
    async with publishing(nobody, "/whip", await owner.key()):
        await owner.until_state(stream_id, "live", within_s=30)
        await owner.done("POST", f"streams/{stream_id}/end")


async def _offer() -> str:
    peer = RTCPeerConnection()
    peer.addTransceiver("audio", direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    sdp: str = peer.localDescription.sdp
    await peer.close()
    return sdp


async def test_a_wrong_key_is_a_401(owner: Account, nobody: Api) -> None:
    stream_id = (await owner.prepare("Locked"))["stream"]["id"]
    for path in ("/whip", f"/whip/{stream_id}"):
        for key in ("sk_wrong", None):
            answer = await offer_sdp(nobody, path, await _offer(), key=key)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "nonsense",
        "v=0\r\n",
        "v=0\r\n" * 5000,
        "\x00" * 50,
        "v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video x y z\r\n",
    ],
    ids=["empty", "nonsense", "bare", "repeated", "nul", "bad-media"],
)
async def test_an_offer_that_is_none_is_a_400_and_keeps_the_key_free(owner: Account, nobody: Api, sdp: str) -> None:
    made = await owner.prepare("Malformed")
    stream_id, key = made["stream"]["id"], made["ingest"]["stream_key"]
    for _ in range(2):
        answer = await offer_sdp(nobody, f"/whip/{stream_id}", sdp, key=key)
        assert answer.status in (400, 422), answer.text
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    answer = await offer_sdp(nobody, f"/whep/{stream_id}", sdp)
    assert answer.status in (400, 404, 409, 422), answer.text


async def test_an_offer_of_another_type_or_size_is_refused(live: OnTheAir, nobody: Api) -> None:
    headers = {"Content-Type": "text/plain", "Authorization": f"Bearer {live.key}"}
    path = f"/whip/{live.stream_id}"
    assert (await nobody.call("POST", path, data=b"v=0", headers=headers)).status == 415
    too_large = "v=0\r\n" + "a=x\r\n" * 200_000
    assert (await offer_sdp(nobody, path, too_large, key=live.key)).status == 413
    path = f"/whep/{live.stream_id}"
    assert (await nobody.call("POST", path, data=b"v=0", headers={"Content-Type": "text/plain"})).status == 415
    assert (await offer_sdp(nobody, path, too_large)).status == 413


async def test_options_say_what_is_taken(live: OnTheAir, nobody: Api, http: aiohttp.ClientSession) -> None:
    for path in (f"/whip/{live.stream_id}", "/whip", f"/whep/{live.stream_id}"):
        answer = await nobody.call("OPTIONS", path)
        assert answer.status in (200, 204)
        assert answer.headers["Accept-Post"] == "application/sdp", path


async def test_a_session_that_is_not_there_is_a_404(nobody: Api) -> None:
    path = f"/whep/sessions/whep-{'0' * 32}.nowhere"
    assert (await nobody.call("DELETE", path)).status == 404
    headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": '"x"'}
    assert (await nobody.call("PATCH", path, data=b"a=ice-ufrag:x", headers=headers)).status == 404


async def test_an_rtmp_stream_is_seen_and_heard_over_whep(live: OnTheAir, nobody: Api) -> None:
    async with viewing() as first, viewing() as second:
        for viewer in (first, second):
            answer = await viewer.watch(nobody, live.stream_id)
            assert answer.status == 201, answer.text
            assert answer.headers["Location"].startswith("/whep/")
        for viewer in (first, second):
            await until_true(lambda viewer=viewer: len(viewer.frames["video"]) >= 30, within_s=30, what="video")
            await until_true(lambda viewer=viewer: len(viewer.frames["audio"]) >= 30, within_s=30, what="audio")
            assert (viewer.frames["video"][-1].width, viewer.frames["video"][-1].height) == (320, 240)
        assert (await nobody.call("DELETE", first.answer.headers["Location"])).status == 200
        assert (await nobody.call("DELETE", first.answer.headers["Location"])).status == 404


async def test_a_stream_with_b_frames_is_shown_over_whep_or_refused_with_a_reason(
    server: Server, owner: Account, nobody: Api
) -> None:
    made = await owner.prepare("With B-frames")
    stream_id = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}", codec=B_FRAMES):
        await owner.until_state(stream_id, "live")

        async def has_segment() -> bool:
            return owner_text(await owner.call("GET", f"/hls/{stream_id}/video.m3u8"))

        await until(has_segment, within_s=30, what="a segment")
        async with viewing() as viewer:
            answer = await viewer.watch(nobody, stream_id)
            if answer.status == 201:
                await until_true(lambda: len(viewer.frames["video"]) >= 10, within_s=30, what="video")
            else:
                assert answer.status == 422
                assert answer.body["reason"]
        assert not (await play(f"{server.url}/hls/{stream_id}/index.m3u8", seconds=1.5)).errors
    await owner.done("POST", f"streams/{stream_id}/end")


def owner_text(answer: object) -> bool:
    return "#EXTINF" in getattr(answer, "text", "")


async def test_a_stream_that_is_not_live_is_refused_over_whep(owner: Account, nobody: Api) -> None:
    stream_id = (await owner.prepare("Not yet"))["stream"]["id"]
    async with viewing() as viewer:
        answer = await viewer.watch(nobody, stream_id)
        assert answer.status == 409
        assert answer.body["reason"] == "not_live"
