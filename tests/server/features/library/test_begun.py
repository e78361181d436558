"""A video is played from the first segments of its smallest rendition on, while all else is made."""

from __future__ import annotations

from tests.media.vod.films import film
from tests.server.features.library.conftest import Studio
from tests.server.features.library.test_videos import encoded_here


async def test_it_is_played_as_an_event_until_it_is_whole(studio: Studio) -> None:
    video_id = (await studio.made(film(seconds=17, fps=5)))["id"]
    base = f"/vod/{video_id}"
    await encoded_here(studio, dies_after=6)  # its sound, and two segments of pictures
    assert (await studio.get(f"{base}/index.m3u8"))[0] == 404

    await encoded_here(studio, dies_after=0)
    _, video = await studio.call("GET", f"/videos/{video_id}", studio.bob)
    assert (video["state"], video["playback"]["hls"], video["playback"]["dash"]) == (
        "processing", f"{base}/index.m3u8", None,
    )  # fmt: skip
    index = (await studio.get(f"{base}/index.m3u8"))[1].decode()
    assert "90p.m3u8" in index
    assert "TYPE=AUDIO" in index
    begun = (await studio.get(f"{base}/90p.m3u8"))[1].decode()
    assert "#EXT-X-PLAYLIST-TYPE:EVENT\n" in begun
    assert "#EXT-X-ENDLIST" not in begun
    assert begun.count(".m4s") == 3
    assert (await studio.get(f"{base}/1/90p/2.m4s"))[0] == 200
    assert (await studio.get(f"{base}/manifest.mpd"))[0] == 404
    assert (await studio.get(f"{base}/storyboard.vtt"))[0] == 200

    await encoded_here(studio)
    whole = (await studio.get(f"{base}/90p.m3u8"))[1].decode()
    assert whole.endswith("#EXT-X-ENDLIST\n")
    assert "#EXT-X-PLAYLIST-TYPE:VOD\n" in whole
    parts = [line for line in begun.splitlines() if line.startswith(("#EXTINF", "1/"))]
    assert [line for line in whole.splitlines() if line.startswith(("#EXTINF", "1/"))][: len(parts)] == parts
    assert (await studio.get(f"{base}/manifest.mpd"))[0] == 200
