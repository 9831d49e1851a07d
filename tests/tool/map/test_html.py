#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of kmemtop --html, clicked through in a browser: test_html.py KMEMTOP MAP_TARGET"""
import os
import re
import shutil
import sys
import tempfile

from browser import Browser
from common import Target, check, finish, has, kmemtop

if not shutil.which("chromedriver") or not shutil.which("chromium"):
    print("skipped: no headless browser (Debian: chromium, chromium-driver)")
    sys.exit(77)

HOSTILE = "</script><b>&'\""

# Where an address is drawn, in the window, once its zone has been scrolled to.
PLACE = """
const address = arguments[0];
const view = map.zones.find((v) => address >= v.zone.base && address < v.zone.base + v.zone.committed * PAGE);
const page = Math.floor((address - view.zone.base) / PAGE), l = map.layout;
view.canvas.scrollIntoView({ block: "start" });
const box = view.canvas.getBoundingClientRect();
return [box.left + (page % l.perRow + 0.5) * l.pixels, box.top + (Math.floor(page / l.perRow) + 0.5) * l.height];
"""


def column(browser, number):
    return browser.texts(f"#caches tbody td:nth-child({number})")


def numbers(texts):
    return [int(t.replace(",", "")) for t in texts]


def test_sorting(browser):
    browser.click("//th/button[text()='Objects']")
    got = numbers(column(browser, 3))
    check("sort: objects, most first", got, sorted(got, reverse=True))
    check("sort: not all are alike", len(set(got)) > 3)
    browser.click("//th/button[text()='Objects']")
    check("sort: again, fewest first", numbers(column(browser, 3)), sorted(got))
    check("sort: it says so", browser.run("return document.querySelector('th[aria-sort]').getAttribute('aria-sort')"),
          "ascending")
    browser.click("//th/button[text()='Cache']")
    names = browser.run("return [...document.querySelectorAll('#caches tbody .name')].map(e => e.childNodes[1].data)")
    check("sort: by name", names, sorted(names))
    return names


def test_names(browser, names):
    check("names: as it is", HOSTILE in names)
    check("names: never obeyed", browser.run("return document.querySelectorAll('b').length"), 0)


def test_click(browser, at):
    browser.click_at(*browser.run(PLACE, at["object"]))
    detail = browser.run("return document.getElementById('detail').innerText")
    check("click: the slab's cache", detail.splitlines()[0], "session")
    has("click: its objects", detail, "315 of 100 bytes")
    check("click: all its objects", browser.run("return document.querySelectorAll('.objects i').length"), 315)
    cell = browser.run("""
        const slab = D.slabs[D.zones[map.selected.zone].runs[map.selected.run][3]];
        return Math.floor((arguments[0] - slab[2]) / D.caches[slab[0]].stride)""", at["object"])
    browser.click(f"(//div[@class='objects']/i)[{cell + 1}]")
    check("click: an object", browser.run("return document.getElementById('object').textContent"),
          f"object {cell} at {hex(at['object'])}: in use")
    browser.click_at(*browser.run(PLACE, at["block"]))
    detail = browser.run("return document.getElementById('detail').innerText")
    check("click: a span", detail.splitlines()[0].startswith("malloc-heap-"))
    has("click: its blocks", browser.run("return document.querySelector('#detail table').innerText"), hex(at["block"]))
    browser.click_at(*browser.run(PLACE, at["large"]))
    check("click: a run", browser.run("return document.getElementById('detail').innerText").splitlines()[0],
          "large malloc")
    browser.run("document.querySelector('canvas').focus()")
    before = browser.run("return map.selected.run")
    browser.run("document.querySelector('canvas').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}))")
    check("keys: the next run", browser.run("return map.selected.run"), before + 1)


def test_find(browser, target):
    """The page and --whatis agree."""
    states = {"parked": "free, in a sheaf", "object": "in use", "inside": "in use", "parked_elsewhere": "free, in a sheaf",
              "fresh": "free, never handed out", "tracked": "in use"}
    for name, expected in states.items():
        browser.type("//input[@id='address']", hex(target.at[name]) + "\ue007")
        text = browser.run("return (document.getElementById('object') || {}).textContent")
        check(f"find: {name}", text.split(": ")[1] if text else text, expected)
        said = re.search(r"^  state +([^,\n]*)", kmemtop("--whatis", hex(target.at[name]), "-p", target.pid), re.M)
        check(f"find: {name}: as --whatis", expected.split(",")[0], said[1])
    browser.type("//input[@id='address']", "0x1000\ue007")
    has("find: elsewhere", browser.run("return document.getElementById('detail').innerText"), "not in a zone")


def test_pixels(browser, at):
    """A slab's place has its cache's colour, and loses it when another cache is chosen."""
    pixel = """
        const view = map.zones[0], l = map.layout, page = Math.floor((arguments[0] - view.zone.base) / PAGE);
        const ratio = view.canvas.width / l.width;
        const data = view.canvas.getContext("2d").getImageData(Math.floor((page % l.perRow + 0.5) * l.pixels * ratio),
            Math.floor((Math.floor(page / l.perRow) + 0.75) * l.height * ratio), 1, 1).data;
        return [...data]"""
    plain = browser.run(pixel, at["object"])
    check("pixels: drawn", plain[3], 255)
    check("pixels: in colour", max(plain[:3]) - min(plain[:3]) > 30)
    row = "//table[@id='caches']//tr[.//*[@class='name'][contains(., 'elsewhere')]]"
    browser.click(row)
    check("highlight: the others pale", browser.run(pixel, at["object"]) != plain)
    check("highlight: the row", browser.run("return document.querySelectorAll('#caches tr.on').length"), 1)
    browser.click(row)
    check("highlight: and come back", browser.run(pixel, at["object"]), plain)


def test_rest(browser):
    heights = "return document.querySelector('canvas').height"
    before = browser.run(heights)
    browser.click("//button[@id='in']")
    check("zoom: larger", browser.run(heights) > before)
    browser.click("//button[@id='out']")
    check("zoom: and back", browser.run(heights), before)
    ground = "return getComputedStyle(document.body).backgroundColor"
    first = browser.run(ground)
    browser.click("//button[@id='theme']")
    check("theme: dark and light", browser.run(ground) != first)
    heaps = browser.run("return document.getElementById('heaps').innerText")
    check("heaps: fragmentation", bool(re.search(r"fragmentation\s+\d+%", heaps)))
    check("heaps: blocks", browser.run("return document.querySelectorAll('#heaps .strip div').length") > 20)
    has("mappings", heaps, "100 MiB, large malloc")
    check("no network", browser.run("return performance.getEntriesByType('resource').length"), 0)
    check("no complaints", browser.complaints(), [])


folder = tempfile.mkdtemp()
page = os.path.join(folder, "map.html")
try:
    with Target() as target:
        kmemtop("--html", page, "-p", target.pid)
        with open(page, encoding="utf-8") as text:
            check("self-contained", re.findall(r"(?:src|href)=|https?://", text.read()), [])
        with Browser() as browser:
            browser.open(page)
            check("title", browser.run("return document.title"), f"map_target {target.pid}: kmemtop")
            test_names(browser, test_sorting(browser))
            test_click(browser, target.at)
            test_find(browser, target)
            test_pixels(browser, target.at)
            test_rest(browser)
finally:
    shutil.rmtree(folder)
finish()
