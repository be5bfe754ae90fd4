"""A command that gets Ctrl-C at a known place of its way: no time on a clock says where a process is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COUNTING = b"".join(word.to_bytes(4, "little") for word in (0x9100_0400, 0x17FF_FFFF))
"""add x0, x0, #1 for ever: its register tells that the guest runs."""

_LISTEN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
"""
_GUEST_RUNS = """
import os, signal, sys, threading, time
import emu

def interrupt(machine):
    while machine.cpu.slots[0] == 0:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)

def run(machine, *arguments, **options):
    threading.Thread(target=interrupt, args=(machine,), daemon=True).start()
    return really_run(machine, *arguments, **options)

really_run, emu.Machine.run = emu.Machine.run, run
"""
_RUN_BEGINS = """
import os, signal, sys
import emu

left = [{number}]

def run(machine, *arguments, **options):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGINT)
    return really_run(machine, *arguments, **options)

really_run, emu.Machine.run = emu.Machine.run, run
"""
_MODULE_IS_READ = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""
_COMMAND = """
from mectui.__main__ import main
sys.exit(main())
"""


def interrupted_while_the_guest_runs(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on a guest that counts for ever, interrupted once it does."""
    guest = folder / "counting.bin"
    guest.write_bytes(COUNTING)
    return _interrupted(_GUEST_RUNS, *arguments, str(guest), "--load-at", "0x4000_0000")


def interrupted_at_run(number: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, interrupted where a machine begins to run for the `number`-th time."""
    return _interrupted(_RUN_BEGINS.format(number=number), *arguments)


def interrupted_while_reading(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, interrupted where it imports `module` for the first time."""
    return _interrupted(_MODULE_IS_READ.format(name=module), *arguments)


def _interrupted(before: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _LISTEN + before + _COMMAND, *arguments],
        capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
