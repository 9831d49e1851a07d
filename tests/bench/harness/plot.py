# SPDX-License-Identifier: MIT
"""One page of plots: the ratios of time and of memory of all benchmarks, by gnuplot."""
import shutil
import subprocess
from pathlib import Path

from .report import Results

COLOURS = ["#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf"]


def _series(results: Results, kind: str, name: str, shift: float) -> str:
    lines = []
    for number, row in enumerate(results.rows):
        ratio = row.ratio(kind, name, results.base)
        if ratio:
            lines.append(f"{ratio[0]:.4f} {len(results.rows) - number + shift:.2f} {ratio[1]:.4f} {ratio[2]:.4f}")
    return "\n".join(lines or ["nan 0 nan nan"]) + "\ne\n"


def _panel(results: Results, kind: str, title: str) -> str:
    peers = results.names[1:]
    total = len(results.rows)
    tics = ", ".join(f'"{row.label}" {total - number}' for number, row in enumerate(results.rows))
    plots = ", ".join(f"'-' using 1:2:3:4 with xerrorbars pt 7 ps 0.5 lc rgb '{COLOURS[i % len(COLOURS)]}'"
                      f" title '{name}'" for i, name in enumerate(peers))
    data = "".join(_series(results, kind, name, (i - len(peers) / 2) * 0.12) for i, name in enumerate(peers))
    return (f"set title '{title}: ratio to {results.base} (right of 1: {results.base} is better)'\n"
            f"set ytics ({tics})\nset yrange [0:{total + 1}]\n"
            f"set arrow 1 from 1, graph 0 to 1, graph 1 nohead lw 2\nplot {plots}\n{data}")


def write_svg(results: Results, path: Path) -> str | None:
    """The page; the reason if there is none."""
    if not shutil.which("gnuplot"):
        return "no plots without gnuplot: apt-get install gnuplot-nox"
    if len(results.names) < 2 or not results.rows:
        return None
    panels = [(kind, title) for kind, title in (("times", "Time"), ("sizes", "Peak resident size"))
              if any(row.ratio(kind, name, results.base) for row in results.rows for name in results.names[1:])]
    if not panels:
        return None
    height = 160 + 18 * len(results.rows)
    script = (f"set terminal svg size 1500,{height} font 'sans,11' background 'white'\nset output '{path}'\n"
              "set multiplot layout 1,2\nset logscale x 2\nset grid\nset key outside bottom center horizontal\n"
              "set bars 0\n" + "".join(_panel(results, kind, title) for kind, title in panels) + "unset multiplot\n")
    done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False)
    return f"gnuplot: {done.stderr.strip()}" if done.returncode else None
