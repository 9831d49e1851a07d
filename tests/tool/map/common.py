# SPDX-License-Identifier: MIT
"""What the tests here share: the program that is looked at, and checks."""
import os
import subprocess
import sys


class Target:
    """map_target, once it is ready: the addresses it printed, by name."""

    def __init__(self, *args, **environment):
        self.process = subprocess.Popen(
            [sys.argv[2], *args], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.at = {}
        for line in self.process.stdout:
            if line.startswith("ready"):
                break
            name, number = line.split()
            self.at[name] = int(number)
        self.pid = str(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def kmemtop(*args, ok=0, locale="C.UTF-8", **environment):
    """What it printed, on standard output, or on standard error if it is to fail."""
    done = subprocess.run(
        [sys.argv[1], *args], capture_output=True, timeout=60,
        env={**os.environ, "LC_ALL": locale, **environment},
    )
    check(f"{' '.join(args)}: exit {ok}", done.returncode, ok)
    return (done.stderr if ok else done.stdout).decode()


results = {"passed": 0, "failed": 0}


def check(name, got, expected=True):
    good = got == expected
    results["passed" if good else "failed"] += 1
    print(f"ok - {name}" if good else f"not ok - {name}: got {got!r}, expected {expected!r}", flush=True)


def has(name, text, part):
    check(name, part if part in text else text, part)


def finish():
    print(f"{results['passed']} passed, {results['failed']} failed")
    sys.exit(results["failed"] != 0)
