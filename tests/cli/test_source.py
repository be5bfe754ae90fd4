"""Source without a screen: mectui code --mixed, --until FILE:LINE, --source DIR."""

from __future__ import annotations

import json
from pathlib import Path

import emu
from mectui.resources import guest_path
from tests.cli.conftest import Run

GUEST = guest_path("two-realms")


def place_of(symbol: str) -> tuple[int, int]:
    """(address, line) of a function of two-realms."""
    assert GUEST is not None
    machine = emu.Machine(engine="reference")
    machine.load(GUEST)
    address = machine.symbols.lookup(symbol)
    assert address is not None
    machine.lines.finish()
    spot = machine.lines.at(address)
    assert spot is not None
    return address, spot.line


def test_instructions_stand_below_their_lines(mectui: Run) -> None:
    assert GUEST is not None
    address, line = place_of("rmm_start")
    text = GUEST.with_suffix(".S").read_text().splitlines()[line - 1].strip()
    done = mectui("code", "two-realms", f"two-realms.S:{line}", "--until", "rmm_start", "--count", "3", "--mixed")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    at = next(at for at, each in enumerate(lines) if each.split() == [str(line), *text.split()])
    assert f"{address >> 16:#x}_{address & 0xFFFF:04x}" in lines[at + 1]
    alone = mectui("code", "two-realms", f"two-realms.S:{line}", "--until", "rmm_start", "--count", "3")
    assert text not in alone.stdout


def test_json_has_file_and_line(mectui: Run) -> None:
    address, line = place_of("rmm_start")
    done = mectui("code", "two-realms", "--until", f"two-realms.S:{line}", "--count", "1", "--json")
    assert done.returncode == 0, done.stderr
    (only,) = json.loads(done.stdout)["instructions"]
    assert (only["address"], only["file"], only["line"], only["inlined"]) == (
        f"{address:#x}", "two-realms/two-realms.S", line, None,
    )  # fmt: skip


def test_a_line_that_is_not_there_is_one_sentence(mectui: Run) -> None:
    done = mectui("walk", "two-realms", "_start", "--until", "two-realms.S:9999")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mectui: there is no line 9999 in two-realms.S; the last one with code is ")
    assert len(done.stderr.splitlines()) == 1


def test_source_elsewhere(mectui: Run, tmp_path: Path) -> None:
    assert GUEST is not None
    elf = tmp_path / "moved.elf"
    elf.write_bytes(GUEST.read_bytes())
    done = mectui("code", str(elf), "--until", "rmm_start", "--mixed", "--count", "2")
    assert done.returncode == 0
    assert "two-realms.S:" in done.stdout
    assert "two-realms/two-realms.S is not here: --source DIR names its folder" in done.stderr
    done = mectui("code", str(elf), "--until", "rmm_start", "--mixed", "--count", "2", "--source", str(GUEST.parent))
    assert (done.returncode, done.stderr) == (0, "")
    assert "rmm_vectors" in done.stdout
    done = mectui("code", str(elf), "--until", "rmm_start", "--source", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "there is no folder" in done.stderr


def test_a_line_without_code_says_which_one_is_taken(mectui: Run) -> None:
    address, line = place_of("rmm_start")  # its label stands on the line before, which has no code
    told = f"mectui: line {line - 1} of two-realms.S has no code: line {line} is taken, the next one that has some"
    empty = f"two-realms.S:{line - 1}"
    done = mectui("code", "two-realms", empty, "--until", "rmm_start", "--count", "1")
    assert (done.returncode, done.stderr.splitlines()) == (0, [told])
    assert f"{address & 0xFFFF:04x}" in done.stdout
    done = mectui("run", "two-realms", "--break", empty)
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == told
    assert "stopped at a breakpoint at rmm_start" in done.stderr
    done = mectui("walk", "two-realms", "_start", "--until", empty)
    assert done.stderr.splitlines() == [told]
    done = mectui("run", "two-realms", "--log", f'{empty} "here"', "--max-insns", "2000")
    assert done.stderr.splitlines()[0] == told
    assert " here" in done.stderr
    done = mectui("code", "two-realms", f"two-realms.S:{line}", "--until", "rmm_start", "--count", "1")
    assert done.stderr == ""
