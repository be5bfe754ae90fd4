"""Watchpoints: every kind of access, however it gets there, on every engine at the same instruction."""

from __future__ import annotations

import pytest

import emu
from emu import PAS, StopReason
from emu.debug.stops import Place, WatchStop
from mectui.resources import guest_path
from tests.conformance import words as w
from tests.conformance.board import Board
from tests.engines.flat import CODE, DATA, TABLE, flat_machine
from tests.stops.programs import ENGINES, alias, build, stops_of

_ZVA, _STXR, _LDXR = w.sys("DC ZVA", 1), w.stxr(3, 2, 1), w.ldxr(4, 1)
_LDADD = 0xF8220024  # LDADD X2, X4, [X1]
_STP_Q = 0xAD000020  # STP Q0, Q0, [X1]
_LDP = w.ldp(4, 5, 1)
_STUR = 0xF8000022  # STUR X2, [X1]


def watch(start: int, size: int = 8, *, pa: bool = False, reads: bool = False, writes: bool = True) -> WatchStop:
    return WatchStop(place=Place(start, is_physical=pa), size=size, reads=reads, writes=writes)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pa", [False, True])
@pytest.mark.parametrize(
    ("code", "at", "range_", "reads", "stops"),
    [
        ([w.str_(2, 1)], DATA, (DATA, 8), False, [1]),
        ([w.str_(2, 1)], DATA, (DATA, 8), True, []),
        ([w.ldr(4, 1)], DATA, (DATA + 7, 1), True, [1]),
        ([w.ldr(4, 1)], DATA, (DATA + 8, 1), True, []),
        ([w.strb(2, 1)], DATA + 8, (DATA, 8), False, []),
        ([_STUR], DATA + 12, (DATA + 16, 1), False, [1]),  # over two blocks
        ([_STUR], DATA + 0xFFC, (DATA + 0x1000, 1), False, [1]),  # over two pages
        ([_STUR], DATA + 0xFFC, (DATA + 0xFFF, 1), False, [1]),
        ([_ZVA], DATA + 60, (DATA + 63, 1), False, [1]),
        ([_ZVA], DATA + 64, (DATA + 63, 1), False, []),
        ([_LDXR, _STXR, _STXR], DATA, (DATA, 8), False, [2]),  # the second one has lost its monitor
        ([_LDXR, _STXR], DATA, (DATA, 8), True, [1]),
        ([_LDADD], DATA, (DATA, 8), True, [1]),
        ([_LDADD], DATA, (DATA, 8), False, [1]),
        ([_STP_Q], DATA, (DATA + 31, 1), False, [1]),
        ([_LDP], DATA, (DATA, 16), True, [1]),
        ([w.ldtr(4, 1), w.sttr(2, 1)], DATA, (DATA, 8), False, [2]),
    ],
)
def test_an_access_that_touches_the_range_stops_after_its_instruction(
    engine: str, pa: bool, code: list[w.Code], at: int, range_: tuple[int, int], reads: bool, stops: list[int]
) -> None:
    machine = build(engine, *code)
    machine.cpu.sysreg["CPACR_EL1"] = 3 << 20
    machine.cpu.x[1], machine.cpu.x[2] = at, 5
    stop = watch(*range_, pa=pa, reads=reads, writes=not reads)
    assert [count for count, _ in stops_of(machine, len(code) + 3, stop)] == stops


@pytest.mark.parametrize("engine", ENGINES)
def test_a_physical_watchpoint_sees_every_alias_and_a_virtual_one_only_its_own(engine: str) -> None:
    other = 0x8000_0000 + DATA % (1 << 21)
    code = [w.str_(2, 1), w.str_(2, 5), w.str_(2, 1), w.str_(2, 5)]
    for stop, expected in ((watch(DATA, pa=True), [1, 2, 3, 4]), (watch(DATA), [1, 3]), (watch(other), [2, 4])):
        machine = build(engine, *code)
        alias(machine, 0x8000_0000, DATA & ~0x1F_FFFF)
        machine.cpu.x[1], machine.cpu.x[2], machine.cpu.x[5] = DATA, 5, other
        assert [count for count, _ in stops_of(machine, 6, stop)] == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_a_tagged_pointer_is_the_same_address(engine: str) -> None:
    machine = build(engine, w.str_(2, 1))
    machine.cpu.sysreg["TCR_EL1"] |= 1 << 37  # TBI0
    machine.cpu.x[1] = 0xAB << 56 | DATA
    [(count, said)] = stops_of(machine, 3, watch(DATA))
    assert count == 1
    assert "write of" in said


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hot_loop_stops_at_the_one_store_that_matters(engine: str) -> None:
    # str x2, [x1], #8; add x2, x2, #1; b -2: the range is reached after 3 * 400 instructions and the store itself.
    machine = flat_machine(engine, jit_threshold=50 if engine == "jit" else None)
    machine.write(CODE, w.assemble(0xF8008422, 0x91000442, 0x17FF_FFFE))
    machine.cpu.x[1], machine.cpu.x[2] = DATA, 0
    found = stops_of(machine, 3000, watch(DATA + 8 * 400))
    assert [count for count, _ in found] == [3 * 400 + 1]
    assert "write of 0x190 (8 bytes)" in found[0][1]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sentence_says_who_wrote_what_where_and_what_was_there(engine: str) -> None:
    machine = emu.Machine(engine=engine, rules="none")
    machine.load(guest_path("two-realms") or "")
    seen = []
    machine.stops.add(
        WatchStop(place=Place(0x4020_0000, is_physical=True), size=1 << 22, writes=True,
                  condition="owner != none && mecid != owner && pas == realm")
    )  # fmt: skip
    while True:
        stop = machine.run()
        if stop.reason is not StopReason.WATCHPOINT:
            break
        seen.append(stop)
        owner = machine.mec.owner_of(int(str(stop.message).split("physical 0x")[1].split(")")[0], 16))
        assert owner is not None
        assert f"by MECID {owner.mecid} (owner " in str(stop.message)  # the store has made its block its own
        if len(seen) == 3:
            break
    assert seen


@pytest.mark.parametrize("engine", ENGINES)
def test_values_before_and_after_are_told_to_conditions(engine: str) -> None:
    code = [w.str_(2, 1), 0x91000442] * 6  # str x2, [x1]; add x2, x2, #1
    for condition, expected in (
        ("value == 3", [7]), ("old == 3", [9]), ("value != old", [3, 5, 7, 9, 11]), ("size == 4", []),
        ("x2 == 4 && address == x1", [9]), ("access == write && at == pc", [1, 3, 5, 7, 9, 11]),
    ):  # fmt: skip
        machine = build(engine, *code)
        machine.cpu.x[1], machine.cpu.x[2] = DATA, 0
        stop = WatchStop(place=Place(DATA), condition=condition)
        assert [count for count, _ in stops_of(machine, 14, stop)] == expected, condition


@pytest.mark.parametrize("engine", ENGINES)
def test_table_walks_are_seen_where_asked_for(engine: str) -> None:
    place = Place(TABLE + 0x1008, is_physical=True)  # the descriptor of the block that DATA lies in
    for walks, expected in ((True, [1]), (False, [])):
        machine = build(engine, w.ldr(4, 1), w.ldr(5, 1))
        machine.cpu.x[1] = DATA
        stop = WatchStop(place=place, reads=True, writes=False, walks=walks)
        found = stops_of(machine, 4, stop)
        assert [count for count, _ in found] == expected
        if walks:
            assert "table walk's read of" in found[0][1]
            machine.translate(DATA)  # looking is nobody's access
            assert machine.stops.items()[0].hits == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_address_space_that_is_asked_for(engine: str) -> None:
    for pas, expected in ((PAS.REALM, [1]), (PAS.NON_SECURE, [])):
        machine = build(engine, w.str_(2, 1))
        machine.cpu.x[1] = DATA
        stop = WatchStop(place=Place(DATA, is_physical=True), pas=pas)
        assert [count for count, _ in stops_of(machine, 3, stop)] == expected


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_a_modelled_cache_hides_nothing(engine: str) -> None:
    machine = flat_machine(engine, cache=True)
    machine.write(CODE, w.assemble(w.str_(2, 1), w.ldr(4, 1), w.str_(2, 1)))
    machine.cpu.x[1], machine.cpu.x[2] = DATA, 7
    found = stops_of(machine, 3, watch(DATA, pa=True, reads=True), WatchStop(place=Place(DATA), condition="old == 7"))
    assert [count for count, _ in found] == [1, 2, 3]
    assert "watchpoint 2" in found[2][1]


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_copy_instructions_are_watched(engine: str) -> None:
    board = Board(engine)
    board.enter(3)
    board.x[1], board.x[2], board.x[3] = DATA, DATA + 0x1000, 200
    board.machine.stops.add(watch(DATA + 130, 1))
    base = 0x1D00_0400 | 2 << 16 | 3 << 5 | 1
    board.machine.write(board.cpu.pc, w.assemble(*(base | stage << 22 for stage in range(3))))
    stop = board.machine.run(3)
    assert stop.reason is StopReason.WATCHPOINT
    assert stop.moment is not None
    assert stop.pc in (stop.moment.pc, stop.moment.pc + 4)


def test_a_watchpoint_that_makes_no_sense_is_refused() -> None:
    machine = emu.Machine(memory="8M", engine="reference")
    for stop in (
        WatchStop(place=Place(0), size=0),
        WatchStop(place=Place(0), reads=False, writes=False),
        WatchStop(place=Place(0), reads=True, walks=True),
        WatchStop(place=Place(0), condition="value =="),
    ):
        with pytest.raises(emu.EmuError):
            machine.stops.add(stop)
    assert not machine.stops.items()
