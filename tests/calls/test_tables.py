"""Unwind tables: every row of every entry as pyelftools decodes it, and whatever damage does to them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

import emu
from emu.debug.frames import PlaceKind, Rules
from emu.debug.frames.entries import Section
from emu.debug.frames.rules import rules_at
from emu.debug.lines.program import DamagedError
from mectui.queries.calls import calls
from tests.calls.conftest import Built
from tests.calls.shadow import at_main, steps
from tests.lines.programs import needs_ziglang

KINDS = {
    "OFFSET": PlaceKind.OFFSET, "VAL_OFFSET": PlaceKind.VALUE, "SAME_VALUE": PlaceKind.SAME,
    "UNDEFINED": PlaceKind.UNDEFINED, "REGISTER": PlaceKind.REGISTER, "EXPRESSION": PlaceKind.EXPRESSION,
}  # fmt: skip


def decoded(elf: Path) -> list[tuple[str, int, int, list[dict[Any, Any]]]]:
    """(section, first address, the one behind the last, rows) of every entry, by pyelftools."""
    with elf.open("rb") as file:
        dwarf = ELFFile(file).get_dwarf_info()
        found = [(".eh_frame", dwarf.EH_CFI_entries())] if dwarf.has_EH_CFI() else []
        found += [(".debug_frame", dwarf.CFI_entries())] if dwarf.has_CFI() else []
        return [
            (name, entry["initial_location"], entry["initial_location"] + entry["address_range"],
             entry.get_decoded().table)
            for name, entries in found
            for entry in entries
            if isinstance(entry, FDE)
        ]  # fmt: skip


def same(rules: Rules, row: dict[Any, Any]) -> bool:
    places = {
        number: (KINDS[rule.type], 0 if rule.arg is None else rule.arg)
        for number, rule in row.items()
        if isinstance(number, int)
    }
    return (rules.base, rules.offset) == (row["cfa"].reg, row["cfa"].offset) and places == dict(rules.places)


@needs_ziglang
@pytest.mark.parametrize(("name", "section"), [
    ("O0-tables", ".eh_frame"), ("O2-tables", ".eh_frame"), ("O2-debug", ".debug_frame"),
])  # fmt: skip
def test_rows_are_those_of_pyelftools(built: Built, name: str, section: str) -> None:
    elf = built(name)
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load(elf)
    entries = decoded(elf)
    assert len(entries) >= 6
    compared = 0
    for which, low, high, rows in entries:
        assert which == section
        for row, following in zip(rows, [*rows[1:], {"pc": high}], strict=True):
            for address in range(row["pc"], following["pc"], 4):
                found = machine.frames.at(address)
                assert found is not None
                assert found.section == section
                assert found.return_register == 30
                assert same(found, row), hex(address)
                compared += 1
        assert machine.frames.at(low) is not None
    assert compared > 100
    assert machine.frames.at(max(high for _, _, high, _ in entries) + 64) is None
    assert machine.frames.problems() == []


def entry(instructions: bytes) -> Section:
    """A .debug_frame of one entry for 0x1000 to 0x2000."""
    common = bytes.fromhex("ffffffff 01 00 04 78 1e 0c1f00")  # version 1, code 4, data -8, x30; DW_CFA_def_cfa sp+0
    first = len(common).to_bytes(4, "little") + common
    body = bytes(4) + (0x1000).to_bytes(8, "little") + (0x1000).to_bytes(8, "little") + instructions
    return Section(".debug_frame", first + len(body).to_bytes(4, "little") + body, 0)


def at(section: Section, address: int) -> Rules:
    return rules_at(section.name, section.data, section.entries[0], address)


def test_instructions_that_compilers_seldom_write() -> None:
    """By DWARF 5, 6.4.2: DW_CFA_register, val_offset, remember, restore, expression, GNU_args_size, negate_ra_state."""
    section = entry(bytes.fromhex("091e13 0a 0e40 140802 0401000000 0b 2d 2e10 100502 9c06 8702 c7 070a"))
    assert section.problem == ""
    assert at(section, 0x1000).places == {30: (PlaceKind.REGISTER, 0x13), 8: (PlaceKind.VALUE, -16)}
    assert at(section, 0x1000).offset == 0x40
    later = at(section, 0x1004)
    assert later.offset == 0
    assert later.places == {
        30: (PlaceKind.REGISTER, 0x13), 5: (PlaceKind.EXPRESSION, 0), 10: (PlaceKind.UNDEFINED, 0),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["0b", "3f", "05", "0e" + "ff" * 40, "0a" * 200, "0f ff01", "41 0e"])
def test_instructions_that_make_no_sense_are_damage(text: str) -> None:
    with pytest.raises(DamagedError):
        at(entry(bytes.fromhex(text)), 0x1100)


@needs_ziglang
@pytest.mark.parametrize("name", ["O2-tables", "O2-debug"])
def test_damaged_tables_harm_nobody(built: Built, name: str, tmp_path: Path) -> None:
    elf = built(name)
    with elf.open("rb") as file:
        parts = [part for part in ELFFile(file).iter_sections() if part.name.endswith("_frame")]
        places = [at for part in parts for at in range(part["sh_offset"], part["sh_offset"] + part["sh_size"])]
    data, chance = elf.read_bytes(), random.Random(7)
    damaged = tmp_path / "damaged.elf"
    for _ in range(25):
        made = bytearray(data)
        for _ in range(chance.choice((1, 2, 8, 60))):
            made[chance.choice(places)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        damaged.write_bytes(made)
        machine = at_main(damaged)
        for _ in steps(machine, 40):
            view = calls(machine)
            assert view.end
            assert len(view.calls) <= 200
        assert all(sentence.count(".") >= 1 for sentence in machine.frames.problems())
