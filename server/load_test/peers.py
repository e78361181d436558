"""WebRTC viewers over WHEP, by the package aiortc where it is installed. Each decodes what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp

from server.load_test.tally import Tally

ANSWER_S: Final = 30.0
LOOK_S: Final = 2.0


def is_possible() -> bool:
    return importlib.util.find_spec("aiortc") is not None


class Peer:
    def __init__(self, *, client: aiohttp.ClientSession, url: str, tally: Tally) -> None:
        self._client = client
        self._url = url
        self._tally = tally
        self._told = {"packets": 0, "packets_lost": 0}

    async def watch(self) -> None:
        """Until cancelled, or until it could not be connected."""
        from aiortc import RTCPeerConnection

        peer = RTCPeerConnection()
        session: str | None = None
        tasks: set[asyncio.Task[None]] = set()
        peer.on("track", lambda track: tasks.add(asyncio.create_task(self._see(track), name="track")))
        try:
            session = await self._offer(peer)
            await self._connected(peer)
            self._tally.counts["peers"] += 1
            while True:
                await asyncio.sleep(LOOK_S)
                await self._look(peer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            self._tally.counts["peers_failed"] += 1
        finally:
            for task in tasks:
                task.cancel()
            await peer.close()
            await self._leave(session)

    async def _offer(self, peer: Any) -> str | None:
        from aiortc import RTCSessionDescription

        for kind in ("video", "audio"):
            peer.addTransceiver(kind, direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        sdp = peer.localDescription.sdp
        async with self._client.post(self._url, data=sdp, headers=headers, ssl=False, timeout=timeout) as answer:
            answer.raise_for_status()
            await peer.setRemoteDescription(RTCSessionDescription(sdp=await answer.text(), type="answer"))
            location = answer.headers.get("Location")
        return urljoin(self._url, location) if location else None

    async def _connected(self, peer: Any) -> None:
        async with asyncio.timeout(ANSWER_S):
            while peer.connectionState != "connected":
                if peer.connectionState in ("failed", "closed"):
                    raise OSError("the peers did not connect")
                await asyncio.sleep(0.05)

    async def _see(self, track: Any) -> None:
        from aiortc.mediastreams import MediaStreamError

        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                self._tally.counts["pictures"] += track.kind == "video"

    async def _look(self, peer: Any) -> None:
        stats = [one for one in (await peer.getStats()).values() if one.type == "inbound-rtp"]
        now = {
            "packets": sum(one.packetsReceived for one in stats),
            "packets_lost": sum(max(0, one.packetsLost) for one in stats),
        }
        self._tally.counts["packets"] += now["packets"] - self._told["packets"]
        self._tally.counts["packets_lost"] += now["packets_lost"] - self._told["packets_lost"]
        self._told = now

    async def _leave(self, session: str | None) -> None:
        if session is not None:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self._client.delete(session, ssl=False, timeout=aiohttp.ClientTimeout(total=5)):
                    pass
