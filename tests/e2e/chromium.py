"""A headless Chromium, spoken to in its own debugging protocol: tabs with what went wrong in them."""

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

PROGRAM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--window-size=1280,900",
]


class Chromium:
    """The browser's process."""

    def __init__(self) -> None:
        assert PROGRAM is not None
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        command = [PROGRAM, *FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"]
        self._log = Path(self._folder.name) / "stderr.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        self.address = self._printed(r"DevTools listening on (ws://\S+)")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _printed(self, pattern: str) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if found := re.search(pattern, self._log.read_text(errors="replace")):
                return found[1]
            time.sleep(0.05)
        self.close()
        raise AssertionError("Chromium did not start")


class Tab(Page):
    """A page in a profile of its own. ``problems``: errors, failed requests and violations that it reported."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        super().__init__()
        self._browser = browser
        self._session = session
        self._context = context

    async def call(self, method: str, **params: Any) -> Any:
        return await self._browser.call(method, params, session=self._session)

    async def open(self, address: str) -> Tab:
        await self.call("Page.navigate", url=address)
        await self.until("document.readyState === 'complete'")
        return self

    async def read(self, expression: str) -> Any:
        """The value of an expression; promises are waited for."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def write(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, code: int = 0, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)

    async def close(self) -> None:
        await self._browser.call("Target.disposeBrowserContext", {"browserContextId": self._context})

    def receive(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.problems.append(f"exception: {params['exceptionDetails']}")
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.problems.append(f"console: {[arg.get('value', arg.get('description')) for arg in params['args']]}")
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"log: {params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Page.javascriptDialogOpening":
            self._browser.later(self.call("Page.handleJavaScriptDialog", accept=True))


class Browser:
    """One debugging connection; its tabs end with it."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.later(self._listen())

    def later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call(self, method: str, params: dict[str, Any], *, session: str | None = None) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        routed = {"sessionId": session} if session else {}
        await self._ws.send_json({"id": number, "method": method, "params": params, **routed})
        async with asyncio.timeout(30):
            return await answer

    async def tab(self) -> Tab:
        context = (await self.call("Target.createBrowserContext", {}))["browserContextId"]
        target = await self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        tab = self._tabs[attached["sessionId"]] = Tab(self, attached["sessionId"], context)
        for domain in ("Page", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        return tab

    async def close(self) -> None:
        for tab in self._tabs.values():
            await tab.close()
        for task in list(self._tasks):
            task.cancel()

    async def _listen(self) -> None:
        async for message in self._ws:
            body = json.loads(message.data)
            if "id" in body:
                self._answered(body)
            elif (tab := self._tabs.get(body.get("sessionId", ""))) is not None:
                tab.receive(body["method"], body["params"])

    def _answered(self, body: dict[str, Any]) -> None:
        answer = self._answers.pop(body["id"], None)
        if answer is None or answer.done():
            return
        if "error" in body:
            answer.set_exception(AssertionError(f"the browser refused: {body['error']}"))
        else:
            answer.set_result(body["result"])


@asynccontextmanager
async def browsing(chromium: Chromium, http: aiohttp.ClientSession) -> AsyncIterator[Browser]:
    async with http.ws_connect(chromium.address, max_msg_size=0) as ws:
        browser = Browser(ws)
        try:
            yield browser
        finally:
            await browser.close()
