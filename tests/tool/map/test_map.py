#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kmemtop --map, plain and on a terminal: test_map.py KMEMTOP MAP_TARGET"""
import os
import pty
import re
import resource
import sys
import tempfile

from common import Target, check, finish, has, kmemtop


def on_terminal(*args, **environment):
    """What it writes to a terminal of its own."""
    pid, end = pty.fork()
    if not pid:
        os.environ.update(LC_ALL="C.UTF-8", **environment)
        os.execv(sys.argv[1], [sys.argv[1], *args])
    text = b""
    while True:
        try:
            piece = os.read(end, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        text += piece
    check("on a terminal: exit 0", os.waitpid(pid, 0)[1], 0)
    os.close(end)
    return text.decode()


def rows(text):
    return re.findall(r"^ {2}[0-9a-f]{12} (.*)$", text, re.M)


def cell_pages(text):
    number, unit = re.search(r"^Each cell is ([\d.]+)([KM])", text, re.M).groups()
    return round(float(number) * {"K": 1024, "M": 1024 * 1024}[unit] / 4096)


def test_plain(t):
    text = kmemtop("--map", "-p", t.pid)
    check("plain: no escapes", "\033" in text, False)
    check("plain: blocks", any(c in text for c in "░▒▓█"))
    check("plain: spans and runs", all(c in text for c in "▤▥▦"))
    zone = re.search(r"^zone (0x[0-9a-f]+): ([\d.]+)M of", text, re.M)
    cells = sum(len(r) for r in rows(text))
    committed = float(zone[2]) * 256
    check("plain: to scale", abs(cells * cell_pages(text) - committed) <= 0.05 * 256 + cell_pages(text))
    letter = re.search(r"^█ (\w) session ", text, re.M)
    check("plain: a letter in the legend", bool(letter))
    # The slab's cell has the letter below it.
    page = (t.at["object"] - int(zone[1], 16)) // 4096 // cell_pages(text)
    lines = text.splitlines()
    width = len(rows(text)[0])
    row = next(i for i, line in enumerate(lines) if line.strip().startswith(
        f"{int(zone[1], 16) + page // width * width * cell_pages(text) * 4096:x} "))
    check("plain: the letter where the slab is", lines[row + 1][15 + page % width], letter and letter[1])
    check("plain: the block above", lines[row][15 + page % width] in "░▒▓█")
    slabs, use, objects, parked = map(int, re.search(
        r" session +(\d+) slabs .* (\d+)% of (\d+), (\d+) in sheaves$", text, re.M).groups())
    check("plain: objects", objects, 315 * slabs)
    check("plain: use", use, 201 * 100 // objects)
    check("plain: in sheaves", 99 <= parked <= objects - 201)
    check("plain: heaps", bool(re.search(r"^heap malloc-heap-\d: 1 spans, .*fragmentation \d+%$", text, re.M)))
    has("plain: a heap of the program's", text, "heap pool: 1 spans")
    mapping = hex(t.at["mapped"] - (50 << 20))
    has("plain: mappings", text, f"mapping {mapping}: 100.0M, large malloc")


def test_ascii(t):
    text = kmemtop("--map", "-p", t.pid, locale="C")
    check("C locale: ASCII", text.isascii())
    has("C locale: spans", text, "====")


def test_terminal(t):
    text = on_terminal("--map", "-p", t.pid, TERM="xterm-256color")
    check("terminal: colours", len(set(re.findall(r"\033\[38;5;\d+m", text))) > 4)
    check("terminal: eight colours", "\033[38;5;" in on_terminal("--map", "-p", t.pid, TERM="xterm"), False)
    check("terminal: NO_COLOR", "\033" in on_terminal("--map", "-p", t.pid, TERM="xterm-256color", NO_COLOR="1"), False)
    check("terminal: none to be had", "\033" in on_terminal("--map", "-p", t.pid, TERM="dumb"), False)
    narrow = kmemtop("--map", "-p", t.pid, COLUMNS="60")
    check("width", max(len(r) for r in rows(narrow)), 32)


def test_command():
    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, "page.html")
        library = os.path.join(os.path.dirname(sys.argv[1]), "../lib/libkmem-malloc.so")
        text = kmemtop("--map", "--html", page, "--", "sh", "-c", "exit 0", KMEM_MALLOC_LIBRARY=library)
        has("command: at its end", text, "zone 0x")
        with open(page, encoding="utf-8") as html:
            check("command: the page", html.read().rstrip().endswith("</html>"))
        text = kmemtop("--html", "/nowhere/page.html", "-p", str(os.getpid()), ok=1)
        has("not ours", text, "does not use libkmem")
    with Target() as t:
        has("no such folder", kmemtop("--html", "/nowhere/page.html", "-p", t.pid, ok=1),
            "kmemtop: /nowhere/page.html: No such file")
        has("a full disk", kmemtop("--html", "/dev/full", "-p", t.pid, ok=1), "kmemtop: /dev/full: No space left")


def test_time():
    """Ten thousand slabs, and a GiB of blocks."""
    with Target("big") as t, tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = kmemtop("--map", "--html", os.path.join(folder, "page.html"), "-p", t.pid)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        check("big: slabs", int(re.search(r"big +(\d+) slabs", text)[1]) >= 10000)
        check(f"big: processor time, {used:.2f} s", used < 1)


with Target() as target:
    test_plain(target)
    test_ascii(target)
    test_terminal(target)
test_command()
test_time()
finish()
