"""Line tables as binutils read them: every row, and the line of every address."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from emu.debug.lines.table import LineTable
from emu.debug.lines.units import Units
from tests.lines.conftest import Built
from tests.lines.programs import ADDR2LINE, BUNDLED, OBJDUMP, VARIANTS, needs_binutils, needs_ziglang

ROW = re.compile(r"(?P<file>\S+)\s+(?P<line>\d+)\s+(?P<address>0x[0-9a-f]+|0)(?:\[\d+\])?(?:\s+\d+)?(?P<stmt>\s+x)?\s*")
Rows = list[tuple[str, int, int, bool]]


def rows_of(elf: Path) -> tuple[Rows, set[int]]:
    """(file, line, address, is_stmt) of every row, the ends of sequences left out; and the versions of the tables."""
    units = Units(elf.read_bytes())
    rows: Rows = []
    versions = set()
    for _, unit in units.read():
        unit.ranges = ()  # what the linker left out is listed by objdump too
        header = units.header(unit)
        assert header is not None
        versions.add(header.version)
        rows += [
            (header.files[row.file].rpartition("/")[2], row.line, row.start, row.is_stmt)
            for sequence in units.sequences(unit)
            for row in sequence
        ]
    assert units.problem == ""
    return rows, versions


def rows_of_objdump(elf: Path) -> Rows:
    assert OBJDUMP is not None
    command = [OBJDUMP, "--dwarf=decodedline", "--wide", str(elf)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = [match for line in shown.splitlines() if (match := ROW.fullmatch(line)) is not None]
    return [
        (match["file"].rpartition("/")[2], int(match["line"]), int(match["address"], 16), bool(match["stmt"]))
        for match in found
    ]


def lines_of_addr2line(elf: Path, addresses: list[int]) -> list[str | None]:
    """ "work.c:10" for each address, None where it has none."""
    assert ADDR2LINE is not None
    command = [ADDR2LINE, "-e", str(elf)]
    text = "\n".join(map(hex, addresses))
    shown = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [re.match(r"(.*):(\d+|\?)", line) for line in shown]
    return [
        None if match is None or match[2] in ("?", "0") else f"{match[1].rpartition('/')[2]}:{match[2]}"
        for match in found
    ]


def check(elf: Path) -> set[int]:
    rows, versions = rows_of(elf)
    assert len(rows) > 20
    assert sorted(rows) == sorted(rows_of_objdump(elf))
    table = LineTable(elf.read_bytes())
    table.read()
    # Between the rows too. Behind the last one addr2line goes by symbols.
    last = max(address for _, _, address, _ in rows)
    addresses = sorted({address + by for _, _, address, _ in rows for by in (-4, 0, 2, 4) if address + by <= last})
    ours = [None if (spot := table.at(address)) is None else spot.name for address in addresses]
    assert ours == lines_of_addr2line(elf, addresses)
    return versions


@needs_binutils
@pytest.mark.parametrize("elf", BUNDLED, ids=lambda path: path.stem)
def test_bundled_guests(elf: Path) -> None:
    check(elf)


@needs_binutils
@needs_ziglang
@pytest.mark.parametrize("name", VARIANTS)
def test_c_programs(built: Built, name: str) -> None:
    versions = check(built(name))
    if name.startswith("dwarf"):
        assert versions == {int(name[-1])}


def code_of(elf: Path) -> bytes:
    with elf.open("rb") as file:
        return bytes(ELFFile(file).get_section_by_name(".text").data())


@needs_binutils
@needs_ziglang
@pytest.mark.parametrize("name", ["dwarf4", "dwarf5"])
def test_inlined_functions_are_those_that_addr2line_names(built: Built, name: str) -> None:
    """addr2line does not find lists of ranges by their index (DWARF 5), and says nothing of what has one: it is asked
    about the same code as DWARF 4 describes it."""
    elf, plain = built(name), built("dwarf4")
    assert code_of(elf) == code_of(plain)
    table = LineTable(elf.read_bytes())
    table.read()
    rows, _ = rows_of(elf)
    seen = set()
    for address in sorted({row[2] for row in rows}):
        spot = table.at(address, with_function=True)
        if spot is None:
            continue
        assert ADDR2LINE is not None
        command = [ADDR2LINE, "-e", str(plain), "-f", "-i", hex(address)]
        frames = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[::2]
        assert spot.function == (frames[0] if len(frames) > 1 else "")
        seen.add(spot.function)
    assert seen == {"", "step", "spread"}
    assert not table.problem
