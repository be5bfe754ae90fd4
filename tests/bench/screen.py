"""How fast the screen answers, in a real terminal: python -m tests.bench.screen [--rounds N] [--size 160x45] [--json].

Measured from outside, on a pseudo-terminal, from the key press to the last byte that it caused: what a person
waits for.
interface.md, section 2, has the figures to hold: first frame 0.7 s, step and repaint, pause, and frames 50 ms.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.tui.programs import ENDLESS, START

ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
QUIET = 0.03
"""Seconds without output after which a repaint counts as over."""


class Terminal:
    """A process on a pseudo-terminal, and everything it has written."""

    def __init__(self, arguments: list[str], columns: int, rows: int, home: Path) -> None:
        self.started = time.perf_counter()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(home)}
        environment.pop("NO_COLOR", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mectui", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.text = b""
        self.last = self.started

    def press(self, keys: str) -> float:
        os.write(self._master, keys.encode())
        return time.perf_counter()

    def read(self, seconds: float) -> bool:
        """Takes what comes within `seconds`; False where nothing did."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.last = time.perf_counter()
        self.text += ESCAPE.sub(b" ", data)
        return True

    def settle(self, seconds: float = 5.0) -> float:
        """Reads until the output rests; when the last byte came."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and self.read(QUIET):
            pass
        return self.last

    def wait_for(self, pattern: bytes, seconds: float = 20.0) -> float:
        """Reads until `pattern` appears in what came since the last `forget`; when it did."""
        end = time.perf_counter() + seconds
        while not re.search(pattern, self.text):
            if time.perf_counter() > end:
                raise SystemExit(f"{pattern!r} did not appear within {seconds} s: {self.text[-300:]!r}")
            self.read(0.05)
        return time.perf_counter()

    def forget(self) -> None:
        self.text = b""

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)


def measure(rounds: int, columns: int, rows: int, home: Path) -> dict[str, list[float]]:
    """Milliseconds of every sample, by what was measured."""
    found: dict[str, list[float]] = {
        name: [] for name in ("first frame", "code shown", "step", "pause", "key while running")
    }
    for _ in range(rounds):
        terminal = Terminal(["two-realms"], columns, rows, home)
        found["first frame"].append((terminal.wait_for(rb"two-realms") - terminal.started) * 1e3)
        found["code shown"].append((terminal.wait_for(rb"_start") - terminal.started) * 1e3)
        terminal.settle()
        for number in range(1, 21):
            terminal.forget()
            pressed = terminal.press("s")
            terminal.wait_for(rb"#%d\b" % number)
            if number > 3:  # the first ones load what later ones have
                found["step"].append((terminal.settle() - pressed) * 1e3)
            else:
                terminal.settle()
        terminal.close()
    endless = home / "endless.bin"
    endless.write_bytes(b"".join(word.to_bytes(4, "little") for word in ENDLESS))
    terminal = Terminal([str(endless), "--load-at", f"{START:#x}"], columns, rows, home)
    terminal.wait_for(rb"#0\b")
    terminal.settle()
    for _ in range(rounds * 3):
        terminal.forget()
        terminal.press("c")
        terminal.wait_for(rb"running")
        time.sleep(0.5)
        for _ in range(4):
            terminal.forget()
            pressed = terminal.press(":")  # the footer lists the commands
            found["key while running"].append((terminal.wait_for(rb"until") - pressed) * 1e3)
            terminal.press("\x1b")
            time.sleep(0.2)
            while terminal.read(0):
                pass
        terminal.forget()
        pressed = terminal.press("p")
        found["pause"].append((terminal.wait_for(rb"paused") - pressed) * 1e3)
        terminal.settle()
    terminal.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="160x45", metavar="COLUMNSxROWS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    columns, rows = (int(part) for part in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.rounds, columns, rows, Path(folder))
    medians = {
        name: {
            "samples": len(samples),
            "median_ms": round(statistics.median(samples), 1),
            "p95_ms": round(sorted(samples)[int(len(samples) * 0.95) - 1 if len(samples) > 1 else 0], 1),
        }
        for name, samples in found.items()
    }
    if options.json:
        print(json.dumps(medians, indent=2))
        return
    print(f"{'':<20}{'samples':>8}{'median':>10}{'p95':>10}   ({options.size})")
    for name, row in medians.items():
        print(f"{name:<20}{row['samples']:>8}{row['median_ms']:>8} ms{row['p95_ms']:>7} ms")


if __name__ == "__main__":
    main()
