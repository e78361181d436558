"""A headless Firefox, spoken to over WebDriver BiDi (W3C): tabs as those of Chromium."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.page import Page

PROGRAM = next((found for name in ("firefox-esr", "firefox") if (found := shutil.which(name))), None)
START_S = 120.0
# A camera that draws itself, sound without a click, addresses of this machine, and no talk with its maker.
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    "media.gmp-manager.updateEnabled": False,
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
}


class Firefox:
    """The browser's process."""

    def __init__(self) -> None:
        assert PROGRAM is not None
        self._folder = tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True)
        profile = Path(self._folder.name)
        lines = (f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items())
        (profile / "user.js").write_text("\n".join(lines))
        self._log = profile / "stderr.log"
        command = [PROGRAM, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        self.address = self._printed(r"WebDriver BiDi listening on (ws://\S+)") + "/session"

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _printed(self, pattern: str) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if found := re.search(pattern, self._log.read_text(errors="replace")):
                return found[1]
            time.sleep(0.05)
        log = self._log.read_text(errors="replace")
        self.close()
        raise AssertionError(f"Firefox did not start: {log}")


class FirefoxTab(Page):
    """A page in a user context (cookies, storage) of its own."""

    def __init__(self, session: BidiSession, context: str) -> None:
        super().__init__()
        self._session = session
        self._context = context

    async def open(self, address: str) -> FirefoxTab:
        await self._session.call("browsingContext.navigate", context=self._context, url=address, wait="complete")
        return self

    async def read(self, expression: str) -> Any:
        answer = await self._session.call(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(value => JSON.stringify(value) ?? 'null')",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise AssertionError(f"{expression}: {answer['exceptionDetails']['text']}")
        return json.loads(answer["result"]["value"])

    async def write(self, text: str) -> None:
        keys = [{"type": kind, "value": char} for char in text for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": keys}]
        await self._session.call("input.performActions", context=self._context, actions=actions)


class BidiSession:
    """One WebDriver session; its tabs end with it."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, FirefoxTab] = {}
        self._listener = asyncio.create_task(self._listen())

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._ws.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(30):
            return await answer

    async def start(self) -> None:
        await self.call("session.new", capabilities={"alwaysMatch": {"unhandledPromptBehavior": {"default": "accept"}}})
        await self.call("session.subscribe", events=["log.entryAdded"])

    async def tab(self) -> FirefoxTab:
        profile = (await self.call("browser.createUserContext"))["userContext"]
        made = await self.call("browsingContext.create", type="tab", userContext=profile)
        tab = self._tabs[made["context"]] = FirefoxTab(self, made["context"])
        return tab

    async def close(self) -> None:
        await self.call("session.end")
        self._listener.cancel()

    async def _listen(self) -> None:
        async for message in self._ws:
            body = json.loads(message.data)
            if "method" in body:
                self._heard(body["params"])
                continue
            answer = self._answers.pop(body.get("id"), None)
            if answer is None or answer.done():
                continue
            if body["type"] == "error":
                answer.set_exception(AssertionError(f"the browser refused: {body['error']}: {body['message']}"))
            else:
                answer.set_result(body["result"])

    def _heard(self, entry: dict[str, Any]) -> None:
        tab = self._tabs.get(entry.get("source", {}).get("context", ""))
        if tab is not None and entry.get("level") == "error":
            tab.problems.append(f"{entry['type']}: {entry['text']}")


@asynccontextmanager
async def steering(firefox: Firefox, http: aiohttp.ClientSession) -> AsyncIterator[BidiSession]:
    async with http.ws_connect(firefox.address, max_msg_size=0) as ws:
        session = BidiSession(ws)
        await session.start()
        try:
            yield session
        finally:
            await session.close()
