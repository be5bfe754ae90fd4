"""Damaged line tables: whatever is in the sections, the guest loads and runs, and what is wrong is one sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import emu
from emu.debug.lines import images
from emu.debug.lines.program import DamagedError, Strings, read_header, rows
from emu.errors import EmuError
from tests.lines.conftest import Built
from tests.lines.programs import BUNDLED, needs_ziglang
from tests.pace import at_most

HELLO = next(path for path in BUNDLED if path.stem == "hello")


def debug_bytes(elf: Path) -> list[range]:
    """Where the sections of debugging information are in a file."""
    with elf.open("rb") as file:
        return [
            range(section["sh_offset"], section["sh_offset"] + section["sh_size"])
            for section in ELFFile(file).iter_sections()
            if section.name.startswith(".debug")
        ]


def look_at(elf: Path) -> list[str]:
    """Everything that asks for lines; returns the sentences about them."""
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load(elf)
    lines = machine.lines
    lines.finish()
    for address in range(machine.cpu.pc, machine.cpu.pc + 0x400, 4):
        lines.at(address, with_function=True)
        lines.code_around(address)
    lines.completions()
    for path in lines.paths()[:4]:
        for line in (1, 10, 90):
            try:
                lines.addresses_of(f"{path}:{line}")
            except EmuError as error:
                assert "\n" not in str(error) or "\n" in path  # noqa: PT017  (a sentence)
    return lines.problems()


def damaged(data: bytes, where: list[range], seed: int) -> bytes:
    chance = random.Random(seed)
    made = bytearray(data)
    places = [place for part in where for place in part]
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        at = chance.choice(places)
        made[at : at + 1] = bytes((chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))),))
    if chance.random() < 0.1:
        part = chance.choice(where)
        made[part.start : part.stop] = bytes(chance.randrange(256) for _ in part)
    return bytes(made)


@pytest.mark.parametrize("seed", range(40))
def test_bytes_of_a_guest(tmp_path: Path, seed: int) -> None:
    elf = tmp_path / "damaged.elf"
    elf.write_bytes(damaged(HELLO.read_bytes(), debug_bytes(HELLO), seed))
    with at_most(700):
        for text in look_at(elf):
            assert text.startswith("The line tables of damaged.elf cannot all be read: ")


@needs_ziglang
@pytest.mark.parametrize("name", ["dwarf5", "dwarf4", "packed"])
def test_bytes_of_a_program(built: Built, tmp_path: Path, name: str) -> None:
    elf = tmp_path / "damaged.elf"
    data, where = built(name).read_bytes(), debug_bytes(built(name))
    for seed in range(25):
        elf.write_bytes(damaged(data, where, seed))
        look_at(elf)


def test_what_is_cut_off_is_told_in_a_sentence(tmp_path: Path) -> None:
    data = HELLO.read_bytes()
    info = next(part for part in debug_bytes(HELLO))
    elf = tmp_path / "cut.elf"
    elf.write_bytes(data[: info.start] + bytes(len(info)) + data[info.stop :])
    problems = look_at(elf)
    assert problems == [] or problems[0].endswith("what could be read is shown.")
    line = data.replace(b"\x04\x00", b"\x09\x00")  # a version from the future, wherever one is
    elf.write_bytes(line[: debug_bytes(HELLO)[0].start] + line[debug_bytes(HELLO)[0].start :])


def table(*, version: int = 5, files: bytes = b"", body: bytes = b"", line_range: int = 14) -> bytes:
    """A line program by hand."""
    lengths = bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
    after = bytes((4, 1, 1, 0xFB, line_range, 13)) + lengths + files
    head = version.to_bytes(2, "little") + (b"\x08\x00" if version >= 5 else b"") + len(after).to_bytes(4, "little")
    rest = head + after + body
    return len(rest).to_bytes(4, "little") + rest


@pytest.mark.parametrize(
    "files",
    [
        b"\x00" + b"\xff" * 8 + b"\x7f",  # 2**63 directories of no size at all
        b"\x01\x01\x08" + b"\xff" * 8 + b"\x7f",
        b"\x01\x01\x99\x01",
        b"\x01\x01\x09\x01" + b"\xff" * 9,
    ],
)
def test_counts_of_a_table_are_not_believed(files: bytes) -> None:
    with pytest.raises(DamagedError):
        read_header(table(files=files), 0, Strings())


def test_a_version_from_the_future_is_named() -> None:
    with pytest.raises(DamagedError, match="version 6, and versions 2 to 5"):
        read_header(table(version=6), 0, Strings())


def test_a_program_that_ends_early_has_the_sequences_that_are_whole() -> None:
    no_files = b"\x00\x00\x00\x00"
    whole = b"\x00\x09\x02" + (0x1000).to_bytes(8, "little") + b"\x20" + b"\x02\x02" + b"\x00\x01\x01"
    data = table(files=no_files, body=whole + b"\x00\x09\x02\x00")
    header = read_header(data, 0, Strings())
    (sequence,) = rows(data, header)
    assert [(row.start, row.end) for row in sequence] == [(0x1000 + 4, 0x1000 + 4 + 8)]


def test_a_range_of_no_lines_divides_nothing() -> None:
    data = table(files=b"\x00\x00\x00\x00", body=b"\x20\x08\x00\x01\x01", line_range=0)
    rows(data, read_header(data, 0, Strings()))


def test_huge_sections_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.debug.lines.units.MOST_BYTES", 16)
    monkeypatch.setattr(images, "_tables", type(images._tables)())
    machine = emu.Machine(memory="16M")
    machine.load(HELLO)
    machine.lines.finish()
    (problem,) = machine.lines.problems()
    assert "MiB, too many to read" in problem
    assert machine.lines.at(machine.cpu.pc) is None
    assert machine.run(max_instructions=100_000).reason is emu.StopReason.EXIT
