"""Files that claim what they cannot hold: told in one sentence, in seconds and megabytes that suit the file's size."""

from __future__ import annotations

import resource
import struct
import zlib
from pathlib import Path

import pytest

import emu
from emu.debug.lines import limits, program
from emu.debug.lines.limits import abbreviations_end
from emu.errors import LoadError
from emu.loader import read_elf
from tests.lines import crafted
from tests.lines.crafted import COMPRESSED, NOBITS, START, Given, abbreviation, sequence, unit
from tests.pace import at_most

STMT_LIST, NAME, RANGES = (0x10, 0x17), (3, 0x0E), (0x55, 0x17)
PLAIN = abbreviation(STMT_LIST)
WHOLE = struct.pack("<I", 0)
MEGABYTE = 1 << 20


def bomb(claimed: int) -> Given:
    return Given(struct.pack("<IIQQ", 1, 0, claimed, 1) + zlib.compress(bytes(64 * MEGABYTE), 9), 1, COMPRESSED)


def debugging(info: bytes, lines: bytes, abbreviations: bytes = PLAIN, **more: bytes) -> dict[str, Given]:
    parts = {"abbrev": abbreviations, "info": info, "line": lines, **more}
    return {f".debug_{name}": Given(data) for name, data in parts.items()}


FILES: dict[str, tuple[dict[str, Given], str]] = {
    "one table of many files": (
        debugging(unit(WHOLE) * 4000, crafted.program(10_000, sequence(1))), "its compile units share their line tables"
    ),
    "one table of many rows": (
        debugging(unit(WHOLE) * 4000, crafted.program(1, sequence(20_000))), "its compile units share their line tables"
    ),
    "one list of ranges": (
        debugging(
            unit(WHOLE + WHOLE) * 4000, crafted.program(1, sequence(1)), abbreviation(STMT_LIST, RANGES),
            ranges=struct.pack("<QQ", START, START + 4) * 5_000 + bytes(16),
        ), "its entries share their lists of ranges",
    ),
    "abbreviations within each other": (
        debugging(
            b"".join(unit(WHOLE, 7 * index) for index in range(1200)), crafted.program(1, sequence(1)),
            PLAIN[:-1] * 1200 + b"\0",
        ), "its compile units share their abbreviations",
    ),
    "endless abbreviations": (
        debugging(unit(WHOLE) * 10, crafted.program(1, sequence(1)), PLAIN[:-1] * 40_000), "its abbreviations are cut"
    ),
    "a name of a megabyte": (
        debugging(
            b"".join(unit(WHOLE + struct.pack("<I", index)) for index in range(3000)),
            crafted.program(1, sequence(1)), abbreviation(STMT_LIST, NAME), str=b"A" * MEGABYTE,
        ), "a name in it has no end",
    ),
    "a bomb": ({".debug_line": bomb(64 * MEGABYTE)}, "claims 67,108,864 bytes and holds "),
    "a bomb that lies": ({".debug_line": bomb(100), ".debug_info": bomb(100)}, "damaged"),
    "bytes out of nothing": (
        {f".debug_{name}": Given(b"", NOBITS, size=256 * MEGABYTE) for name in ("line", "info", "abbrev", "str")},
        "claims 268,435,456 bytes and holds 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_tables_that_claim_too_much(name: str, tmp_path: Path) -> None:
    sections, says = FILES[name]
    path = tmp_path / "claims.elf"
    path.write_bytes(crafted.elf(sections))
    machine = emu.Machine(memory="1M", engine="reference")
    machine.load(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with at_most(700):
        machine.lines.finish()
        for address in range(START, START + 32, 4):
            machine.lines.at(address, with_function=True)
            machine.lines.code_around(address)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
    (problem,) = machine.lines.problems()
    assert says in problem
    assert "\n" not in problem


def test_rows_of_a_program_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MOST_ROWS", 100)
    data = crafted.program(1, sequence(60) * 5)
    found = program.rows(data, program.read_header(data, 0, program.Strings()))
    assert [len(rows) for rows in found] == [60, 40]


def test_units_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("emu.debug.lines.units.MOST_UNITS", 5)
    path = tmp_path / "units.elf"
    path.write_bytes(crafted.elf(debugging(unit(WHOLE) * 9, crafted.program(1, sequence(1)))))
    machine = emu.Machine(memory="1M", engine="reference")
    machine.load(path)
    machine.lines.finish()
    assert "more than 5 compile units" in machine.lines.problems()[0]
    assert machine.lines.at(START + 4) is not None


def test_an_honest_file_of_this_kind_is_read(tmp_path: Path) -> None:
    path = tmp_path / "honest.elf"
    path.write_bytes(crafted.elf(debugging(unit(WHOLE), crafted.program(2, sequence(3)))))
    machine = emu.Machine(memory="1M", engine="reference")
    machine.load(path)
    machine.lines.finish()
    assert machine.lines.problems() == []
    spot = machine.lines.at(START + 4)
    assert spot is not None
    assert spot.path == "0"


def test_the_end_of_abbreviations() -> None:
    one = abbreviation(STMT_LIST, NAME)
    assert abbreviations_end(one + b"\x07", 0) == len(one)
    constant = abbreviation((3, 0x21))[:-3] + b"\x85\x00" + bytes(3)  # DW_FORM_implicit_const has its value here
    assert abbreviations_end(constant, 0) == len(constant)
    with pytest.raises(limits.DamagedError):
        abbreviations_end(one[:-1], 0)


# Symbols and sections: the loader.


def symbols(entries: bytes, strings: bytes) -> dict[str, Given]:
    return {".symtab": Given(entries, 2, link=2), ".strtab": Given(strings, 3)}


def entry(name: int, at: int = START) -> bytes:
    return struct.pack("<IBBHQQ", name, 0x12, 0, 1, at, 4)


def loaded(tmp_path: Path, data: bytes) -> emu.Machine:
    path = tmp_path / "guest.elf"
    path.write_bytes(data)
    machine = emu.Machine(memory="1M", engine="reference")
    machine.load(path)
    return machine


def test_names_of_symbols_that_run_into_each_other(tmp_path: Path) -> None:
    data = crafted.elf(symbols(b"".join(map(entry, range(30_000))), b"\0" + b"A" * MEGABYTE))
    with (
        at_most(400),
        pytest.raises(LoadError, match="run into each other; build or copy it again"),
    ):
        loaded(tmp_path, data)


def test_a_name_without_end_is_cut(tmp_path: Path) -> None:
    machine = loaded(tmp_path, crafted.elf(symbols(entry(1) * 5_000, b"\0" + b"A" * MEGABYTE)))
    found = machine.symbols.nearest(START)
    assert found is not None
    assert len(found[0]) == 4096


def test_the_symbols_of_a_kernel_take_a_moment(tmp_path: Path) -> None:
    many = b"".join(entry(1 + 6 * index, START + 4 * index) for index in range(100_000))
    names = b"\0" + b"".join(b"%05x\0" % index for index in range(100_000))
    with at_most(600):
        machine = loaded(tmp_path, crafted.elf(symbols(many, names)))
        assert machine.symbols.lookup("0ffff") == START + 4 * 0xFFFF


def test_a_section_whose_name_has_no_end(tmp_path: Path) -> None:
    data = crafted.elf({"x" * 9000: Given(b"")})
    with pytest.raises(LoadError, match="a section's name has no end"):
        loaded(tmp_path, data)


@pytest.mark.parametrize(
    ("at", "size", "value", "says"),
    [
        (54, 2, 0, "program headers of 0 bytes instead of 56"),
        (56, 2, 0xFFFF, "more than 65,534 program headers"),
        (58, 2, 0, "section headers of 0 bytes instead of 64"),
        (60, 2, 0xFEFF, "the section headers are not in it"),
        (16, 2, 1, "is an object file, not a linked program"),
    ],
)
def test_tables_of_no_size_and_without_end(tmp_path: Path, at: int, size: int, value: int, says: str) -> None:
    data = bytearray(crafted.elf(symbols(entry(0), b"\0")))
    data[at : at + size] = value.to_bytes(size, "little")
    with pytest.raises(LoadError, match=says):
        loaded(tmp_path, bytes(data))


def test_segments_of_the_same_bytes(tmp_path: Path) -> None:
    """Each of them has the whole file: nothing is read a hundred times."""
    data = bytearray(crafted.elf({}) + bytes(4096))
    headers = b"".join(
        struct.pack("<IIQQQQQQ", 1, 5, 0, START + index * 4096, START + index * 4096, 4096, 4096, 1)
        for index in range(100)
    )
    data[32:40], data[56:58] = len(data).to_bytes(8, "little"), (100).to_bytes(2, "little")
    with pytest.raises(LoadError, match="its segments are the same bytes of it"):
        loaded(tmp_path, bytes(data) + headers)


def test_a_gigabyte_of_zeros_after_a_program_takes_no_time(tmp_path: Path) -> None:
    data = bytearray(crafted.elf({}))
    data[64 + 40 : 64 + 48] = (1 << 30).to_bytes(8, "little")
    path = tmp_path / "zeros.elf"
    path.write_bytes(data)
    machine = emu.Machine(memory="1G", engine="reference")
    machine.write(START + (1 << 29), b"left over")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with at_most(600):
        machine.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB
    assert machine.read(START + (1 << 29), 9) == bytes(9)


def test_what_pyelftools_reads_is_what_the_loader_reads() -> None:
    from elftools.elf.elffile import ELFFile

    from tests.lines.programs import BUNDLED

    for path in BUNDLED:
        with path.open("rb") as file:
            other = ELFFile(file)
            parts = [part for part in other.iter_segments() if part["p_type"] == "PT_LOAD" and part["p_memsz"]]
            table = other.get_section_by_name(".symtab")
            wanted = [
                (symbol.name, symbol["st_value"], symbol["st_size"])
                for symbol in table.iter_symbols()
                if symbol.name and not symbol.name.startswith("$") and symbol["st_shndx"] != "SHN_UNDEF"
                and symbol["st_info"]["type"] not in ("STT_FILE", "STT_SECTION")
            ]  # fmt: skip
            image = read_elf(path)
            assert list(image.symbols) == wanted
            assert [(part.address, part.data, part.size) for part in image.segments] == [
                (part["p_paddr"], part.data(), part["p_memsz"]) for part in parts
            ]
            assert image.entry == other.header["e_entry"]
