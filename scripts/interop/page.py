"""page.py REPORT [FOLDER]: opens a report in headless Chromium, as people would.

At widths from 390 to 1600 pixels, light and dark: nothing is logged to the
console, nothing scrolls sideways, and axe-core finds nothing serious. The
search finds plans by word; everything that can be used is reached by the Tab
key; a number's link opens its definition; and the page prints. Screenshots
and the print go to FOLDER, to be looked at. Exits with 1 and a line for each
thing that does not hold.
"""
import base64
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import websocket

report = pathlib.Path(sys.argv[1]).resolve()
shots = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
axe = (pathlib.Path(importlib.util.find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text()
wrong = []


def expect(holds, text):
    if not holds:
        wrong.append(text)


class Browser:
    """One page of Chromium, by its DevTools protocol."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        address = next(line.split()[-1] for line in self.process.stderr if "DevTools listening on" in line)
        self.socket = websocket.create_connection(address, timeout=120, suppress_origin=True)
        self.last, self.session, self.logged = 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Network"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        self.socket.send(json.dumps(message | ({"sessionId": self.session} if self.session else {})))
        while True:
            got = json.loads(self.socket.recv())
            if got.get("id") == self.last:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self.note(got)

    def note(self, event):
        kind, params = event.get("method"), event.get("params", {})
        if kind in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.logged.append(json.dumps(params)[:300])
        if kind == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file:", "data:")):
            self.logged.append("fetches " + params["request"]["url"])
        return kind

    def open(self, page, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=page.as_uri())
        while self.note(json.loads(self.socket.recv())) != "Page.loadEventFired":
            pass

    def run(self, script):
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(json.dumps(got["exceptionDetails"])[:500])
        return got["result"].get("value")

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode={"Tab": 9, "Enter": 13}[key], text="\r" if (kind, key) == ("keyDown", "Enter") else "")

    def shoot(self, name, whole=False):
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
            (shots / f"{name}.png").write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


USABLE = """[...document.querySelectorAll('a[href], button, input, summary, [tabindex="0"]')].filter(e => e.checkVisibility())"""


def look(b):
    for width in (390, 768, 1024, 1600):
        for scheme in ("light", "dark"):
            b.open(report, width, scheme)
            at = f"{width} px, {scheme}"
            scroll = b.run("document.documentElement.scrollWidth")
            expect(scroll <= width, f"{at}: the page is {scroll} px wide")
            expect(b.run("document.querySelector('#verdict').getBoundingClientRect().bottom <= innerHeight"), f"{at}: the verdict is not on the first screen")
            if width not in (390, 1600):
                continue
            b.run(axe)
            found = b.run("axe.run({resultTypes: ['violations']}).then(r => r.violations.map(v => [v.impact, v.id, v.nodes.length, v.nodes[0].html.slice(0, 120)]))")
            for impact, *rest in found:
                expect(impact not in ("serious", "critical"), f"{at}: axe-core: {impact} {rest}")
            b.shoot(f"{width}-{scheme}")
            for section in b.run("[...document.querySelectorAll('section h2')].map(h => h.id)")[1:]:
                b.run(f"document.getElementById('{section}').scrollIntoView()")
                b.shoot(f"{width}-{scheme}-{section}")


def use(b):
    b.open(report, 1024, "light")
    usable, reached = b.run(USABLE + ".length"), []
    for _ in range(usable):
        b.press("Tab")
        reached.append(b.run(f"{USABLE}.indexOf(document.activeElement)"))
    expect(reached == list(range(usable)), f"the Tab key reaches {len(set(reached))} of {usable} things in the order {reached[:12]}…")
    rows = b.run("document.querySelectorAll('#samples tbody tr').length")
    visible = "[...document.querySelectorAll('#samples tbody tr')].filter(r => !r.hidden).length"
    if rows:
        expect(b.run(visible) == min(rows, 25), f"{b.run(visible)} of {rows} plans are shown at first")
        if rows > 25:
            b.run("document.getElementById('all').click()")
        expect(b.run(visible) == rows and not b.run("document.getElementById('all').checkVisibility()"), f"{b.run(visible)} of {rows} plans are shown when all are asked for")
        word = b.run("document.querySelector('#samples tbody .novel').textContent.split(',')[0].trim()")
        b.run(f"document.getElementById('search').value = {json.dumps(word)}; document.getElementById('search').dispatchEvent(new Event('input'))")
        shown = b.run("[...document.querySelectorAll('#samples tbody tr')].filter(r => !r.hidden).map(r => r.textContent.toLowerCase())")
        expect(0 < len(shown) <= rows and all(w in row for row in shown for w in word.lower().split()), f"searching for {word!r} shows {len(shown)} of {rows} plans")
        expect(b.run("document.getElementById('found').textContent") == f"{len(shown)} of {rows} shown", "the search does not say how many it found")
    if b.run("document.querySelectorAll('.tiles a').length"):
        b.run("document.querySelector('.tiles a').focus()")
        b.press("Enter")
        expect(b.run("document.querySelector(document.querySelector('.tiles a').getAttribute('href')).checkVisibility()"), "a number's link does not open its definition")
    pdf = base64.b64decode(b.call("Page.printToPDF", printBackground=False)["data"])
    expect(pdf.startswith(b"%PDF") and len(pdf) > 20_000, f"the print has {len(pdf)} bytes")
    if shots:
        (shots / "print.pdf").write_bytes(pdf)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    browser = Browser(folder)
    try:
        look(browser)
        use(browser)
    finally:
        browser.close()
    expect(not browser.logged, f"logged: {browser.logged[:5]}")
print(f"{report}: opened in Chromium from 390 to 1600 px, light and dark, and used by keyboard")
for line in wrong:
    print("WRONG", line)
sys.exit(bool(wrong))
