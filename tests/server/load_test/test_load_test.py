"""Whose server may be loaded, what the readers notice, and a whole run on a real server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.config import ConfigError, load
from server.load_test import Load, load_of, run_load
from server.load_test.chat import Reading, stamped
from server.load_test.page import page
from server.load_test.players import Player, segments, variant
from server.load_test.run import AT_ONCE
from server.load_test.tally import FAULTS, KEPT, Sample, Tally
from server.load_test.target import NotOurs, check_target, own_addresses
from tests.e2e.serving import Server

# what is asked for


def test_options_and_settings_are_told_apart() -> None:
    found, rest = load_of(["--sockets", "7", "--http-port", "81", "--hls", "0", "--allow", "a.example"], program="x")
    assert (found.sockets, found.players, found.allow) == (7, 0, ("a.example",))
    assert rest == ["--http-port", "81"]


@pytest.mark.parametrize("words", [["--sockets", "50001"], ["--streams", "0"], ["--seconds", "nan"], ["--whep", "x"]])
def test_what_is_beyond_a_bound_is_refused(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=words[0]):
        load_of(words, program="x")


# whose server it is


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
async def test_this_machine_may_be_loaded(url: str) -> None:
    await check_target(url, allow=(), public_url=None)
    for address in own_addresses():
        await check_target(f"http://[{address}]" if ":" in address else f"http://{address}", allow=(), public_url=None)


@pytest.mark.parametrize("url", ["http://192.0.2.7:8080", "https://[2001:db8::7]/", "http://8.8.8.8"])
async def test_another_machine_may_not_unless_it_is_named(url: str) -> None:
    with pytest.raises(NotOurs, match="--allow"):
        await check_target(url, allow=("192.0.2.8", "live.example"), public_url="https://live.example")
    host = url.partition("//")[2].strip("/").removesuffix(":8080").strip("[]")
    await check_target(url, allow=(host,), public_url=None)
    await check_target(url, allow=(), public_url=url)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:80", "http://"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(NotOurs, match="is no address"):
        await check_target(url, allow=(), public_url=None)


def test_a_stranger_is_not_touched(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["load-test", "--url", "http://192.0.2.7", "--data-dir", str(tmp_path / "data")]) == 1
    assert "is not this machine" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


# chat


def read(*numbers: int, sent: int, after: tuple[int, ...] = ()) -> dict[str, int]:
    tally = Tally()
    reading = Reading(run="r", tally=tally)
    reading.begin_after([stamped("r", number) for number in after])
    for number in numbers:
        reading.take(stamped("r", number))
    counts = {"lost": reading.lost(sent), **tally.counts}
    return {what: count for what, count in counts.items() if count}


@pytest.mark.parametrize(
    ("numbers", "sent", "found"),
    [
        ((0, 1, 2), 3, {"received": 3}),
        ((0, 2), 3, {"received": 2, "lost": 1}),
        ((0, 1), 3, {"received": 2, "lost": 1}),
        ((), 3, {"lost": 3}),
        ((0, 2, 1), 3, {"received": 3, "disordered": 1}),
        ((0, 1, 1, 2), 3, {"received": 3, "twice": 1}),
        ((2, 0, 1), 3, {"received": 3, "disordered": 2}),
    ],
)
def test_what_is_lost_doubled_or_out_of_order_is_noticed(
    numbers: tuple[int, ...], sent: int, found: dict[str, int]
) -> None:
    assert read(*numbers, sent=sent) == found


def test_who_comes_later_misses_nothing_that_was_said_before() -> None:
    assert read(5, 6, sent=7, after=(3, 4)) == {"received": 2}
    assert read(6, sent=7, after=(3, 4)) == {"received": 1, "lost": 1}


@pytest.mark.parametrize("text", ["hello", "load other 0 1", "load r x 1", "load r 0 1 and more", ""])
def test_what_others_say_is_passed_over(text: str) -> None:
    tally = Tally()
    Reading(run="r", tally=tally).take(text)
    assert not tally.counts


# HLS

PLAYLIST = """#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2027-01-31T12:00:00.000Z
#EXTINF:2.0,
seven.m4s
#EXTINF:1.5,
/else/eight.m4s?x=1
#EXT-X-PART:DURATION=0.5,URI="part.m4s"
"""


def test_a_playlist_gives_whole_segments_with_numbers_addresses_and_ends() -> None:
    first, second = segments(PLAYLIST, "http://a.example/hls/x/video.m3u8")
    assert (first.number, first.url) == (7, "http://a.example/hls/x/seven.m4s")
    assert (second.number, second.url) == (8, "http://a.example/else/eight.m4s?x=1")
    assert first.ends_at is not None
    assert second.ends_at is not None
    assert second.ends_at - first.ends_at == 1.5


def test_the_first_picture_of_a_multivariant_playlist_is_played() -> None:
    text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nsmall.m3u8\n"
    assert variant(text, "http://a.example/hls/x/index.m3u8") == "http://a.example/hls/x/video.m3u8"
    assert variant("#EXTM3U\n", "http://a.example/") is None


def test_a_player_begins_at_the_edge_reads_each_once_and_counts_what_was_gone() -> None:
    tally = Tally()
    player: Any = Player(client=None, url="", tally=tally)  # type: ignore[arg-type]  # it asks for nothing here

    def numbers(*there: int) -> list[int]:
        text = f"#EXT-X-MEDIA-SEQUENCE:{there[0]}\n" + "".join(f"#EXTINF:1,\n{one}\n" for one in there)
        return [one.number for one in player._fresh(list(segments(text, "http://a.example/")))]

    assert numbers(3, 4, 5) == [5]
    assert numbers(3, 4, 5) == []
    assert numbers(4, 5, 6, 7) == [6, 7]
    assert not tally.counts["segments_skipped"]
    assert numbers(10, 11) == [10, 11]
    assert tally.counts["segments_skipped"] == 2


# what is kept of it


def test_a_sample_is_bounded_and_keeps_the_largest() -> None:
    sample = Sample()
    for value in range(3 * KEPT):
        sample.add(float(value))
    assert len(sample._kept) == KEPT
    assert sample.largest == 3 * KEPT - 1
    assert abs(sample.share(0.5) - 1.5 * KEPT) < 0.05 * KEPT


def test_the_report_names_each_fault_and_escapes_what_it_is_told() -> None:
    tally = Tally()
    for what in FAULTS:
        tally.counts[what] = 3
    tally.received(12.0)
    for at in (1.0, 2.0):
        tally.received(20.0)
        tally.close_second(at)
    text = page("http://<b>", Load(), tally)
    assert "http://&lt;b&gt;" in text
    assert "<b>" not in text
    assert all(words in text for words in FAULTS.values())
    assert "Something went wrong" in text
    assert text.count("<polyline") == 2
    assert "Nothing was lost" in page("http://a", Load(), Tally())


# the whole


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = Server(tmp_path_factory.mktemp("loaded") / "data").start()
    yield server
    server.stop()


async def test_a_run_counts_every_message_and_leaves_no_stream_behind(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(["--data-dir", str(tmp_path), "--http-port", str(server.http_port)])
    stop = asyncio.Event()
    report = tmp_path / "report.html"
    asked = Load(streams=2, sockets=AT_ONCE + 10, players=2, peers=1, messages=4, seconds=300, report=report)
    running = asyncio.create_task(run_load(settings, asked, until=stop))
    deadline = time.monotonic() + 120
    while not _has_heard(capsys, 240) and not running.done():
        assert time.monotonic() < deadline, "nothing was received"
        await asyncio.sleep(0.2)
    stop.set()
    async with asyncio.timeout(120):
        code = await running
    told = capsys.readouterr()
    assert code == 0, told
    assert "Nothing was lost" in told.out
    assert "messages received by sockets" in report.read_text()


_lines: list[str] = []


def _has_heard(capsys: pytest.CaptureFixture[str], least: int) -> bool:
    """By what it prints as it goes, which is what an operator sees."""
    _lines.extend(capsys.readouterr().err.splitlines())
    words = _lines[-1].replace(",", "").split() if _lines else []
    return "received" in words and int(words[words.index("received") + 1]) >= least
