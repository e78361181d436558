"""A streamer and a guest on one stage, each in a browser of their own, and what a viewer sees of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.chromium import PROGRAM, Browser, Tab
from tests.e2e.page import sign_in
from tests.e2e.peers import viewing
from tests.e2e.people import Account, Api
from tests.e2e.serving import Server
from tests.e2e.waiting import until_true
from tests.tools import needs

pytestmark = [
    needs(PROGRAM, "Chromium"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
]

BLUE, RED = "#0000ff", "#ff0000"

# A camera of one colour, and a microphone with a tone: everything behind them is the browser's own.
DEVICES = """
navigator.mediaDevices.getUserMedia = async wish => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
  const pen = canvas.getContext('2d');
  const draw = () => { pen.fillStyle = '%s'; pen.fillRect(0, 0, 640, 360); };
  draw();
  setInterval(draw, 50);
  const sound = new AudioContext(), tone = sound.createOscillator(), out = sound.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const video = wish.video ? canvas.captureStream(20).getVideoTracks() : [];
  return new MediaStream([...video, ...(wish.audio ? out.stream.getAudioTracks() : [])]);
};
"""

# The colours in the middle of the left and of the right half of the stage's picture.
COLOURS = """(() => {
  const video = document.querySelector('.stage-picture');
  if (!video) return '';
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 36});
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0, 64, 36);
  const name = (x, y) => { const [r, , b] = pen.getImageData(x, y, 1, 1).data;
    return r > 150 && b < 100 ? 'red' : b > 150 && r < 100 ? 'blue' : 'other'; };
  return name(14, 18) + ' ' + name(50, 18);
})()"""


async def tab_with(browser: Browser, colour: str) -> Tab:
    tab = await browser.tab()
    await tab.call("Page.addScriptToEvaluateOnNewDocument", source=DEVICES % colour)
    return tab


async def sees(tab: Tab, colours: str) -> None:
    await tab.until(f"{COLOURS} === '{colours}'", within_s=60)


async def stands(guest: Tab, how: str) -> None:
    await guest.until(f"document.querySelector('.stage-standing')?.dataset.standing === '{how}'", within_s=60)


async def comes(guest: Tab, address: str, button: str) -> None:
    await guest.open(address)
    await guest.click("button", "Camera")
    await guest.click("button[type=submit]", button)


async def test_a_streamer_and_a_guest_are_in_one_picture_and_the_guest_returns_to_it(
    server: Server, owner: Account, nobody: Api, browser: Browser
) -> None:
    stream_id = (await owner.prepare("Two of us"))["stream"]["id"]
    host, guest = await tab_with(browser, BLUE), await tab_with(browser, RED)
    await sign_in(host, server.url, owner.username)
    await host.open(f"{server.url}/live#stage={stream_id}")
    await host.click("button", "Camera")
    await host.click("button", "Enter your stage")
    await sees(host, "blue blue")
    await host.click("button", "Invite a person")
    address: Any = await host.until("document.querySelector('#stage-link')?.value")
    await comes(guest, address, "Come in")
    await stands(guest, "waiting")
    await host.click("button.accent", "Admit")
    await sees(host, "blue red")
    await host.click("button", "Go on the air")
    await stands(guest, "on-air")
    await owner.until_state(stream_id, "live", within_s=30)
    async with viewing() as viewer:
        assert (await viewer.watch(nobody, stream_id)).status == 201
        await until_true(lambda: len(viewer.frames["video"]) >= 10, within_s=30, what="the stage's pictures")
        await until_true(lambda: len(viewer.frames["audio"]) >= 10, within_s=30, what="the stage's sound")
        picture = viewer.frames["video"][-1].to_ndarray(format="rgb24")
        left, right = picture[360, 320], picture[360, 960]
        assert left[2] > 150 > left[0]
        assert right[0] > 150 > right[2]
    await guest.open(f"{server.url}/login")
    await sees(host, "blue blue")
    await comes(guest, address, "Back to your place")
    await stands(guest, "on-air")
    await sees(host, "blue red")
    await owner.done("POST", f"streams/{stream_id}/end")
    await guest.text("You are not on this stage any more")
