"""Ctrl-C at every stage of a command: one line at most, exit code 130."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.interrupting import interrupted_while_reading, interrupted_while_the_guest_runs


@pytest.mark.parametrize("arguments", [["run"], ["run", "--json"], ["check"], ["check", "--json"]], ids=" ".join)
@pytest.mark.parametrize("engine", ["auto", "interpreter", "reference"])
def test_an_endless_guest_is_interrupted_and_still_reported(arguments: list[str], engine: str, tmp_path: Path) -> None:
    done = interrupted_while_the_guest_runs(tmp_path, *arguments, "--engine", engine)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
    if "--json" in arguments:
        assert json.loads(done.stdout)["stop"]["reason"] == "paused"


@pytest.mark.parametrize("module", ["argparse", "mectui.cli", "emu.machine", "mectui.commands.run", "llvmlite"])
def test_an_interrupt_while_modules_are_read_is_no_traceback(module: str) -> None:
    done = interrupted_while_reading(module, "run", "hello")
    assert done.returncode == 130
    assert done.stderr in ("", "mectui: interrupted\n")
    assert done.stdout == ""
