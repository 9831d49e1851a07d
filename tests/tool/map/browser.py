# SPDX-License-Identifier: MIT
"""A headless Chromium, asked through chromedriver in W3C WebDriver's terms."""
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    def __init__(self, theme="dark"):
        self.home = tempfile.mkdtemp()
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        port = None
        while port is None:
            line = self.driver.stdout.readline()
            if not line:
                raise RuntimeError("chromedriver does not start")
            if "started successfully on port" in line:
                port = int(line.split("port")[1].strip(" .\n"))
        self.base = f"http://127.0.0.1:{port}/session"
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=1500,1300", f"--user-data-dir={self.home}", "--no-first-run",
            "--disable-background-networking",
        ]
        if theme == "dark":
            arguments.append("--force-dark-mode")
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments},
                  "goog:loggingPrefs": {"browser": "ALL"}}
        self.base += "/" + self.ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.home, ignore_errors=True)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path, method=method, headers={"Content-Type": "application/json"},
            data=json.dumps(body or {}).encode() if method == "POST" else None,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, path):
        self.ask("POST", "/url", {"url": "file://" + path})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, xpath):
        return self.ask("POST", "/element", {"using": "xpath", "value": xpath})[ELEMENT]

    def click(self, xpath):
        self.ask("POST", f"/element/{self.find(xpath)}/click")

    def type(self, xpath, text):
        element = self.find(xpath)
        self.ask("POST", f"/element/{element}/clear")
        self.ask("POST", f"/element/{element}/value", {"text": text})

    def click_at(self, x, y):
        """Where the window shows it."""
        self.ask("POST", "/actions", {"actions": [{
            "type": "pointer", "id": "mouse", "actions": [
                {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)},
                {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0},
            ]}]})

    def texts(self, css):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", css)

    def complaints(self):
        """What the browser logged as an error: exceptions, what the page's policy forbids."""
        time.sleep(0.2)
        return [m["message"] for m in self.ask("POST", "/se/log", {"type": "browser"}) if m["level"] == "SEVERE"]
