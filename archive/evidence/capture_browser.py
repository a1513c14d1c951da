"""A picture of a whole page, by a Chromium that is installed already, spoken to over its debugging pipe.

The pipe (`--remote-debugging-pipe`) carries JSON messages that end in a zero byte; no port is opened. The browser has a
profile of its own that is thrown away, and visits the page a second time: its picture and the recorded bytes are two
visits, which the capture says.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError, UnreachableError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_VARIABLE = "ARCHIVE_CHROMIUM"
WIDTH, HEIGHT = 1280, 900
MAX_HEIGHT = 16_384
MAX_MESSAGE_BYTES = 256 << 20
TIMEOUT_S = 60.0
# A page that never comes to rest is pictured as it is after this.
SETTLE_S = 10.0
_FIRST_FREE = 10


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A PNG of the page, or why there is none. `cut` when the page is longer than the picture."""

    png: bytes | None
    skipped: str | None = None
    browser: str | None = None
    cut: bool = False


def find_browser() -> Path | None:
    """The Chromium of `ARCHIVE_CHROMIUM`, or one on the path."""
    named = os.environ.get(BROWSER_VARIABLE)
    if named is not None:
        return Path(named) if named and Path(named).is_file() else None
    found = next((path for name in BROWSERS if (path := shutil.which(name)) is not None), None)
    return Path(found) if found is not None else None


def take_screenshot(url: str, *, browser: Path | None = None, timeout_s: float = TIMEOUT_S) -> Screenshot:
    """Picture a page from top to bottom; a missing or failing browser is said, never raised."""
    chosen = browser or find_browser()
    if chosen is None:
        return Screenshot(None, f"no Chromium is installed (looked for {', '.join(BROWSERS)})")
    try:
        with tempfile.TemporaryDirectory(prefix="archive-browser-", ignore_cleanup_errors=True) as profile:
            return _picture(url, chosen, Path(profile), timeout_s)
    except (ArchiveError, OSError, ValueError, KeyError, TypeError) as error:
        return Screenshot(None, f"{chosen.name} gave no picture: {str(error)[:200] or type(error).__name__}")


def _picture(url: str, browser: Path, profile: Path, timeout_s: float) -> Screenshot:
    with _started(browser, profile) as pipe:
        deadline = time.monotonic() + timeout_s
        version = pipe.call("Browser.getVersion", {}, deadline)["product"]
        target = pipe.call("Target.createTarget", {"url": "about:blank"}, deadline)["targetId"]
        session = pipe.call("Target.attachToTarget", {"targetId": target, "flatten": True}, deadline)["sessionId"]
        pipe.session = session
        pipe.call("Page.enable", {}, deadline)
        view = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        pipe.call("Emulation.setDeviceMetricsOverride", view, deadline)
        went = pipe.call("Page.navigate", {"url": url}, deadline)
        if went.get("errorText"):
            return Screenshot(None, f"the browser could not open the page: {went['errorText']}", version)
        pipe.wait_for("Page.loadEventFired", min(deadline, time.monotonic() + SETTLE_S))
        size = pipe.call("Page.getLayoutMetrics", {}, deadline)["cssContentSize"]
        height = max(int(size["height"]), 1)
        clip = {"x": 0, "y": 0, "width": max(int(size["width"]), 1), "height": min(height, MAX_HEIGHT), "scale": 1}
        shot = pipe.call(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip}, deadline
        )
        return Screenshot(base64.b64decode(shot["data"]), None, version, height > MAX_HEIGHT)


class _Pipe:
    """Messages to and from the browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer = bytearray()
        self._number = 0
        self._events: list[str] = []
        self.session: str | None = None

    def call(self, method: str, parameters: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": dict(parameters)}
        if self.session is not None:
            message["sessionId"] = self.session
        data = json.dumps(message).encode("utf-8") + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._next(deadline)
            if answer.get("id") != self._number:
                self._events.append(str(answer.get("method")))
                continue
            if "error" in answer:
                raise ValueError(f"{method}: {answer['error'].get('message', 'refused')}")
            result: dict[str, Any] = answer.get("result", {})
            return result

    def wait_for(self, event: str, deadline: float) -> bool:
        """Whether the event came before the deadline."""
        while event not in self._events:
            try:
                self._events.append(str(self._next(deadline).get("method")))
            except UnreachableError:
                return False
        return True

    def _next(self, deadline: float) -> dict[str, Any]:
        while (end := self._buffer.find(b"\0")) < 0:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise UnreachableError("the browser did not answer in time", code="capture.browser")
            chunk = os.read(self._from, 1 << 16)
            if not chunk:
                raise UnreachableError("the browser ended", code="capture.browser")
            self._buffer += chunk
            if len(self._buffer) > MAX_MESSAGE_BYTES:
                raise ValueError("the browser's answer is longer than 256 MiB")
        message, self._buffer = bytes(self._buffer[:end]), self._buffer[end + 1 :]
        value: dict[str, Any] = json.loads(message)
        return value


@contextlib.contextmanager
def _started(browser: Path, profile: Path) -> Iterator[_Pipe]:
    """Chromium reads from descriptor 3 and writes to 4."""
    read_end, to_browser = os.pipe()
    from_browser, write_end = os.pipe()
    # Above what they are renamed to, so that neither is overwritten by the other.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for end in (read_end, write_end)]
    os.close(read_end)
    os.close(write_end)
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--mute-audio",
        "--no-first-run",
        "--disable-extensions",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--remote-debugging-pipe",
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    renamed = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(ends, (3, 4), strict=True)]
    try:
        pid = os.posix_spawn(
            browser, [str(browser), *flags], os.environ, file_actions=[*nowhere, *renamed], setpgroup=0
        )
    except OSError:
        os.close(to_browser)
        os.close(from_browser)
        raise
    finally:
        for end in ends:
            os.close(end)
    try:
        yield _Pipe(to_browser, from_browser)
    finally:
        os.close(to_browser)
        _end(pid)
        os.close(from_browser)


def _end(pid: int) -> None:
    """End the browser and the processes it started, and wait for it."""
    for number, patience_s in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 60.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.02)
