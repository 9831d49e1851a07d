# SPDX-License-Identifier: MIT
"""Building the programs and running one of them under one allocator."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from .allocators import Allocator
from .variants import Variant

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
PROGRAMS = ["pair", "server", "pipeline", "churn", "shared-line", "threads", "large", "grow", "zero",
            "fragment", "objects", "heaps", "idle", "start", "structures", "measure"]
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-fno-builtin-malloc", "-fno-builtin-calloc",
         "-fno-builtin-realloc", "-fno-builtin-free", "-Wall", "-Wextra", "-pthread"]
TIMEOUT_S = 60
Fields = dict[str, str]


class Failed(Exception):
    """A run that crashed, took too long, or gave a wrong result; the text says which."""


def build_programs(build: Path, work: Path) -> None:
    """Compile the programs to work; objects and heaps are linked with libkmem of the build directory."""
    compiler = os.environ.get("CC", "cc")
    lib = build / "lib"
    for name in PROGRAMS:
        link = ["-ldl"]
        if name in ("objects", "heaps"):
            link += [f"-I{ROOT}/include", f"-L{lib}", f"-Wl,-rpath,{lib}", "-lkmem"]
        subprocess.run([compiler, *FLAGS, "-o", work / name, HERE / f"{name}.c", HERE / "bench.c", *link],
                       check=True)
    subprocess.run([compiler, *FLAGS, "-o", work / "insn-pair", ROOT / "tests/insn/pair.c"], check=True)


def environment() -> dict[str, str]:
    """What the programs see: nothing that would make one run differ from the next."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LD_", "KMEM_", "MALLOC_", "PYTHON"))}
    return clean | {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0", "LC_ALL": "C"}


def guarded(command: list[str], what: str) -> str:
    """The standard output of a command that must succeed within the time."""
    done = subprocess.run(["timeout", str(TIMEOUT_S), *command], env=environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == 0:
        return done.stdout
    reason = {124: f"took more than {TIMEOUT_S} s"}.get(done.returncode, f"exit code {done.returncode}")
    if done.returncode > 128:
        reason = f"died by signal {done.returncode - 128}"
    said = done.stderr.strip().splitlines()
    raise Failed(f"{what}: {reason}" + (f", {said[-1]}" if said else ""))


def fields(line: str) -> Fields:
    return dict(re.findall(r"(\w+)=(\S+)", line))


def preloaded(allocator: Allocator, command: list[str], options: str = "") -> list[str]:
    settings = [f"KMEM_OPTIONS={options}"] if options else []
    return ["env", *settings, f"LD_PRELOAD={allocator.library}", *command]


def measured(work: Path, count: int, allocator: Allocator, output: Path, command: list[str]) -> list[str]:
    return [str(work / "measure"), str(count), str(allocator.library), str(output), *command]


def run_own(variant: Variant, allocator: Allocator, work: Path, quick: bool) -> Fields:
    """Run one of the programs here; its result line, after checking who served malloc."""
    if variant.benchmark == "start":
        count = 25 if quick else 100
        return fields(guarded(measured(work, count, allocator, work / "output", [str(work / "start")]), "start"))
    arguments = variant.ours if allocator.ours and variant.ours else variant.arguments
    command = [str(work / variant.benchmark), *arguments] + (["quick=1"] if quick else [])
    found = fields(guarded(preloaded(allocator, command, variant.options), variant.label))
    if not allocator.serves(found.get("malloc", "?")):
        raise Failed(f"{variant.label}: malloc is served by {found.get('malloc')}, not by {allocator.library}")
    return found


def system_calls(allocator: Allocator, work: Path) -> int | None:
    """System calls of `start`, by strace; None without it."""
    if not shutil.which("strace"):
        return None
    log = work / "strace"
    guarded(["strace", "-f", "-c", "-o", str(log), "-E", f"LD_PRELOAD={allocator.library}",
             str(work / "start")], "strace start")
    total = re.search(r"^\s*[\d.]+\s+[\d.]+\s+\d*\s+(\d+)\s.*total$", log.read_text(), re.M)
    return int(total.group(1)) if total else None


def instructions(allocator: Allocator, work: Path, command: list[str], lengths: tuple[int, int]) -> float:
    """Instructions for one unit of work: callgrind's difference between two run lengths."""
    counts = []
    for length in lengths:
        words = [word.replace("@COUNT@", str(length)) for word in command]
        log = work / "callgrind.log"
        guarded(["env", f"LD_PRELOAD={allocator.library}", "valgrind", "--tool=callgrind",
                 "--callgrind-out-file=/dev/null", f"--log-file={log}", *words], f"callgrind {words[0]}")
        found = re.search(r"Collected : (\d+)", log.read_text())
        if not found:
            raise Failed(f"callgrind {words[0]}: no count")
        counts.append(int(found.group(1)))
    return (counts[1] - counts[0]) / (lengths[1] - lengths[0])
