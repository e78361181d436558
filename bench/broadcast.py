"""What does a broadcast cost, how soon can it be watched, and how late is it seen? The whole server, real encoders.

``python -m bench broadcast`` starts a server of its own and publishes to it:

* *cost*: one 1080p30 4 Mbit/s RTMP publisher, passed through to HLS and recorded, above what the same processes take
  with nothing live: *media* is the media process and its codecs, *node* the serving process (HTTP, chat, actors,
  playlists), *stores* are the embedded Postgres and Redis. Beside it, in the same rounds and with the same publisher,
  nginx with its RTMP module and HLS, where there is one.
* *start*: from the publisher's first byte to the first part that a player can show.
* *glass*: pictures carry the clock as black and white blocks; a viewer decodes them and compares. For WebRTC that is
  the delay of the picture itself; for HLS the player's hold-back, which the playlist states, is added.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil  # type: ignore[import-untyped]

from bench import report
from bench.report import Figure, figure

BLOCK = 16
BITS = 40
WIDTH, HEIGHT, FPS = 1280, 720, 30

BAR_START_S, BAR_COST, BAR_WHEP_MS, BAR_HLS_MS = 2.0, 2.0, 500.0, 3_000.0
STORES = ("postgres", "redis-server")
SETTLE_S = 10.0  # a first stream has codec processes started, an ended one is written down: neither is idling
JUDGED_S = 20.0  # of a window at least: CPU is counted in 10 ms, and a publisher takes few of them a second
NGINX_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")
NGINX_MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")


class Server:
    """A server of this checkout on free ports, with its data in a folder that goes with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[tuple[str, int], float] = {}
        env = {name: value for name, value in os.environ.items() if not name.startswith("SOCIALFLOW_")}
        flags = ["--data-dir", str(folder), "--http-port", "0", "--rtmp-port", "0", "--webrtc-port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve", *flags, "--log-level", "warning"],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        said = self._read_greeting()
        self.http = _found(r"Watch and go live\s+(\S+)/", said)
        self.rtmp = _found(r"Publish \(RTMP\)\s+(\S+)", said)
        self.key = _found(r"stream key\s+(\S+)", said)
        self.password = _found(r"password\s+(\S+)", said)

    def _read_greeting(self) -> str:
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl-C" in line:
                return said
        raise RuntimeError(f"the server did not start: {said}")

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far: of the node, of the media process with its codecs, of Postgres and Redis.

        What a process had taken when it was last seen still counts once it is gone, so that no sum ever falls.
        """
        node = psutil.Process(self.process.pid)
        media = [child for child in node.children(recursive=True) if _is_media(child)]
        for name, processes in (("node", [node]), ("media", media), ("stores", self._stores())):
            for process in processes:
                key = (name, process.pid)
                self._seen[key] = max(_cpu(process), self._seen.get(key, 0.0))
        return {name: sum(s for (of, _), s in self._seen.items() if of == name) for name in ("node", "media", "stores")}

    def _stores(self) -> set[psutil.Process]:
        """Found by their folder: a database server is nobody's child."""
        found = set()
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] in STORES and str(self._folder) in " ".join(process.info["cmdline"] or ()):
                found |= {process, *process.children(recursive=True)}
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


class Nginx:
    """nginx with its RTMP module on a free port: one application, HLS on, and no segment taken away."""

    def __init__(self, folder: Path, program: Path, module: Path | None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "hls").mkdir(parents=True)
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{f'load_module {module};' if module else ''}\n"
            f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log warn;\n"
            "events { worker_connections 64; }\n"
            f"rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096; application live {{"
            f" live on; hls on; hls_path {folder}/hls; hls_fragment 2s; hls_playlist_length 20s; hls_cleanup off;"
            " } } }\n"
        )
        self.rtmp = f"rtmp://127.0.0.1:{port}/live"
        self._segments = folder / "hls"
        self._process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "log"])
        self._await_port(port)

    def _await_port(self, port: int) -> None:
        """ConnectionError if it is not there within 5 s."""
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise ConnectionError("nginx does not listen")

    def cpu_s(self) -> float:
        """CPU seconds so far of the master and its worker."""
        master = psutil.Process(self._process.pid)
        return _cpu(master) + sum(map(_cpu, master.children(recursive=True)))

    def segments(self) -> int:
        """How many were made so far."""
        return len(list(self._segments.glob("*.ts")))

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)


def start_nginx(folder: Path) -> Nginx | None:
    """Running, or None with a line that says why."""
    found = find_nginx()
    if found is None:
        print("no peer found: nginx with its RTMP module (looked for in PATH and the usual folders)")
        return None
    try:
        return Nginx(folder, *found)
    except ConnectionError as error:
        print(f"no peer found: {error}")
        return None


def find_nginx() -> tuple[Path, Path | None] | None:
    """The program, and the module that it has to load; None where either is missing."""
    program = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *NGINX_FOLDERS]))
    if program is None:
        return None
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
    beside = Path(program).resolve().parent.parent / "lib/nginx/modules"
    for folder in (beside, *map(Path, NGINX_MODULES)):
        if (module := folder / "ngx_rtmp_module.so").exists():
            return Path(program), module
    return (Path(program), None) if re.search(r"--add-module=\S*rtmp", built) else None


def _is_media(process: psutil.Process) -> bool:
    line = " ".join(process.cmdline())
    return "media_process" in line or "transcode" in line


def _cpu(process: psutil.Process) -> float:
    """Seconds so far, to the 10 ms that the system counts in; none of a process that is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match.group(1)


# ------------------------------------------------------------------------------------------------------------ pictures


def clock_rows(at_ms: int) -> bytes:
    """The first rows of a luma plane: one block a bit, most significant first."""
    line = b"".join((b"\xeb" if at_ms >> bit & 1 else b"\x10") * BLOCK for bit in reversed(range(BITS)))
    return (line + b"\x80" * (WIDTH - len(line))) * BLOCK


def read_clock(frame: Any) -> int:
    """Milliseconds since the epoch, modulo 2**40, from the blocks' centres."""
    plane = frame.planes[0]
    data, stride = memoryview(plane), plane.line_size
    row = BLOCK // 2 * stride
    value = 0
    for bit in range(BITS):
        value = value << 1 | (data[row + bit * BLOCK + BLOCK // 2] > 128)
    return value


def now_ms() -> int:
    return int(time.time() * 1000) % (1 << BITS)


def publish_clock(url: str, seconds: float) -> int:
    """The publisher's process: pictures of the clock in real time, H.264 without B-frames, a tone as AAC."""
    import av

    av.logging.set_level(av.logging.PANIC)
    grey = b"\x80" * (WIDTH * (HEIGHT - BLOCK))
    silence = bytes(1024 * 4)
    with av.open(url, "w", format="flv") as out:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(2 * FPS), "bf": "0"}
        video = out.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.bit_rate = 1_500_000
        audio = out.add_stream("aac", rate=48_000, layout="mono")
        started_at, samples = time.monotonic(), 0
        for number in range(int(seconds * FPS)):
            time.sleep(max(0.0, started_at + number / FPS - time.monotonic()))
            picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            picture.planes[0].update(clock_rows(now_ms()) + grey)
            for plane in (1, 2):
                picture.planes[plane].update(b"\x80" * (WIDTH * HEIGHT // 4))
            picture.pts = number
            out.mux(video.encode(picture))
            while samples * FPS <= number * 48_000:
                sound = av.AudioFrame("fltp", "mono", 1024)
                sound.planes[0].update(silence)
                sound.rate, sound.pts = 48_000, samples
                samples += 1024
                out.mux(audio.encode(sound))
    return 0


# -------------------------------------------------------------------------------------------------------------- viewers


async def live_stream(http: str, *, after: set[str]) -> str:
    """The id of the stream that is on the air and was not before."""
    async with aiohttp.ClientSession() as session:
        for _ in range(500):
            async with session.get(f"{http}/api/v1/streams?state=live") as answer:
                ids = {item["id"] for item in (await answer.json())["items"] if item["state"] == "live"} - after
            if ids:
                return str(ids.pop())
            await asyncio.sleep(0.02)
    raise TimeoutError("no stream went on the air")


async def watch_hls(http: str, stream_id: str, seconds: float) -> tuple[list[float], float]:
    """Delays in ms of pictures as their part arrives, and the hold-back in ms that a player adds."""
    import av

    base = f"{http}/hls/{stream_id}"
    decoder = av.CodecContext.create("h264", "r")
    delays: list[float] = []
    hold_back_ms = 0.0
    init = b""
    seen: set[str] = set()
    query = ""
    deadline = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            async with session.get(f"{base}/video.m3u8{query}") as answer:
                text = await answer.text()
            hold_back_ms = float(_found(r"PART-HOLD-BACK=([\d.]+)", text)) * 1000
            if not init:
                name = _found(r'EXT-X-MAP:URI="([^"]+)"', text)
                async with session.get(f"{base}/{name}") as answer:
                    init = await answer.read()
            names = re.findall(r'EXT-X-PART:[^\n]*URI="([^"]+)"', text)
            for name in names if seen else names[-1:]:
                if name not in seen:
                    async with session.get(f"{base}/{name}") as answer:
                        delays += _delays(decoder, init, await answer.read())
                seen.add(name)
            hint = _found(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)
            segment, part = re.findall(r"/(\d+)\.(\d+)\.m4s", hint)[0]
            query = f"?_HLS_msn={segment}&_HLS_part={part}"
    return delays[FPS:], hold_back_ms


def _delays(decoder: Any, init: bytes, part: bytes) -> list[float]:
    import io

    import av

    at = now_ms()
    container: Any
    with av.open(io.BytesIO(init + part), format="mp4") as container:
        frames = list(container.decode(video=0)) if _starts_with_key(container) else []
    return [float(at - read_clock(frame)) for frame in frames]


def _starts_with_key(container: Any) -> bool:
    first = next((packet for packet in container.demux(video=0) if packet.size), None)
    container.seek(0)
    return first is not None and first.is_keyframe


async def watch_whep(http: str, stream_id: str, seconds: float) -> list[float]:
    """Delays in ms of pictures as they are decoded."""
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import MediaStreamError

    peer = RTCPeerConnection()
    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    delays: list[float] = []
    tasks: list[asyncio.Task[None]] = []

    @peer.on("track")
    def on_track(track: Any) -> None:
        async def pump() -> None:
            try:
                while True:
                    frame = await track.recv()
                    if track.kind == "video":
                        delays.append(float(now_ms() - read_clock(frame)))
            except MediaStreamError:
                return

        tasks.append(asyncio.create_task(pump()))

    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession() as session:
        body, headers = peer.localDescription.sdp.encode(), {"Content-Type": "application/sdp"}
        async with session.post(f"{http}/whep/{stream_id}", data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise RuntimeError(f"WHEP was refused: {text}")
    await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
    await asyncio.sleep(seconds)
    await peer.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    return delays[FPS:]


# ------------------------------------------------------------------------------------------------------------- measures


class FirstByte:
    """A relay of TCP in front of RTMP that notes when the publisher's first byte came."""

    def __init__(self, rtmp: str) -> None:
        self.at = 0.0
        host, port = re.findall(r"//([^:/]+):(\d+)", rtmp)[0]
        self._target = (host, int(port))

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        await asyncio.gather(self._pipe(reader, back, is_out=True), self._pipe(there, writer, is_out=False))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_out: bool) -> None:
        while data := await reader.read(65_536):
            if is_out and not self.at:
                self.at = time.monotonic()
            writer.write(data)
            await writer.drain()
        writer.close()


async def measure_start(server: Server, clip: Path, known: set[str]) -> float:
    """Seconds from the publisher's first byte to the first part that was fetched whole."""
    gate = FirstByte(server.rtmp)
    port = await gate.start()
    with publisher(["-re", "-i", str(clip), "-c", "copy"], f"rtmp://127.0.0.1:{port}/live/{server.key}"):
        stream_id = await live_stream(server.http, after=known)
        known.add(stream_id)
        async with aiohttp.ClientSession() as session:
            base = f"{server.http}/hls/{stream_id}"
            while True:
                async with session.get(f"{base}/index.m3u8") as answer:
                    if answer.status == 200:
                        break
                await asyncio.sleep(0.01)
            async with session.get(f"{base}/video.m3u8") as answer:
                name = _found(r'EXT-X-PART:[^\n]*URI="([^"]+)"', await answer.text())
            async with session.get(f"{base}/{name}") as answer:
                await answer.read()
        took = time.monotonic() - gate.at
    await end(server, stream_id)
    return took


async def measure_cost(server: Server, clip: Path, seconds: float, known: set[str]) -> dict[str, float]:
    """Per cent of a core while one publisher is passed through and recorded, nobody watching, above nothing live."""
    await asyncio.sleep(SETTLE_S)
    idle = await _shares(server, seconds)
    with publisher(looped(clip), f"{server.rtmp}/{server.key}"):
        stream_id = await live_stream(server.http, after=known)
        known.add(stream_id)
        await asyncio.sleep(SETTLE_S)
        busy = await _shares(server, seconds)
    await end(server, stream_id)
    return {name: busy[name] - idle[name] for name in busy} | {
        "idle": idle["media"] + idle["node"],
        "all": busy["media"] + busy["node"],
    }


async def _shares(server: Server, seconds: float) -> dict[str, float]:
    """What part of a core each kind of process takes, in per cent."""
    began, before = time.monotonic(), server.cpu_s()
    await asyncio.sleep(seconds)
    took, after = time.monotonic() - began, server.cpu_s()
    return {name: (value - before[name]) / took * 100 for name, value in after.items()}


async def measure_nginx(nginx: Nginx, clip: Path, seconds: float) -> float:
    """Per cent of a core for the same publisher. It idles at nothing."""
    with publisher(looped(clip), f"{nginx.rtmp}/bench"):
        await asyncio.sleep(SETTLE_S)
        made, began, before = nginx.segments(), time.monotonic(), nginx.cpu_s()
        await asyncio.sleep(seconds)
        share = (nginx.cpu_s() - before) / (time.monotonic() - began) * 100
        if nginx.segments() == made and seconds > 4:
            raise RuntimeError("nginx made no segment")
    return share


def looped(clip: Path) -> list[str]:
    return ["-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]


async def end(server: Server, stream_id: str) -> None:
    """Let the stream go, so that the next publisher begins a new one."""
    login = await _login(server)
    headers, url = {"Authorization": f"Bearer {login}"}, f"{server.http}/api/v1/streams/{stream_id}/end"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url) as answer:
        answer.raise_for_status()


async def _login(server: Server) -> str:
    async with aiohttp.ClientSession() as session:
        body = {"login": "admin", "password": server.password}
        async with session.post(f"{server.http}/api/v1/auth/login", json=body) as answer:
            return str((await answer.json())["access_token"])


@contextmanager
def publisher(source: Sequence[str], url: str) -> Iterator[None]:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *source, "-f", "flv", url]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def make_clip(folder: Path) -> Path:
    """Ten seconds of 1080p30 at 4 Mbit/s with a key frame every 2 s, and AAC."""
    import imageio_ffmpeg

    clip = folder / "clip.flv"
    noise = "testsrc2=size=1920x1080:rate=30,noise=alls=12:allf=t"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", noise, "-f",
        "lavfi", "-i", "sine=sample_rate=48000", "-t", "10", "-c:v", "libx264", "-preset", "ultrafast",
        "-tune", "zerolatency", "-g", "60", "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "4M",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", str(clip),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return clip


async def measure_glass(server: Server, seconds: float, known: set[str]) -> tuple[list[float], list[float], float]:
    url, length = f"{server.rtmp}/{server.key}", str(seconds * 2 + 8)
    process = subprocess.Popen([sys.executable, "-m", "bench.broadcast", "--publish", url, length])  # noqa: ASYNC220
    try:
        stream_id = await live_stream(server.http, after=known)
        known.add(stream_id)
        await asyncio.sleep(2.5)
        whep = await watch_whep(server.http, stream_id, seconds)
        hls, hold_back_ms = await watch_hls(server.http, stream_id, seconds)
    finally:
        process.kill()
        process.wait()
    await end(server, stream_id)
    return whep, hls, hold_back_ms


async def measure_costs(
    server: Server, nginx: Nginx | None, clip: Path, options: argparse.Namespace, known: set[str]
) -> tuple[list[dict[str, float]], list[float]]:
    """Ours and theirs, in turns."""
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(await measure_cost(server, clip, options.cost_seconds, known))
        if nginx is not None:
            theirs.append(await measure_nginx(nginx, clip, options.cost_seconds))
    return ours, theirs


def cost_figures(ours: list[dict[str, float]], theirs: list[float], seconds: float) -> list[Figure]:
    """Media and node apart, and what is held against the bar: their sum. Short windows are told, but not judged."""
    unit, one, is_judged = "% of a core", "RTMP publisher", seconds >= JUDGED_S
    both = [cost["media"] + cost["node"] for cost in ours]
    bar, against = (BAR_COST, theirs) if is_judged else (None, [])
    name = f"{one}, media and node above idle" + ("" if is_judged else f" ({seconds:g} s, too short to judge)")
    peer = "nginx, RTMP to HLS"
    found = [figure("broadcast", name, both, unit, better="lower", bar=bar, peer=peer, against=against)]
    for part in ("media", "node", "stores"):
        found.append(figure("broadcast", f"{one}, {part} above idle", [c[part] for c in ours], unit, better="lower"))
    for part, what in (("all", "all that media and node take"), ("idle", "of which with nothing live")):
        found.append(figure("broadcast", f"{one}, {what}", [c[part] for c in ours], unit, better="lower"))
    if theirs:
        found.append(figure("broadcast", f"{one}, {peer}", theirs, unit, better="lower"))
    return found


def glass_figures(whep: list[float], hls: list[float], hold_back_ms: float) -> list[Figure]:
    """The spread is over pictures."""
    if not whep or not hls:
        raise RuntimeError(f"pictures seen: {len(whep)} over WebRTC, {len(hls)} over HLS")
    held = [delay + hold_back_ms for delay in hls]
    return [
        figure("broadcast", "WHEP, glass to glass", whep, "ms", better="lower", bar=BAR_WHEP_MS),
        figure("broadcast", "LL-HLS, glass to glass with the hold-back", held, "ms", better="lower", bar=BAR_HLS_MS),
        figure("broadcast", "LL-HLS, glass to part in the player's hands", hls, "ms", better="lower"),
    ]


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder)
        nginx = start_nginx(folder / "nginx")
        server = Server(folder / "data")
        known: set[str] = set()
        try:
            starts = [await measure_start(server, clip, known) for _ in range(options.rounds)]
            ours, theirs = await measure_costs(server, nginx, clip, options, known)
            glass = await measure_glass(server, options.seconds, known)
        finally:
            server.stop()
            if nginx is not None:
                nginx.stop()
    start = figure("broadcast", "first byte to first playable part", starts, "s", better="lower", bar=BAR_START_S)
    report.hand_over([start, *glass_figures(*glass), *cost_figures(ours, theirs, options.cost_seconds)], options.json)
    return 0


def main(argv: list[str]) -> int:
    if argv[:1] == ["--publish"]:
        return publish_clock(argv[1], float(argv[2]))
    parser = argparse.ArgumentParser(prog="python -m bench broadcast", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="that each kind of viewer watches")
    parser.add_argument("--cost-seconds", type=float, default=30, help="of each measurement of CPU, counted in 10 ms")
    parser.add_argument("--rounds", type=int, default=3)
    report.options(parser)
    return asyncio.run(run(parser.parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
