"""Damaged descriptions, and expressions made of anything: an answer comes, in time, and nothing is raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.dwarf.dwarf_expr import DWARFExprParser
from elftools.dwarf.structs import DWARFStructs
from hypothesis import given, settings
from hypothesis import strategies as st

import emu
from emu.debug.lines.limits import Allowance
from emu.debug.variables.locations import Piece, PieceKind, Surroundings, UnknownError, pieces
from emu.debug.variables.scopes import Scopes
from mectui.queries.variables import variables_json, variables_of
from mectui.render import variables as render
from tests.calls.shadow import at_main
from tests.lines.programs import needs_ziglang
from tests.lines.test_damaged import damaged, debug_bytes
from tests.pace import at_most
from tests.variables.conftest import Built

PARSER = DWARFExprParser(DWARFStructs(little_endian=True, dwarf_format=32, address_size=8, dwarf_version=5))


class Frame:
    """X0 holds 0x100, X1 0x101 and so on; the frame address is 0x8000; a word holds its own address."""

    def register(self, number: int) -> int:
        if number > 31:
            raise UnknownError("no such register")
        return 0x100 + number

    def frame_address(self) -> int:
        return 0x8000

    def at_entry(self, number: int) -> int:
        return 0x900 + number

    def memory(self, address: int, size: int) -> bytes:
        return address.to_bytes(8, "little")[:size]


def evaluated(text: str, *, is_old: bool = False, moved: int = 0) -> list[Piece]:
    around = Surroundings(lambda depth: 0x7000, moved, is_old=is_old)
    return pieces(PARSER.parse_expr(bytes.fromhex(text)), Frame(), around)


MEMORY, REGISTER, VALUE, LOST = PieceKind.MEMORY, PieceKind.REGISTER, PieceKind.VALUE, PieceKind.LOST


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", [Piece(LOST)]),
        ("03 0010004000000000", [Piece(MEMORY, 0x40001000)]),  # addr
        ("53", [Piece(REGISTER, 3)]),  # reg3
        ("90 40", [Piece(REGISTER, 64)]),  # regx v0
        ("91 78", [Piece(MEMORY, 0x6FF8)]),  # fbreg -8
        ("73 08", [Piece(MEMORY, 0x10B)]),  # breg3 +8
        ("92 1f 10", [Piece(MEMORY, 0x12F)]),  # bregx sp, 16
        ("9c 23 10", [Piece(MEMORY, 0x8010)]),  # call_frame_cfa, plus_uconst 16
        ("35 9f", [Piece(VALUE, 5)]),  # lit5, stack_value
        ("11 7f 9f", [Piece(VALUE, (1 << 64) - 1)]),  # consts -1, stack_value
        ("73 00 06", [Piece(MEMORY, 0x103)]),  # breg3 0, deref
        ("70 00 94 01", [Piece(MEMORY, 0)]),  # breg0 0, deref_size 1: the byte 00 of 0x100
        ("32 33 1c 9f", [Piece(VALUE, (1 << 64) - 1)]),  # lit2 lit3 minus: 2 - 3
        ("09 f9 32 1b 9f", [Piece(VALUE, (1 << 64) - 3)]),  # const1s -7, lit2, div: towards 0
        ("38 31 25 9f", [Piece(VALUE, 4)]),  # 8 >> 1
        ("38 31 24 9f", [Piece(VALUE, 16)]),  # 8 << 1
        ("09 f8 31 26 9f", [Piece(VALUE, (1 << 64) - 4)]),  # -8 >> 1 arithmetically
        ("31 32 33 17 1c 22 9f", [Piece(VALUE, 2)]),  # 1 2 3 rot: 3 1 2; 1 - 2 = -1; 3 + -1
        ("31 32 16 1c 9f", [Piece(VALUE, 1)]),  # 1 2 swap minus: 2 - 1
        ("31 32 14 22 9f", [Piece(VALUE, 3)]),  # 1 2 over plus: 2 + 1
        ("09 ff 31 2d 9f", [Piece(VALUE, 1)]),  # -1 < 1
        ("a3 01 51 9f", [Piece(VALUE, 0x901)]),  # entry_value(reg1), stack_value
        ("9e 03 616200", [Piece(VALUE, 0, None, b"ab\0")]),  # implicit_value
        ("51 93 04 93 04", [Piece(REGISTER, 1, 4), Piece(LOST, 0, 4)]),  # reg1 piece 4, nothing piece 4
        ("91 00 93 08 35 9f 93 08", [Piece(MEMORY, 0x7000, 8), Piece(VALUE, 5, 8)]),
        ("30 28 0200 35 9f 36 9f", [Piece(VALUE, 6)]),  # lit0, bra over two operations is not taken ... lit6
        ("31 28 0200 35 9f 36 9f", [Piece(VALUE, 6)]),  # lit1, bra +2: straight to lit6
        ("2f 0100 35 36 9f", [Piece(VALUE, 6)]),  # skip +1
    ],
)
def test_expressions_by_hand(text: str, wanted: list[Piece]) -> None:
    assert evaluated(text) == wanted


def test_before_dwarf_4_a_constant_is_the_value() -> None:
    assert evaluated("35", is_old=True) == [Piece(VALUE, 5)]
    assert evaluated("35") == [Piece(MEMORY, 5)]
    assert evaluated("03 0010004000000000", is_old=True, moved=0x10) == [Piece(MEMORY, 0x40001010)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2f fdff", "has no end"),  # skip -3: back to itself
        ("22", "is damaged"),  # plus without operands
        ("35 30 1b", "divides by 0"),
        ("f2 00000000 00", "has done away with"),  # GNU_implicit_pointer
        ("a8 00", "DW_OP_convert, which is not evaluated here"),
        ("28 ff7f", "is damaged"),
        ("35 28 ff7f", "leads out of itself"),
    ],
)
def test_what_has_no_value_says_why(text: str, said: str) -> None:
    with pytest.raises(UnknownError, match=said):
        evaluated(text)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_an_expression_or_none(data: bytes) -> None:
    try:
        operations = PARSER.parse_expr(data)
    except Exception:  # pyelftools refuses it, and whoever asks says that it is damaged
        return
    with at_most(100):
        try:
            found = pieces(operations, Frame(), Surroundings(lambda depth: 0x7000))
        except UnknownError:
            return
    assert found


def look_at(elf: Path, steps: int) -> list[str]:
    """Every variable of every call, unfolded, at some stops."""
    machine = at_main(elf)
    machine.lines.finish()
    for _ in range(4):
        machine.run(max_instructions=steps)
        for number in range(3):
            try:
                view = variables_of(machine, number, lambda path, depth: depth < 3)
            except emu.EmuError:
                break
            variables_json(view)
            render.variables(view, 90)
    return machine.variables.problems()


@needs_ziglang
@pytest.mark.parametrize("name", ["O0-dwarf5", "O2-dwarf5", "O2-dwarf4"])
def test_damaged_descriptions(built: Built, tmp_path: Path, name: str) -> None:
    elf = tmp_path / "damaged.elf"
    data, where = built(name).read_bytes(), debug_bytes(built(name))
    told = 0
    for seed in range(30):
        elf.write_bytes(damaged(data, where, seed))
        with at_most(2000, seed):
            told += bool(look_at(elf, 60))
    assert told, "nothing was damaged"


@needs_ziglang
def test_what_is_read_again_uses_nothing_up(built: Built) -> None:
    """Functions are forgotten and read again while somebody steps for hours."""
    machine = at_main(built("O2-dwarf5"))
    machine.lines.finish()
    address = machine.symbols.lookup("fill")
    assert address is not None
    place = next(machine.lines.units_at(address + 0x40))
    scopes = Scopes(place.units, place.lock)
    before = [variable.name for scope in scopes.at(place.unit, place.linked) for variable in scope.variables]
    assert "corner" in before
    place.units._ranges_left = Allowance(0, "spent")
    scopes._trees.clear()
    after = [variable.name for scope in scopes.at(place.unit, place.linked) for variable in scope.variables]
    assert (after, scopes.problem) == (before, "")
