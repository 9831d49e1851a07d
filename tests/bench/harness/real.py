# SPDX-License-Identifier: MIT
"""Real programs: sqlite3, redis-server, python3, perl, gcc, z3, lua.

A column is checked to be what it says, once for each program and allocator: the dynamic linker is
asked (LD_DEBUG=bindings) where each malloc of the program and its libraries was bound. The output is
compared with that of the first allocator that ran."""
import re
import shutil
import subprocess
import time
from pathlib import Path

from .allocators import Allocator
from .measure import HERE, TIMEOUT_S, Failed, Fields, environment, fields, guarded, measured, preloaded

PYTHON = "/usr/bin/python3"  # the distribution's, not a wrapper found in PATH; -I would ignore PYTHONMALLOC


def c_source(functions: int) -> str:
    """A C file of many functions with loops, switches and arithmetic."""
    text = ["typedef struct { int a, b; double x; } S;"]
    for i in range(functions):
        inner = f" + f{i - 1}(s, n / 2)" if i else ""
        text.append(
            f"static int f{i}(S *s, int n)\n{{\n\tint r = {i};\n\tfor (int k = 0; k < n; k++) {{\n"
            f"\t\tswitch ((s->a + k) % 5) {{\n\t\tcase 0: r += s->b * {i + 3}; break;\n"
            f"\t\tcase 1: r ^= k << {i % 7}; s->a++; break;\n"
            f"\t\tcase 2: s->x = s->x * 1.5 + r; break;\n\t\tdefault: r -= (int)s->x;\n\t\t}}\n\t}}\n"
            f"\treturn r{inner};\n}}")
    calls = " + ".join(f"f{i}(s, n)" for i in range(functions))
    text.append(f"int g(S *s, int n) {{ return {calls}; }}\n")
    return "\n".join(text)


def formula(bits: int) -> str:
    """That 251 * 509 has no factor below 251, in bit vectors; and eight holes for nine pigeons."""
    wide, limit, holes = 2 * bits, 1 << bits, 8
    lines = [f"(declare-const {v} (_ BitVec {wide}))" for v in "ab"]
    lines += [f"(assert (= (bvmul a b) (_ bv{251 * 509} {wide})))"]
    lines += [f"(assert (bvult {v} (_ bv{limit} {wide})))" for v in "ab"]
    lines += [f"(assert (bvugt a (_ bv1 {wide})))", f"(assert (bvult a (_ bv251 {wide})))", "(check-sat)", "(reset)"]
    pigeons = range(holes + 1)
    lines += [f"(declare-const p{i}_{j} Bool)" for i in pigeons for j in range(holes)]
    lines += ["(assert (or " + " ".join(f"p{i}_{j}" for j in range(holes)) + "))" for i in pigeons]
    lines += [f"(assert (not (and p{i}_{j} p{k}_{j})))"
              for j in range(holes) for i in pigeons for k in range(i)]
    return "\n".join([*lines, "(check-sat)", ""])


class RealPrograms:
    """Their commands, inputs and reference outputs."""

    def __init__(self, work: Path, quick: bool) -> None:
        self.work = work
        self.quick = quick
        self.reference: dict[str, bytes] = {}
        self.verified: set[tuple[str, str]] = set()
        scale = 1 if quick else 3
        (work / "large.c").write_text(c_source(50 * scale))
        (work / "small.c").write_text(c_source(2))
        (work / "formula.smt2").write_text(formula(9))
        rows = (HERE / "programs/rows.sql").read_text().replace("@ROWS@", str(70000 * scale))
        (work / "rows.sql").write_text(rows)
        programs = HERE / "programs"
        self.commands = {
            "sqlite3": ["sqlite3", ":memory:", f".read {work}/rows.sql"],
            "python3": [PYTHON, "-S", f"{programs}/graph.py", str(2 * scale)],
            "perl": ["perl", f"{programs}/words.pl", str(3 * scale)],
            "gcc": ["gcc", "-O1", "-S", "-o", "/dev/stdout", f"{work}/large.c"],
            "z3": ["z3", f"{work}/formula.smt2"],
            "lua": ["lua5.4", f"{programs}/tables.lua", str(5 * scale)]}
        self.server = self._redis_server()

    def _redis_server(self) -> str | None:
        found = shutil.which("redis-server")
        if found or not shutil.which("redis-check-rdb"):
            return found
        # Debian's redis-tools has the same program under this name.
        link = self.work / "redis-server"
        if not link.exists():
            link.symlink_to(str(shutil.which("redis-check-rdb")))
        return str(link)

    def available(self, name: str) -> bool:
        if name == "redis":
            return bool(self.server and shutil.which("redis-benchmark") and shutil.which("redis-cli"))
        return shutil.which(self.commands[name][0]) is not None

    def verify(self, name: str, allocator: Allocator) -> None:
        """Raise Failed unless every malloc of the program is bound to the allocator's library."""
        if (name, allocator.name) in self.verified:
            return
        asked = {"sqlite3": ["sqlite3", "--version"], "python3": [PYTHON, "-S", "-c", "pass"],
                 "perl": ["perl", "-e", "1"], "z3": ["z3", "--version"], "lua": ["lua5.4", "-v"],
                 "gcc": ["gcc", "-S", "-o", "/dev/null", f"{self.work}/small.c"],
                 "redis": [self.server or "", "--version"]}[name]
        logs = self.work / "bindings"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir()
        debug = ["env", "LD_DEBUG=bindings", "LD_BIND_NOW=1", f"LD_DEBUG_OUTPUT={logs}/log"]
        guarded(measured(self.work, 1, allocator, Path("/dev/null"), debug + asked), f"{name} --version")
        text = "".join(log.read_text(errors="replace") for log in logs.iterdir())
        found = re.findall(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `malloc'", text)
        stem = re.split(r"[-_.]", allocator.library.resolve().name)[0]
        users = [(user, to) for user, to in found if not Path(user).name.startswith(stem)]
        # A program that takes malloc's address lends its own entry for it to the libraries.
        served = {user for user, to in users if allocator.serves(to)}
        wrong = [f"{user} calls that of {to}" for user, to in users
                 if not allocator.serves(to) and to not in served]
        if wrong or not served:
            raise Failed(f"{name}: malloc is not {allocator.name}'s: {wrong[0] if wrong else 'nobody calls it'}")
        self.verified.add((name, allocator.name))

    def run(self, name: str, allocator: Allocator) -> Fields:
        output = self.work / "output"
        text = guarded(measured(self.work, 1, allocator, output, self.commands[name]), name)
        said = output.read_bytes()
        if said != self.reference.setdefault(name, said):
            raise Failed(f"{name}: its output differs from that under the first allocator")
        return fields(text)

    def _benchmark(self, socket: Path, *words: str) -> float:
        start = time.monotonic()
        guarded(["redis-benchmark", "-s", str(socket), "-q", *words], "redis-benchmark")
        return time.monotonic() - start

    def _timed_test(self, test: str, socket: Path) -> tuple[float, int]:
        """Run one test; its time, and how many keys it leaves at least."""
        share = 3 if self.quick else 1
        single, many = str(60000 // share), str(1000000 // share)
        if test == "get":
            self._benchmark(socket, "-t", "set", "-n", single, "-r", "50000", "-d", "200", "-P", "16")
        words = {"set": ["-t", "set", "-n", single, "-r", "50000", "-d", "200"],
                 "get": ["-t", "get", "-n", single, "-r", "50000"],
                 "lpush": ["-t", "lpush", "-n", single, "-d", "64"],
                 "pipelined": ["-t", "set", "-n", many, "-r", "300000", "-d", "100", "-P", "32"]}[test]
        return self._benchmark(socket, *words), 1 if test == "lpush" else 1000

    def run_redis(self, test: str, allocator: Allocator) -> Fields:
        """One test against a server of its own; the peak is the server's."""
        socket = self.work / "redis.socket"
        command = [str(self.server), "--port", "0", "--unixsocket", str(socket), "--save", "",
                   "--dir", str(self.work)]
        with subprocess.Popen(["timeout", str(TIMEOUT_S), *preloaded(allocator, command)], env=environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                server = self._wait_for_server(socket)
                if str(allocator.library.resolve()) not in (server / "maps").read_text():
                    raise Failed(f"redis runs without {allocator.library}")
                cpu = self._cpu_s(server)
                seconds, least = self._timed_test(test, socket)
                cpu = self._cpu_s(server) - cpu
                peak = re.search(r"VmHWM:\s+(\d+)", (server / "status").read_text())
                keys = int(guarded(["redis-cli", "-s", str(socket), "dbsize"], "redis dbsize").split()[-1])
                if keys < least or not peak:
                    raise Failed(f"redis {test}: {keys} keys are left")
                guarded(["redis-cli", "-s", str(socket), "shutdown", "nosave"], "redis shutdown")
                if process.wait(timeout=20):
                    raise Failed(f"redis-server exits with {process.returncode}")
            finally:
                if process.poll() is None:
                    process.terminate()
        return {"time_s": f"{seconds:.6f}", "cpu_s": f"{cpu:.2f}", "peak_kib": peak.group(1)}

    @staticmethod
    def _cpu_s(process: Path) -> float:
        words = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / 100

    def _wait_for_server(self, socket: Path) -> Path:
        """The directory of the server's process in /proc."""
        for _ in range(200):
            if socket.exists():
                said = subprocess.run(["redis-cli", "-s", str(socket), "info", "server"], text=True,
                                      capture_output=True, check=False).stdout
                found = re.search(r"process_id:(\d+)", said)
                if found:
                    return Path("/proc") / found.group(1)
            time.sleep(0.02)
        raise Failed("redis-server does not answer")
