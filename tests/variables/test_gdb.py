"""Variables beside gdb's own, of every call at many stops of a program that is compiled in every way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emu.debug.variables import Kind
from mectui.queries.calls import calls
from mectui.queries.variables import Row, variables_of
from tests.calls.shadow import at_main
from tests.lines.programs import GDB, needs_gdb, needs_ziglang
from tests.variables.conftest import Built
from tests.variables.programs import GCC, OF_GCC, VARIANTS

STOPS = 70
STRIDES = {"O0": 23, "O1": 7, "O2": 7, "Os": 7}
SCRIPT = Path(__file__).with_name("gdb_script.py")
CHANGED_BY_CALLS = {f"x{number}" for number in range(19)} | {f"v{number}" for number in range(32)}
"""Of a call further out gdb takes it that calls leave them alone."""


def gdb_variables(elf: Path, stride: int) -> list[list[Any]]:
    """At every stop each call's pc and variables, the innermost call first; gdb drives this debugger's server."""
    server = subprocess.Popen(
        [sys.executable, "-m", "mectui", "gdbserver", str(elf), "--once", "--port", "0", "--memory", "16M"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        port = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
        assert port is not None
        assert GDB is not None
        stop = ["dumpvars", f"stepi {stride}"]
        typed = ["set confirm off", "set pagination off", f"source {SCRIPT}", f"target remote 127.0.0.1:{port[1]}",
                 "tbreak *main", "continue", *stop * STOPS, "kill"]  # fmt: skip
        arguments = [part for each in typed for part in ("-ex", each)]
        done = subprocess.run(
            [GDB, "-nx", "-batch", *arguments, str(elf)], capture_output=True, text=True, timeout=120, check=False
        )
        return [json.loads(text) for text in re.findall(r"^<variables>(.*)$", done.stdout, re.MULTILINE)]
    finally:
        server.kill()
        server.communicate()


def worth(rows: list[Row], at: int) -> Any:
    """The value of a row as gdb's script writes it: a number, a list, or None where there is none."""
    row = rows[at]
    if row.type.kind in (Kind.RECORD, Kind.ARRAY) and row.is_open:
        below = [to for to in range(at + 1, len(rows)) if rows[to].depth == row.depth + 1]
        end = next((to for to in range(at + 1, len(rows)) if rows[to].depth <= row.depth), len(rows))
        return [worth(rows, to) for to in below if to < end]
    return None if row.problem else row.value


def ours(machine: Any, number: int) -> list[tuple[str, Any, Row]]:
    view = variables_of(machine, number, lambda path, depth: "->" not in path and not path.startswith("*"))
    found = []
    for scope in view.scopes:
        rows = list(scope.rows)
        opened = [at for at, row in enumerate(rows) if row.depth == 0]
        found += [(rows[at].name, worth(rows, at), rows[at]) for at in opened]
    return found


@needs_gdb
@needs_ziglang
@pytest.mark.parametrize("name", VARIANTS)
def test_variables_are_those_of_gdb(built: Built, name: str) -> None:
    told = compared(built(name), STRIDES[name[:2]])
    assert told["same"] > 400
    if name.startswith("O0"):
        assert told["lost in a call"] == told["more here"] == 0
    else:
        assert told["none"] > 50, "nothing was optimized out"


@needs_gdb
@pytest.mark.skipif(GCC is None, reason="no gcc for AArch64 on the PATH")
@pytest.mark.parametrize("name", OF_GCC)
def test_variables_of_another_compiler(built: Built, name: str) -> None:
    told = compared(built(name), 7)
    assert told["same"] > 400
    assert told["none"] > 50
    assert told["lost in a call"] + told["another register"] < 20


def compared(elf: Path, stride: int) -> Counter[str]:
    """What came of comparing every variable at every stop; fails where gdb is right."""
    machine = at_main(elf)
    machine.lines.finish()
    theirs = gdb_variables(elf, stride)
    assert len(theirs) == STOPS
    told: Counter[str] = Counter()
    for number, stop in enumerate(theirs):
        if number:
            machine.run(max_instructions=stride)
        pcs = [call.pc for call in calls(machine).calls]
        assert stop[0][0] == pcs[0]
        is_alike_there = [pc for pc, _ in stop] == pcs[: len(stop)]  # tests/calls compares what calls there are
        for at, (_, variables) in enumerate(stop if is_alike_there else stop[:1]):
            compare(ours(machine, at), variables, at, told)
    assert machine.lines.problems() == machine.variables.problems() == []
    return told


def compare(mine: list[tuple[str, Any, Row]], theirs: list[Any], call: int, told: Counter[str]) -> None:
    """Every variable of a call; those of the same name come in the same order, the innermost first."""
    left = list(mine)
    for name, value, is_parameter in theirs:
        at = next((at for at, item in enumerate(left) if item[0] == name), None)
        if at is None and value is None:
            continue  # gdb has it twice
        assert at is not None, name
        _, found, row = left.pop(at)
        assert row.is_parameter is is_parameter
        if isinstance(value, str):
            told["gdb cannot read it"] += 1
        elif is_alike(found, value):
            told["none" if value is None else "same"] += 1
        elif value is None:
            told["more here"] += 1  # from what is known of the registers at a call
        elif found is None:
            # gdb takes it that calls leave every register alone; most may be changed by them (AAPCS64).
            converted = row.problem.endswith("convert, which is not evaluated here")  # of GCC, for floats
            assert converted or row.problem.endswith("what was called did not keep that"), (name, value, row.problem)
            told["lost in a call"] += 1
        else:
            assert call, (name, value, found)
            assert row.register in CHANGED_BY_CALLS, (name, value, found)
            told["another register"] += 1
    assert left == []


def is_alike(ours: Any, theirs: Any) -> bool:
    """Parts that nothing describes are 0 for gdb."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(is_alike, ours, theirs))
    return bool(ours == theirs or (ours is None and theirs == 0))
