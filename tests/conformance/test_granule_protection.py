"""Vector V17 of mec-reference.md 6.5 and its section 3.7: granule protection faults, to the bit."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    DATA,
    EMEC,
    GPF2,
    GPF3,
    HCR_RW,
    OPEN,
    SCTLR,
    SCTLR_M,
    SPARE,
    VM,
    Board,
    esr,
    spsr,
)
from tests.conformance.realm import LOW, PRIMARY, GuestTables, el2_tables, realm_el1, realm_el2
from tests.conformance.tables import (
    GPI_ANY,
    GPI_NON_SECURE,
    GPI_NONE,
    GPI_REALM,
    GPI_ROOT,
    GPI_SECURE,
    MAIR,
    NORMAL,
    NS_LEAF,
    NSE_LEAF,
    S2_RW,
    TCR_ONE,
    XN,
    GranuleTable,
    Tables,
)

NS, NSE = 1 << 63, 1 << 62
"""MFAR_EL3: the address space of the access, and PA[55:12]."""
S2PTW, IND, S1PTW, WNR = 1 << 21, 1 << 20, 1 << 7, 1 << 6
FAIL_LEVEL_0, FAIL_LEVEL_1 = 0b001100 << 14, 0b001101 << 14
WALK_LEVEL_0, WALK_LEVEL_1 = 0b000100 << 14, 0b000101 << 14
SIZE_LEVEL_0, SIZE_LEVEL_1 = 0b000000 << 14, 0b000001 << 14
EABT_LEVEL_0, EABT_LEVEL_1 = 0b010100 << 14, 0b010101 << 14
ON_OUTPUT, ON_WALK = 0b101000, 0b100100
"""xFSC; ON_WALK is ORed with the level."""
GPC_EC = 0x1E
MFAR_REALM = NS | NSE
STOPS = OPEN | GPF3


@pytest.fixture
def gpt(board: Board) -> GranuleTable:
    return GranuleTable(board)


# V17: the final access.


@pytest.mark.parametrize("emec", [0, EMEC])
@pytest.mark.parametrize("gpi", [GPI_NON_SECURE, GPI_SECURE, GPI_ROOT, GPI_NONE])
@pytest.mark.parametrize(("is_write", "wnr"), [(False, 0), (True, WNR)])
def test_v17_a_realm_access_to_a_foreign_granule_is_a_gpc_exception_at_el3(
    board: Board, gpt: GranuleTable, emec: int, gpi: int, is_write: bool, wnr: int
) -> None:
    gpt.set(DATA, gpi)
    realm_el2(board, scr=STOPS, SCTLR2_EL2=emec, **gpt.registers)
    va = PRIMARY + 0x128
    taken = board.store_fault(va) if is_write else board.load_fault(va)
    assert (taken.el, taken.offset) == (3, 0x400)
    assert taken.esr == esr(GPC_EC, FAIL_LEVEL_1 | wnr | ON_OUTPUT)
    assert taken.far == va
    assert board.sysreg["MFAR_EL3"] == MFAR_REALM | DATA
    assert (taken.elr, taken.spsr) == (CODE + 4 * len(w.mov(1, va)), spsr(2))
    assert board.owner(DATA) is None


@pytest.mark.parametrize("gpi", [GPI_REALM, GPI_ANY])
def test_v17_a_realm_or_open_granule_lets_it_through(board: Board, gpt: GranuleTable, gpi: int) -> None:
    gpt.set(DATA, gpi)
    realm_el2(board, scr=STOPS, **gpt.registers)
    board.store(PRIMARY, 1)
    assert board.load(PRIMARY) == 1


def test_v17_a_fetch_has_ind_set(board: Board, gpt: GranuleTable) -> None:
    gpt.set(DATA, GPI_NON_SECURE)
    tables = el2_tables(board)
    tables.map(PRIMARY, DATA, NORMAL)
    realm_el2(board, tables.put(), scr=STOPS, **gpt.registers)
    taken = board.takes(w.mov(1, PRIMARY), w.br(1))
    assert taken.esr == esr(GPC_EC, IND | FAIL_LEVEL_1 | ON_OUTPUT)
    assert (taken.far, taken.elr, board.sysreg["MFAR_EL3"]) == (PRIMARY, PRIMARY, MFAR_REALM | DATA)


def test_v17_mfar_names_the_space_of_the_access(board: Board, gpt: GranuleTable) -> None:
    gpt.set(DATA, GPI_REALM)
    tables = el2_tables(board)
    tables.map(PRIMARY, DATA, NORMAL | XN | NS_LEAF)
    realm_el2(board, tables.put(), scr=STOPS, **gpt.registers)
    board.load_fault(PRIMARY)
    assert board.sysreg["MFAR_EL3"] == NS | DATA


def test_v17_without_gpf_it_is_a_data_abort_at_el2(board: Board, gpt: GranuleTable) -> None:
    gpt.set(DATA, GPI_NON_SECURE)
    realm_el2(board, scr=OPEN, **gpt.registers)
    taken = board.store_fault(PRIMARY)
    assert (taken.el, taken.offset, taken.esr, taken.far) == (2, 0x200, esr(0x25, WNR | ON_OUTPUT), PRIMARY)


@pytest.mark.parametrize(("hcr", "el", "offset", "ec"), [(0, 1, 0x200, 0x25), (GPF2, 2, 0x400, 0x24)])
def test_v17_without_gpf_of_el3_hcr_gpf_chooses_between_el1_and_el2(
    board: Board, gpt: GranuleTable, hcr: int, el: int, offset: int, ec: int
) -> None:
    """Both stages on, and the fault is on the final address: not on the second stage."""
    gpt.set(DATA, GPI_NON_SECURE)
    realm_el1(board, GuestTables(board).put(), scr=OPEN, HCR_EL2=HCR_RW | VM | hcr, **gpt.registers)
    taken = board.load_fault(LOW)
    assert (taken.el, taken.offset, taken.esr, taken.far) == (el, offset, esr(ec, ON_OUTPUT), LOW)


def test_v17_with_gpf_a_realm_el1_access_goes_to_el3(board: Board, gpt: GranuleTable) -> None:
    gpt.set(DATA, GPI_NON_SECURE)
    realm_el1(board, GuestTables(board).put(), scr=STOPS, **gpt.registers)
    taken = board.load_fault(LOW)
    assert (taken.el, taken.offset, taken.esr) == (3, 0x400, esr(GPC_EC, FAIL_LEVEL_1 | ON_OUTPUT))
    assert (taken.far, board.sysreg["MFAR_EL3"]) == (LOW, MFAR_REALM | DATA)


def test_v17_at_el3_a_failed_check_is_an_abort_whatever_gpf_says(board: Board, gpt: GranuleTable) -> None:
    gpt.set(DATA, GPI_NON_SECURE)
    tables = Tables(board).map_code(NORMAL | NSE_LEAF)
    tables.map(LOW, DATA, NORMAL | XN | NSE_LEAF | NS_LEAF)
    tables.put()
    board.enter(
        3, Security.REALM, scr=STOPS, SCTLR_EL3=SCTLR | SCTLR_M, TCR_EL3=TCR_ONE, MAIR_EL3=MAIR, TTBR0_EL3=tables.root,
        **gpt.registers,
    )  # fmt: skip
    taken = board.load_fault(LOW)
    assert (taken.el, taken.offset, taken.esr, taken.far) == (3, 0x200, esr(0x25, ON_OUTPUT), LOW)


# Walks.


def test_a_check_that_fails_on_a_walk_reports_the_descriptor(board: Board, gpt: GranuleTable) -> None:
    tables = el2_tables(board).put()
    leaf = tables.slot(PRIMARY, 3)
    gpt.set(leaf, GPI_SECURE)
    realm_el2(board, tables, scr=STOPS, **gpt.registers)
    taken = board.store_fault(PRIMARY + 8)
    assert taken.esr == esr(GPC_EC, FAIL_LEVEL_1 | WNR | ON_WALK | 3)
    assert (taken.far, board.sysreg["MFAR_EL3"]) == (PRIMARY + 8, MFAR_REALM | leaf & ~0xFFF)


def test_without_gpf_a_check_that_fails_on_a_walk_is_an_abort_of_that_level(board: Board, gpt: GranuleTable) -> None:
    tables = el2_tables(board).put()
    gpt.set(tables.slot(PRIMARY, 3), GPI_SECURE)
    realm_el2(board, tables, scr=OPEN, **gpt.registers)
    assert board.load_fault(PRIMARY).esr == esr(0x25, ON_WALK | 3)


def guest_with_tables_apart(board: Board) -> GuestTables:
    """Stage 1 tables in pages of their own, which stage 2 maps page by page; LOW's last one through its own table."""
    pages = [SPARE + 0x8_0000, SPARE + 0x9_0000, SPARE + 0xA_0000, SPARE + 0x40_0000]
    tables = GuestTables(board, stage1_pages=list(pages))
    for page in pages:
        tables.stage2.map(page, page, S2_RW)
    return tables.put()


def test_a_stage_2_descriptor_of_the_final_address_sets_s2ptw(board: Board, gpt: GranuleTable) -> None:
    tables = guest_with_tables_apart(board)
    leaf = tables.stage2.slot(DATA, 3)
    gpt.set(leaf, GPI_NON_SECURE)
    realm_el1(board, tables, scr=STOPS, **gpt.registers)
    taken = board.load_fault(LOW)
    assert taken.esr == esr(GPC_EC, S2PTW | FAIL_LEVEL_1 | ON_WALK | 3)
    assert (taken.far, board.sysreg["MFAR_EL3"]) == (LOW, MFAR_REALM | leaf & ~0xFFF)
    assert board.sysreg["HPFAR_EL2"] == DATA >> 12 << 4


def test_a_stage_2_descriptor_of_a_stage_1_table_sets_s2ptw_and_s1ptw(board: Board, gpt: GranuleTable) -> None:
    """S2PTW: on an access of a stage 2 walk. S1PTW: of a stage 2 translation made for a stage 1 walk. Both hold."""
    tables = guest_with_tables_apart(board)
    table = tables.stage1.slot(LOW, 3) & ~0xFFF
    leaf = tables.stage2.slot(table, 3)
    gpt.set(leaf, GPI_NON_SECURE)
    realm_el1(board, tables, scr=STOPS, **gpt.registers)
    taken = board.load_fault(LOW)
    assert taken.esr == esr(GPC_EC, S2PTW | FAIL_LEVEL_1 | S1PTW | ON_WALK | 3)
    assert (taken.far, board.sysreg["MFAR_EL3"]) == (LOW, MFAR_REALM | leaf & ~0xFFF)
    assert board.sysreg["HPFAR_EL2"] == table >> 12 << 4


def test_a_stage_1_descriptor_in_a_foreign_granule_sets_neither(board: Board, gpt: GranuleTable) -> None:
    tables = guest_with_tables_apart(board)
    leaf = tables.stage1.slot(LOW, 3)
    gpt.set(leaf, GPI_NON_SECURE)
    realm_el1(board, tables, scr=STOPS, **gpt.registers)
    taken = board.load_fault(LOW)
    assert taken.esr == esr(GPC_EC, FAIL_LEVEL_1 | ON_WALK | 3)
    assert board.sysreg["MFAR_EL3"] == MFAR_REALM | leaf & ~0xFFF


@pytest.mark.parametrize("kind", ["stage 2 table of the output", "stage 2 table of a stage 1 table"])
def test_without_gpf_a_fault_on_the_second_stage_is_an_abort_at_el2(board: Board, gpt: GranuleTable, kind: str) -> None:
    tables = guest_with_tables_apart(board)
    is_for_walk = kind.endswith("stage 1 table")
    ipa = tables.stage1.slot(LOW, 3) & ~0xFFF if is_for_walk else DATA
    gpt.set(tables.stage2.slot(ipa, 3), GPI_NON_SECURE)
    realm_el1(board, tables, scr=OPEN, **gpt.registers)
    taken = board.takes(w.mov(1, LOW), w.ldp(0, 2, 1))
    assert (taken.el, taken.offset) == (2, 0x400)
    assert taken.esr == esr(0x24, (S1PTW if is_for_walk else 0) | ON_WALK | 3)
    assert board.sysreg["HPFAR_EL2"] == ipa >> 12 << 4


# Checks that cannot be made: always GPC exceptions, even from EL3 (3.7).


def break_level_0(board: Board, gpt: GranuleTable) -> dict[str, int]:
    board.put_tables({gpt.LEVEL0 + 8: 0x4})
    return {}


def break_level_1(board: Board, gpt: GranuleTable) -> dict[str, int]:
    board.put_tables({gpt.entry_of(DATA): 0xFFFF_FFFF_FFFF_FF2F})  # one of the sixteen GPIs is invalid
    return {}


def table_beyond_pps(board: Board, gpt: GranuleTable) -> dict[str, int]:
    board.put_tables({gpt.LEVEL0 + 8: 1 << 40 | 3})
    return {}


def base_beyond_pps(board: Board, gpt: GranuleTable) -> dict[str, int]:
    return {"GPTBR_EL3": 1 << 40 >> 12}


def level_0_where_nothing_answers(board: Board, gpt: GranuleTable) -> dict[str, int]:
    return {"GPTBR_EL3": 0x2_0000_0000 >> 12}


def level_1_where_nothing_answers(board: Board, gpt: GranuleTable) -> dict[str, int]:
    board.put_tables({gpt.LEVEL0 + 8: 0x2_0000_0000 | 3})
    return {}


def reserved_pgs(board: Board, gpt: GranuleTable) -> dict[str, int]:
    return {"GPCCR_EL3": gpt.registers["GPCCR_EL3"] | 3 << 14}


def reserved_sh(board: Board, gpt: GranuleTable) -> dict[str, int]:
    return {"GPCCR_EL3": gpt.registers["GPCCR_EL3"] & ~(3 << 12) | 1 << 12}


@pytest.mark.parametrize(
    ("breaks", "gpcsc"),
    [
        (break_level_0, WALK_LEVEL_0),
        (break_level_1, WALK_LEVEL_1),
        (table_beyond_pps, SIZE_LEVEL_0),
        (base_beyond_pps, SIZE_LEVEL_0),
        (level_0_where_nothing_answers, EABT_LEVEL_0),
        (level_1_where_nothing_answers, EABT_LEVEL_1),
        (reserved_pgs, WALK_LEVEL_0),
        (reserved_sh, WALK_LEVEL_0),
    ],
)
def test_a_check_that_cannot_be_made_is_a_gpc_exception_even_at_el3(
    board: Board, gpt: GranuleTable, breaks: object, gpcsc: int
) -> None:
    """The checks are broken while EL3 runs, so that its fetches are checked as the data is: the load faults, or
    already the fetch of it, where nothing is readable."""
    settings = breaks(board, gpt)
    board.enter(3, Security.REALM, scr=OPEN)
    for name, value in (gpt.registers | settings).items():
        board.sysreg[name] = value
    taken = board.takes(w.mov(1, DATA), w.ldr(0, 1))
    assert (taken.el, taken.offset) == (3, 0x200)
    is_fetch = breaks is not break_level_1
    assert taken.esr == esr(GPC_EC, (IND if is_fetch else 0) | gpcsc | ON_OUTPUT)
    assert taken.far == (CODE if is_fetch else DATA)
    assert board.sysreg["MFAR_EL3"] == NSE | (taken.far & ~0xFFF)


def test_an_address_beyond_the_protected_size_fails_at_level_0(board: Board, gpt: GranuleTable) -> None:
    tables = el2_tables(board)
    tables.map(PRIMARY, 0x20_0000_0000, NORMAL | XN)
    settings = {"TCR_EL2": TCR_ONE & ~(7 << 16) | 2 << 16}  # outputs of 40 bits, protected are 36
    realm_el2(board, tables.put(), scr=STOPS, **gpt.registers | settings)
    taken = board.load_fault(PRIMARY)
    assert taken.esr == esr(GPC_EC, FAIL_LEVEL_0 | ON_OUTPUT)
    assert board.sysreg["MFAR_EL3"] == MFAR_REALM | 0x20_0000_0000


def test_a_contiguous_entry_covers_its_whole_run(board: Board, gpt: GranuleTable) -> None:
    first = gpt.entry_of(DATA)
    board.put_tables({first + 8 * index: 1 << 8 | GPI_NON_SECURE << 4 | 1 for index in range(32)})  # 2 MiB
    realm_el2(board, scr=STOPS, **gpt.registers)
    assert board.load_fault(PRIMARY).esr == esr(GPC_EC, FAIL_LEVEL_1 | ON_OUTPUT)


def test_a_level_0_block_is_a_fault_of_level_0(board: Board, gpt: GranuleTable) -> None:
    board.put_tables({gpt.LEVEL0: GPI_NON_SECURE << 4 | 1})  # the first gigabyte
    tables = el2_tables(board)
    tables.map(PRIMARY, 0x1000, NORMAL | XN)
    realm_el2(board, tables.put(), scr=STOPS, **gpt.registers)
    assert board.load_fault(PRIMARY).esr == esr(GPC_EC, FAIL_LEVEL_0 | ON_OUTPUT)


# Changing the table.


def test_a_granule_that_changes_hands_needs_a_tlbi_by_pa(board: Board, gpt: GranuleTable) -> None:
    realm_el2(board, scr=STOPS, **gpt.registers)
    board.store(PRIMARY, 1)
    gpt.set(DATA, GPI_NON_SECURE)
    taken = board.takes(w.smc(0))
    assert taken.el == 3
    board.does(w.mov(2, DATA >> 12), w.sys("TLBI RPAOS", 2), w.DSB, w.sys("TLBI PAALL"), w.DSB, w.ISB)
    board.put(board.cpu.pc, w.ERET)
    board.machine.run(1)
    assert board.cpu.el == 2
    assert board.load_fault(PRIMARY).esr == esr(GPC_EC, FAIL_LEVEL_1 | ON_OUTPUT)


def test_an_at_instruction_checks_its_table_and_not_its_result(board: Board, gpt: GranuleTable) -> None:
    """4.12."""
    tables = el2_tables(board).put()
    gpt.set(DATA, GPI_NON_SECURE)
    realm_el2(board, tables, scr=STOPS, **gpt.registers)
    board.does(w.mov(1, PRIMARY), w.sys("AT S1E2R", 1), w.ISB, w.mrs(0, "PAR_EL1"))
    assert board.x[0] & 1 == 0
    assert board.x[0] & 0x00FF_FFFF_FFFF_F000 == DATA
    leaf = tables.slot(PRIMARY, 3)
    gpt.set(leaf, GPI_NON_SECURE)
    realm_el2(board, tables, scr=STOPS, **gpt.registers)
    taken = board.takes(w.mov(1, PRIMARY), w.sys("AT S1E2R", 1))
    assert (taken.el, taken.far) == (3, PRIMARY)
    # CM=1: an address translation instruction; WnR=1 for those.
    assert taken.esr == esr(GPC_EC, FAIL_LEVEL_1 | 1 << 8 | WNR | ON_WALK | 3)
