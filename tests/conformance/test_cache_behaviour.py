"""The data cache model by itself: what goes through it and what past it, maintenance, and what a person sees."""

from __future__ import annotations

import pytest

from emu import PAS, Security
from emu.debug.events import CacheMaintained, Event
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, FWB, HCR_RW, SCTLR, SCTLR_M, TSW, VM, Board, esr
from tests.conformance.cached import (
    FILL,
    NC,
    REALM_PAS,
    SCTLR_C,
    SCTLR_I,
    WB,
    WT,
    cached_board,
    copies,
    dc,
    el3,
    evict,
    fill_line,
    realm_lines,
    use,
    watch,
)
from tests.conformance.guest import VA, Guest
from tests.conformance.tables import (
    GPI_NON_SECURE,
    GPI_REALM,
    NORMAL,
    NSE_LEAF,
    TCR_ONE,
    WALK0,
    XN,
    GranuleTable,
)

OLD, NEW = 0x0123_4567_89AB_CDEF, 0x5555_6666_7777_8888
CLIDR, CCSIDR = (3, 1, 0, 0, 1), (3, 1, 0, 0, 0)


@pytest.fixture
def board(engine: str) -> Board:
    board = cached_board(engine)
    el3(board)
    return board


# What goes through the cache.


def test_a_store_stays_in_the_cache_until_it_is_cleaned(board: Board) -> None:
    board.store(WB, OLD)
    assert board.machine.read(DATA, 8) == bytes(8)
    assert board.owner(DATA) is None
    assert board.machine.mec.last_writer(DATA) is None
    stored_at = board.machine.instructions - 1
    dc(board, "DC CVAC", WB)
    assert copies(board) == {5: False}
    assert board.machine.read(DATA, 8) == OLD.to_bytes(8, "little")
    writer = board.machine.mec.last_writer(DATA)
    assert writer is not None
    assert (writer.instruction, writer.owner.mecid) == (stored_at, 5)


def test_non_cacheable_accesses_see_memory_and_not_the_line(board: Board) -> None:
    board.store(WB, OLD)
    assert board.load(NC) == 0
    board.store(NC, NEW)
    assert board.load(WB) == OLD
    dc(board, "DC IVAC", WB)
    assert board.load(WB) == NEW


@pytest.mark.parametrize("sctlr", [SCTLR | SCTLR_M, SCTLR | SCTLR_M | SCTLR_I])
def test_with_sctlr_c_clear_data_accesses_are_not_cached(engine: str, sctlr: int) -> None:
    board = cached_board(engine)
    el3(board, SCTLR_EL3=sctlr)
    board.store(WB, OLD)
    assert board.owner(DATA) == (PAS.REALM, 5)
    assert copies(board) == {}


def test_write_through_memory_has_the_store_at_once_and_the_cache_too(board: Board) -> None:
    board.store(WT, OLD)
    assert copies(board) == {5: False}
    assert board.load(NC) == OLD
    board.store(NC, NEW)
    assert board.load(WT) == OLD


def test_every_kind_of_store_goes_through_it(board: Board) -> None:
    board.does(
        w.mov(1, WB), w.mov(2, OLD), w.mov(3, NEW),
        0xA900_0C22,  # STP X2, X3, [X1]
        w.mov(4, WB + 64), w.sys("DC ZVA", 4), w.mov(4, WB + 128), w.ldxr(6, 4), w.stxr(5, 2, 4),
        w.mov(4, WB + 192), 0xF822_0083,  # LDADD X2, X3, [X4]
        w.mov(4, WB + 256), w.stlr(2, 4),
        0x9E67_0040, w.mov(4, WB + 320), 0x3D80_0080,  # FMOV D0, X2; STR Q0, [X4]
        w.mov(4, WB + 444), 0xF800_0082,  # STUR X2, [X4], over two lines
    )  # fmt: skip
    assert [copies(board, DATA + 64 * line) for line in range(8)] == [{5: True}] * 8
    assert board.machine.read(DATA, 512) == bytes(512)
    assert board.load(WB + 8) == NEW
    assert board.load(WB + 444) == OLD
    for line in range(8):
        dc(board, "DC CIVAC", WB + 64 * line)
    assert [board.load(NC + at) for at in (0, 8, 64, 128, 192, 256, 320, 328, 444)] == [
        OLD, NEW, 0, OLD, OLD, OLD, OLD, 0, OLD
    ]  # fmt: skip


def test_copy_instructions_and_writes_by_semihosting_go_through_it(board: Board) -> None:
    board.store(WB, OLD)
    copy = [0x1D01_0440, 0x1D41_0440, 0x1D81_0440]  # CPYP [X0]!, [X1]!, X2!; CPYM; CPYE
    board.does(w.mov(0, WB + 0x1000), w.mov(1, WB), w.mov(2, 8), *copy)
    board.does(w.mov(0, 0x30), w.mov(1, WB + 0x2000), w.hlt(0xF000))  # SYS_ELAPSED
    assert copies(board, DATA + 0x1000) == copies(board, DATA + 0x2000) == {5: True}
    assert board.load(WB + 0x1000) == OLD


def test_instructions_are_fetched_through_it_where_fetches_are_cacheable(engine: str) -> None:
    for sctlr, expected in ((SCTLR_C | SCTLR_I, 1), (SCTLR_C, 2)):
        board = cached_board(engine)
        el3(board, SCTLR_EL3=SCTLR | SCTLR_M | sctlr)
        target = CODE + 0x2044  # no offset at which a page of vectors has a breakpoint
        board.put(target, w.svc(2))
        board.does(w.mov(1, target), w.mov(2, w.svc(1)), 0xB900_0022)  # STR W2, [X1]
        assert board.takes(w.mov(1, target), w.br(1)).esr == esr(0x15, expected)


def test_code_that_was_executed_and_then_changed_in_the_cache_is_fetched_anew(engine: str) -> None:
    board = cached_board(engine)
    el3(board, SCTLR_EL3=SCTLR | SCTLR_M | SCTLR_C | SCTLR_I)
    target = CODE + 0x2044  # no offset at which a page of vectors has a breakpoint
    board.put(target, w.svc(1))
    for number in (1, 2, 3):
        board.cpu.pc = CODE
        board.does(w.mov(1, target), w.mov(2, w.svc(number)), 0xB900_0022)
        assert board.takes(w.mov(1, target), w.br(1)).esr == esr(0x15, number)


def test_code_that_was_executed_from_a_line_that_is_gone_is_fetched_from_memory(engine: str) -> None:
    board = cached_board(engine)
    el3(board, SCTLR_EL3=SCTLR | SCTLR_M | SCTLR_C | SCTLR_I)
    target = CODE + 0x2044  # no offset at which a page of vectors has a breakpoint
    board.put(target, w.svc(2))
    board.does(w.mov(1, target), w.mov(2, w.svc(1)), 0xB900_0022)
    assert board.takes(w.mov(1, target), w.br(1)).esr == esr(0x15, 1)
    board.cpu.pc = CODE
    dc(board, "DC IVAC", target)
    assert board.takes(w.mov(1, target), w.br(1)).esr == esr(0x15, 2)


@pytest.mark.parametrize("is_cacheable", [True, False])
def test_walks_go_through_it_where_irgn_and_orgn_say_so(engine: str, is_cacheable: bool) -> None:
    board = cached_board(engine)
    tables = el3(board, TCR_EL3=TCR_ONE if is_cacheable else TCR_ONE & ~WALK0)
    va, window = WB + 0x3F_F000, FILL + 0x10_0000
    slot = tables.slot(va, 3)
    tables.map(window, slot & ~0xFFF, NORMAL | NSE_LEAF | XN)
    tables.put()
    board.store(window + (slot & 0xFFF), DATA | NORMAL | XN | NSE_LEAF | 3)
    if is_cacheable:
        assert board.load(va) == 0
        assert board.machine.translate(va).fault is None
    else:
        assert board.load_fault(va).esr & 0x3F == 0b000111  # translation fault, level 3
        assert board.machine.translate(va).fault is not None


def test_stage_2_decides_too(engine: str) -> None:
    """Non-secure EL1 on two stages: Write-Back at both is cached; Non-cacheable at stage 2 or HCR_EL2.CD is not."""
    for memattr, hcr, expected in ((0xF, 0, {0: True}), (0x5, 0, {}), (0xF, 1 << 32, {})):
        board = cached_board(engine)
        guest = Guest(board)
        guest.stage2.map(0x2_0000_0000, DATA, memattr << 2 | 3 << 6 | NORMAL)
        guest.enter(SCTLR_EL1=SCTLR | SCTLR_M | SCTLR_C, hcr=hcr)
        board.store(VA, OLD)
        cache = board.machine.mec.cache
        assert cache is not None
        assert {line.mecid: line.dirty for line in cache.lines() if line.pa == DATA} == expected


@pytest.mark.parametrize("sctlr", [SCTLR, SCTLR | SCTLR_M, SCTLR | SCTLR_M | SCTLR_C])
def test_write_back_that_stage_2_forces_is_cached_whatever_stage_1_says(engine: str, sctlr: int) -> None:
    """FEAT_S2FWB: MemAttr 110 with HCR_EL2.FWB, stage 1 off or SCTLR_EL1.C clear; HCR_EL2.CD still switches off."""
    for hcr, expected in ((FWB, {0: True}), (FWB | 1 << 32, {})):
        board = cached_board(engine)
        guest = Guest(board)
        address = VA if sctlr & SCTLR_M else 0x2_0000_0000
        guest.stage2.map(0x2_0000_0000, DATA, 0b0110 << 2 | 3 << 6 | NORMAL)
        guest.enter(SCTLR_EL1=sctlr, hcr=hcr)
        board.store(address, OLD)
        cache = board.machine.mec.cache
        assert cache is not None
        assert {line.mecid: line.dirty for line in cache.lines() if line.pa == DATA} == expected


# Maintenance.


@pytest.mark.parametrize("operation", ["DC CVAC", "DC CVAU", (3, 7, 12, 1), (3, 7, 13, 1)])
def test_cleaning_keeps_the_line(board: Board, operation: str | tuple[int, int, int, int]) -> None:
    board.store(WB, OLD)
    board.does(w.mov(2, WB + 0x20), w.sys(operation, 2))
    assert copies(board) == {5: False}
    assert board.load(NC) == OLD


def test_invalidating_loses_what_was_not_cleaned(board: Board) -> None:
    board.store(WB, OLD)
    dc(board, "DC IVAC", WB)
    assert copies(board) == {}
    assert board.load(WB) == 0


def test_maintenance_by_address_leaves_other_spaces_alone(board: Board) -> None:
    """The same address as Root and as Realm memory is two lines."""
    tables = el3(board)
    tables.map(FILL + 0x20_0000, DATA, NORMAL | NSE_LEAF | XN)
    tables.put()
    board.store(WB, OLD)
    board.store(FILL + 0x20_0000, NEW)
    dc(board, "DC CIVAC", FILL + 0x20_0000)
    assert copies(board) == {5: True}
    assert board.owner(DATA) == (PAS.ROOT, 0)


def test_the_id_registers_describe_what_set_and_way_operations_name(board: Board) -> None:
    fill_line(board, WB, OLD)
    fill_line(board, WB + 64, NEW)
    board.does(w.mrs(3, CLIDR), w.mrs(4, CCSIDR))
    assert board.x[3] & 7 == 4
    assert board.x[3] >> 24 & 7 == 1
    ways, sets, line = (board.x[4] >> 3 & 0x3FF) + 1, (board.x[4] >> 13 & 0x7FFF) + 1, 16 << (board.x[4] & 7)
    assert (ways * sets, line) == (512, 64)
    for way in range(ways):
        board.cpu.pc = CODE
        dc(board, "DC CISW", way << 32 - (ways - 1).bit_length())
    assert board.machine.mec.cache is not None
    assert [line for line in board.machine.mec.cache.lines() if line.dirty or line.pas is PAS.REALM] == []
    assert [board.load(NC), board.load(NC + 64)] == [OLD, NEW]


@pytest.mark.parametrize("operation", ["DC ISW", "DC CSW", "DC CISW"])
def test_set_and_way_act_on_one_line(board: Board, operation: str) -> None:
    fill_line(board, WB, OLD)
    fill_line(board, WB + 64, NEW)
    [line] = realm_lines(board)
    maintained, _ = watch(board)
    dc(board, operation, line.way << 23)
    assert copies(board) == ({5: False} if operation == "DC CSW" else {})
    assert copies(board, DATA + 64) == {5: True}
    assert board.load(NC) == (0 if operation == "DC ISW" else OLD)
    dc(board, operation, line.way << 23 | 1 << 1)
    assert [event.ignored for event in maintained] == ["", "there is no level 2 cache: CLIDR_EL1 says so"]


def test_set_and_way_in_non_secure_state_leave_realm_lines_alone(board: Board) -> None:
    fill_line(board, WB, OLD)
    [line] = realm_lines(board)
    board.enter(2, Security.NON_SECURE)
    dc(board, "DC CISW", line.way << 23)
    assert copies(board) == {5: True}
    board.enter(2, Security.REALM)
    dc(board, "DC CISW", line.way << 23)
    assert copies(board) == {}


@pytest.mark.parametrize(("hcr", "kept"), [(0, False), (VM, True)])
def test_a_guest_under_stage_2_cannot_undo_stores_by_invalidating(engine: str, hcr: int, kept: bool) -> None:
    board = cached_board(engine)
    guest = Guest(board)
    guest.is_stage2_on = bool(hcr)
    if not hcr:
        guest.stage1.map(VA, DATA, NORMAL)
    guest.enter(SCTLR_EL1=SCTLR | SCTLR_M | SCTLR_C)
    board.store(VA, OLD)
    dc(board, "DC IVAC", VA)
    assert board.load(VA) == (OLD if kept else 0)


def test_the_oldest_line_is_replaced_first(board: Board) -> None:
    for line in range(3):
        fill_line(board, WB + 64 * line, OLD)
    board.load(WB)
    _, written = watch(board)
    evict(board)
    assert [event.pa for event in written] == [DATA, DATA + 64, DATA + 128]
    cache = board.machine.mec.cache
    assert cache is not None
    assert len(cache.lines()) == cache.capacity == 512


# Granule protection: checked for maintenance by VA, not for DC CIPAE (as Sail has it).


def test_granule_protection_stops_maintenance_by_va_and_not_by_pa(board: Board) -> None:
    granules = GranuleTable(board)
    granules.set(DATA, GPI_REALM)
    el3(board, **granules.registers)
    fill_line(board, WB, OLD)
    granules.set(DATA, GPI_NON_SECURE)
    el3(board, **granules.registers)
    board.does(w.sys("TLBI PAALL"))
    taken = board.takes(w.mov(2, WB), w.sys("DC CIVAC", 2))
    assert (taken.el, taken.esr) == (3, esr(0x25, 1 << 8 | 1 << 6 | 0b101000))  # CM, WnR, granule protection fault
    assert copies(board) == {5: True}
    el3(board, **granules.registers)
    dc(board, "DC CIPAE", REALM_PAS | DATA)
    assert copies(board) == {}


# What a person sees.


def test_the_debuggers_writes_reach_every_copy(board: Board) -> None:
    fill_line(board, WB, OLD)
    use(board, 6)
    board.load(WB)
    board.machine.write(DATA + 4, NEW.to_bytes(8, "little"))
    assert board.load(WB + 4) == NEW
    use(board, 5)
    assert board.load(WB + 4) == NEW
    assert board.load(WB + 16) == OLD


def test_looking_is_through_the_cache_and_fills_nothing(board: Board) -> None:
    board.store(WB, OLD)
    cache = board.machine.mec.cache
    assert cache is not None
    before = cache.lines()
    assert board.machine.read_virtual(WB, 8) == OLD.to_bytes(8, "little")
    assert board.machine.read_virtual(NC, 8) == bytes(8)
    board.machine.read_virtual(WB + 0x3000, 64)
    board.machine.translate(WB + 0x3000)
    board.machine.fetch_word(CODE)
    assert cache.lines() == before
    assert board.hits == []


def test_an_explained_address_is_noise_only_where_an_access_would_see_noise(board: Board) -> None:
    board.store(WB, OLD)
    use(board, 6)
    board.store(NC, NEW)
    use(board, 5)
    assert not board.machine.translate(WB).is_mismatch
    assert board.machine.translate(NC).is_mismatch
    assert board.load(WB) == OLD


def test_a_snapshot_keeps_lines(board: Board) -> None:
    fill_line(board, WB, OLD)
    cache = board.machine.mec.cache
    assert cache is not None
    kept, snapshot = cache.lines(), board.machine.snapshot()
    board.store(WB, NEW)
    dc(board, "DC CIPAE", REALM_PAS | DATA)
    evict(board)
    board.machine.restore(snapshot)
    assert cache.lines() == kept
    assert board.load(WB) == OLD
    dc(board, "DC CIPAE", REALM_PAS | DATA)
    assert board.load(NC) == OLD


def test_a_reset_empties_it(board: Board) -> None:
    fill_line(board, WB, OLD)
    board.machine.reset()
    cache = board.machine.mec.cache
    assert cache is not None
    assert cache.lines() == ()
    assert board.machine.read(DATA, 8) == bytes(8)


# Without the model.


def test_without_the_model_maintenance_is_told_all_the_same(engine: str) -> None:
    board = Board(engine)
    el3(board)
    assert board.machine.mec.cache is None
    told: list[Event] = []
    board.machine.events.subscribe(told.append, CacheMaintained)
    for operation, operand in (
        ("DC CIPAE", REALM_PAS | DATA),
        ("DC CIPAE", DATA),
        ("DC CIPAPA", 1 << 63 | DATA),
        ("DC CVAC", WB + 8),
        ("DC CISW", 0),
    ):
        dc(board, operation, operand)
    assert [
        (event.operation, event.pa, event.pas, bool(event.ignored))
        for event in told
        if isinstance(event, CacheMaintained)
    ] == [
        ("CIPAE", DATA, PAS.REALM, False),
        ("CIPAE", DATA, PAS.SECURE, True),
        ("CIPAPA", DATA, PAS.NON_SECURE, False),
        ("CVAC", DATA + 8, PAS.REALM, False),
        ("CISW", None, None, True),
    ]


def test_trapped_maintenance_is_not_told(engine: str) -> None:
    board = cached_board(engine)
    board.enter(1, Security.NON_SECURE, HCR_EL2=HCR_RW | TSW)
    maintained, _ = watch(board)
    assert board.takes(w.mov(2, 0), w.sys("DC CISW", 2)).ec == 0x18
    assert maintained == []
