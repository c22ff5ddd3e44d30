"""A headless Chromium, spoken to by its DevTools protocol over pipes, so that no package is needed.

Messages are JSON that ends in a zero byte: commands go to file descriptor 3 of the browser, answers
and events come from its 4 (https://chromedevtools.github.io/devtools-protocol/).
"""

import base64
import json
import os
import shutil
import signal
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-default-apps", "--disable-dev-shm-usage", "--mute-audio",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
DOMAINS = ("Page", "Runtime", "Network", "Log")
READ_AT_A_TIME = 1 << 16


def chromium():
    """Where a browser is; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a browser, and what happened in it.

    Attributes:
        requests: every URL that was asked for.
        errors: what scripts, styles and policies complained of.
    """

    def __init__(self, to, back):
        self.to, self.back, self.n, self.rest = to, back, 0, b""
        self.session, self.requests, self.errors, self.seen = None, [], [], []

    def attach(self):
        """A new page, whose events are told from now on."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in DOMAINS:
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        """Send a command, and wait for its answer."""
        self.n += 1
        message = {"id": self.n, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            told = self.read()
            if told.get("id") == self.n:
                assert "error" not in told, told["error"]
                return told["result"]

    def read(self):
        """The next message; events are noted."""
        while b"\0" not in self.rest:
            more = os.read(self.back, READ_AT_A_TIME)
            assert more, "the browser has ended"
            self.rest += more
        text, _, self.rest = self.rest.partition(b"\0")
        told = json.loads(text)
        self.note(told.get("method"), told.get("params", {}))
        return told

    def note(self, event, about):
        """Keep what a page must not do, and which events there were."""
        self.seen.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(about["exceptionDetails"]["text"])
        elif event == "Log.entryAdded" and about["entry"]["level"] in ("warning", "error"):
            self.errors.append(about["entry"]["text"])
        elif event == "Runtime.consoleAPICalled" and about["type"] in ("warning", "error"):
            self.errors.append(str(about["args"]))

    def open(self, url):
        """Load a page to its end."""
        self.seen.clear()
        self.ask("Page.navigate", url=url)
        while "Page.loadEventFired" not in self.seen:
            self.read()

    def width(self, pixels, height=900):
        """As wide as a phone, a tablet or a desk."""
        self.ask("Emulation.setDeviceMetricsOverride", width=pixels, height=height,
                 deviceScaleFactor=1, mobile=pixels < 500)  # fmt: skip

    def value(self, expression):
        """What a script says, as JSON."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key):
        """A key, down and up."""
        for kind in ("keyDown", "keyUp"):
            code = {"Tab": 9, "Enter": 13}[key]
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode=code, **text)  # fmt: skip

    def picture(self, path):
        """The whole page as PNG."""
        told = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))

    def print(self, path):
        """The page as it is printed."""
        path.write_bytes(base64.b64decode(self.ask("Page.printToPDF")["data"]))


@contextmanager
def opened(path, profile):
    """A browser that keeps nothing.

    Args:
        path: of the program.
        profile: an empty folder for what it writes meanwhile.
    """
    commands, to = os.pipe()
    back, answers = os.pipe()
    ends = [(os.POSIX_SPAWN_DUP2, commands, 3), (os.POSIX_SPAWN_DUP2, answers, 4)]
    quiet = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    command = [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    child = os.posix_spawn(path, command, os.environ, file_actions=[*ends, *quiet], setsid=True)
    os.close(commands)
    os.close(answers)
    try:
        browser = Browser(to, back)
        browser.attach()
        yield browser
    finally:
        os.close(to)
        os.close(back)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
