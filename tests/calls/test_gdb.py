"""The list of calls beside gdb's own `bt`, at many stops of programs that are compiled in every way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mectui.queries.calls import calls
from tests.calls.conftest import Built
from tests.calls.shadow import at_main, steps
from tests.lines.programs import GDB, needs_gdb, needs_ziglang

STOPS, STRIDE = 40, 17


def gdb_calls(elf: Path) -> list[list[tuple[int, str]]]:
    """At every stop (pc, function) of each call, the innermost first; gdb drives this debugger's server."""
    server = subprocess.Popen(
        [sys.executable, "-m", "mectui", "gdbserver", str(elf), "--once", "--port", "0", "--memory", "16M"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        port = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
        assert port is not None
        assert GDB is not None
        setting = ["confirm off", "pagination off", "print frame-info location-and-address", "backtrace past-main on"]
        stop = ['printf "<stop>\\n"', "bt 20", f"stepi {STRIDE}"]
        typed = [*(f"set {each}" for each in setting), f"target remote 127.0.0.1:{port[1]}", "tbreak *main", "continue",
                 *stop * STOPS, "kill"]  # fmt: skip
        arguments = [part for each in typed for part in ("-ex", each)]
        done = subprocess.run(
            [GDB, "-nx", "-batch", *arguments, str(elf)], capture_output=True, text=True, timeout=120, check=False
        )
        found = []
        for told in done.stdout.split("<stop>\n")[1:]:
            rows = re.findall(r"^#\d+\s+0x([0-9a-f]+) in (\S+) \(", told.partition("\n0x")[0], re.MULTILINE)
            found.append([(int(pc, 16), name) for pc, name in rows])
        return found
    finally:
        server.kill()
        server.communicate()


@needs_gdb
@needs_ziglang
@pytest.mark.parametrize("name", ["O0-tables", "O2-tables", "O2-debug", "O2-records"])
def test_calls_are_those_of_gdb(built: Built, name: str) -> None:
    """Without tables for every instruction gdb is wrong in epilogues, as the calls that were made show."""
    elf = built(name)
    machine = at_main(elf)
    theirs = gdb_calls(elf)
    assert len(theirs) == STOPS
    alike = 0
    for number, real in enumerate(steps(machine, STOPS * STRIDE)):
        if number % STRIDE:
            continue
        ours = [(call.pc, call.label.partition("+")[0]) for call in calls(machine).calls]
        them = theirs[number // STRIDE]
        both = min(len(ours), len(them))
        if ours[:both] != them[:both]:
            assert name in ("O2-debug", "O2-records")
            assert [pc for pc, _ in them[1:]] != real[: len(them) - 1], "gdb is right"
        else:
            alike += both > 1
    assert alike >= (STOPS if name.endswith("-tables") else STOPS // 3)
