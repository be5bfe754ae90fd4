"""-x FILE without a screen: commands are carried out, one after the other, before the guest runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mectui.command_table import COMMANDS
from tests.cli.conftest import Run
from tests.cli.interrupting import COUNTING, interrupted_while_the_guest_runs

Write = Callable[..., str]
AT_LEAST = ("step", "next", "out", "run", "until", "to", "break", "watch", "set", "print", "stops", "delete")


@pytest.fixture
def script(tmp_path: Path) -> Write:
    def write(*lines: str) -> str:
        path = tmp_path / "commands"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def test_a_value_that_is_set_is_the_one_the_guest_has(mectui: Run, script: Write, tmp_path: Path) -> None:
    guest = tmp_path / "exit.bin"  # mov x1, sp; mov w0, #0x18 (SYS_EXIT); hlt #0xf000, its block of two words at SP
    guest.write_bytes(b"".join(word.to_bytes(4, "little") for word in (0x910003E1, 0x52800300, 0xD45E0000)))
    lines = ("# comments and blank lines are left out", "", "set sp=0x40001000", "set [pa:0x40001000].x=0x20026",
             "set [pa:0x40001008].x=40+2", "print sp")  # fmt: skip
    done = mectui("run", str(guest), "--load-at", "0x4000_0000", "-x", script(*lines))
    assert done.returncode == 42
    assert done.stderr.splitlines()[0].startswith("sp is 0x")
    assert done.stdout == ""


def test_it_runs_stops_and_goes_on(mectui: Run, script: Write) -> None:
    path = script("tbreak realm_b_entry", "run", "print el", "print pc",
                  "until realm_b_search_secret", "step 2", "print pc - realm_b_search_secret")  # fmt: skip
    done = mectui("run", "two-realms", "-x", path, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["stop"]["reason"]) == (0, "exit")
    assert report == json.loads(mectui("run", "two-realms", "--json").stdout) | {
        name: report[name] for name in ("seconds", "mips")
    }
    told = [line for line in done.stderr.splitlines() if line.startswith(("el is", "pc"))]
    assert told[0].startswith("el is 1")
    assert "0x4030_0000" in told[1]
    assert told[2].startswith("pc - realm_b_search_secret is 8")
    assert "stopped at a breakpoint at realm_b_entry" in done.stderr
    assert "arrived" not in done.stderr


def test_calls_further_out_can_be_looked_at(mectui: Run, script: Write) -> None:
    lines = ("until rmm_map_granule", "bt", "up", "print pc - rmm_create_realm", "print sp", "up", "print x30",
             "down", "step", "print pc - rmm_map_granule")  # fmt: skip
    done = mectui("run", "two-realms", "-x", script(*lines[:6], *lines[7:]))
    told = done.stderr.splitlines()
    assert done.returncode == 0
    assert [line.split()[:2] for line in told[:3]] == [
        ["0", "rmm_map_granule"], ["1", "rmm_create_realm+0x68"], ["2", "rmm_start+0xd8"],
    ]  # fmt: skip
    assert told[3].startswith("No more: ")
    kept = [line for line in told[4:] if " is " in line]
    assert kept[0].startswith("pc - rmm_create_realm is 0x68")
    assert kept[1].startswith("sp is 0x4008_5ff0")
    assert [line.split()[:2] for line in told if line[:3].strip() in ("1", "2")][2:] == [
        ["1", "rmm_create_realm+0x68"], ["2", "rmm_start+0xd8"], ["1", "rmm_create_realm+0x68"],
    ]  # fmt: skip
    assert kept[2].startswith("pc - rmm_map_granule is 4"), "a step leads back to the present call"
    done = mectui("run", "two-realms", "-x", script(*lines))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("x30 of call 2 is not known: what it called did not keep it.")


def test_stops_of_the_file_end_the_run(mectui: Run, script: Write) -> None:
    lines = ("break realm_a_entry", "watch shared_granule,4096", "break realm_b_entry", 'log _start "here {pc}"',
             "disable 2", "delete 1", "stops")  # fmt: skip
    done = mectui("run", "two-realms", "-x", script(*lines), "--json")
    stop = json.loads(done.stdout)["stop"]
    assert (stop["reason"], stop["message"]) == ("breakpoint", "breakpoint 3: at realm_b_entry")


def test_the_limit_holds_in_the_file_too(mectui: Run, script: Write, tmp_path: Path) -> None:
    guest = tmp_path / "counting.bin"
    guest.write_bytes(COUNTING)
    for lines in (("run",), ("step 700",), ("step 2000",), ("step 1000", "run"), ("until 0x4000_1000", "print x0")):
        done = mectui("run", str(guest), "--load-at", "0x4000_0000", "-x", script(*lines), "--max-insns", "1000",
                      "--json")  # fmt: skip
        assert done.returncode == 124
        assert json.loads(done.stdout)["instructions"] == 1000
        assert "x0 is" not in done.stderr


def test_ctrl_c_in_the_file_pauses_the_guest_and_still_reports(script: Write, tmp_path: Path) -> None:
    done = interrupted_while_the_guest_runs(tmp_path, "run", "--json", "-x", script("run", "print x0"))
    assert done.returncode == 130
    assert json.loads(done.stdout)["stop"]["reason"] == "paused"
    assert done.stderr == ""
    done = interrupted_while_the_guest_runs(tmp_path, "tlb", "-x", script("run", "print x0"))
    assert (done.returncode, done.stderr) == (130, "mectui: interrupted\n")


def test_who_looks_looks_where_the_file_leaves_the_guest(mectui: Run, script: Write) -> None:
    path = script("until realm_b_entry")
    for arguments in (("regs", "two-realms"), ("walk", "two-realms", "shared_granule"), ("tlb", "two-realms")):
        there = mectui(*arguments, "-x", path, "--json")
        asked = mectui(*arguments, "--until", "realm_b_entry", "--json")
        assert (there.returncode, there.stdout) == (0, asked.stdout)
    set_only = mectui("regs", "two-realms", "-x", script("break realm_b_entry"), "--print", "pc")
    assert "0x4030_0000" in set_only.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("theme dark", "“theme” is for the screen"),
        ("back 3", "“back” is for the screen"),
        ("break mian", "There is no symbol or register “mian”"),
        ("set x0=[0xffff_0000_0000_0000].x", ""),
        ("goto _start", "“goto” is for the screen"),
        ("up", "call 0 is the last one"),
        ("down", "this is the innermost call already"),
        ("frobnicate", "There is no command “frobnicate”"),
        ("delete 7", ""),
        ("x" * 5000, "too long"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(mectui: Run, script: Write, line: str, said: str) -> None:
    path = script("# first", line)
    done = mectui("run", "hello", "-x", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mectui: {path}, line 2: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_file_that_is_none_is_one_sentence(mectui: Run, name: str) -> None:
    done = mectui("run", "hello", "-x", name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_every_command_is_carried_out_or_refused() -> None:
    from mectui.commands.script import NEW_STOPS, Script

    carried_out = {spec.name for spec in COMMANDS if spec.name in NEW_STOPS or hasattr(Script, f"_do_{spec.name}")}
    assert carried_out >= set(AT_LEAST)
    assert {name for name in dir(Script) if name.startswith("_do_")} == {
        f"_do_{name}" for name in carried_out - set(NEW_STOPS)
    }
