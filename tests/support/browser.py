"""A headless Chromium, driven by the DevTools protocol over two pipes: JSON, each message ended by a NUL.

https://chromedevtools.github.io/devtools-protocol/ has the methods by name.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from base64 import b64decode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: Seconds that an answer may take on a machine that does much else.
DEADLINE = 180.0

KEY_CODES = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32, "End": 35, "Home": 36}
KEY_CODES |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "PageUp": 33, "PageDown": 34}
CTRL = 2


class BrowserError(Exception):
    """The browser, or the page in it, says that something is wrong."""


class Browser:
    """One browser with one tab. *requests* are what it asked for, *complaints* what its console says."""

    def __init__(self, profile: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        argv = ["chromium", "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        argv += [
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--hide-scrollbars",
        ]
        argv += ["--disable-background-networking", "--disable-component-update", "--lang=en-US"]
        argv += ["about:blank"]

        def at_3_and_4() -> None:
            """Have the ends under the numbers that ``--remote-debugging-pipe`` takes."""
            for wanted, have in ((3, os.dup(to_browser)), (4, os.dup(from_browser))):
                os.dup2(have, wanted)

        self._process = subprocess.Popen(
            argv,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LANGUAGE": "en_US", "TZ": "UTC"},
            close_fds=False,
            preexec_fn=at_3_and_4,  # noqa: PLW1509  (no threads here)
        )
        os.close(to_browser)
        os.close(from_browser)
        self._unread = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.complaints: list[str] = []
        tab = next(each for each in self.call("Target.getTargets")["targetInfos"] if each["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.screen(1280, 800)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        os.close(self._out)  # which is how it is told to end
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self._out, text) :]
        while (answer := self._receive()).get("id") != self._number:
            self._note(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise BrowserError("no answer" if not ready else "the browser has ended")
            self._unread += data
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        parameters = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                thrown = parameters["exceptionDetails"]
                self.complaints.append(thrown.get("exception", {}).get("description", thrown["text"]))
            case "Log.entryAdded":
                self.complaints.append(parameters["entry"]["text"])

    # what a user does

    def open(self, page: Path) -> None:
        """Load a file, and wait until that is done."""
        self._events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._note(self._receive())

    def screen(self, width: int, height: int, *, dark: bool = False) -> None:
        """Have a window of that size, on a system that is dark or light."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, *keys: str, ctrl: bool = False) -> None:
        """Press keys, by their names in the DOM."""
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            common = {"key": key, "windowsVirtualKeyCode": KEY_CODES.get(key, ord(key[0].upper()))}
            common["modifiers"] = CTRL if ctrl else 0
            self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that *selector* finds, if that is what lies there."""
        x, y = self.run(
            f"""const found = document.querySelector({json.dumps(selector)});
            found.scrollIntoView({{ block: "nearest", inline: "nearest" }});
            const {"{ x, y, width, height }"} = found.getBoundingClientRect();
            const top = document.elementFromPoint(x + width / 2, y + height / 2);
            if (!found.contains(top)) throw new Error("something lies over it");
            return [x + width / 2, y + height / 2];"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def run(self, body: str) -> Any:
        """Run the body of an async function in the page, and return what it returns."""
        answer = self.call(
            "Runtime.evaluate",
            expression=f"(async () => {{{body}}})()",
            awaitPromise=True,
            returnByValue=True,
        )
        if thrown := answer.get("exceptionDetails"):
            raise BrowserError(thrown.get("exception", {}).get("description", thrown["text"]))
        return answer["result"].get("value")

    def value(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.run(f"return {expression};")

    def wait(self, expression: str) -> Any:
        """Wait until an expression in the page is true, and return it."""
        end = time.monotonic() + DEADLINE
        while not (found := self.value(expression)):
            if time.monotonic() > end:
                raise BrowserError(f"never true: {expression}")
            time.sleep(0.02)
        return found

    def screenshot(self, file: Path) -> None:
        """Write what is shown as PNG."""
        file.write_bytes(b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
