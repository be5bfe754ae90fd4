"""Data and Instruction Aborts of stage 1: kind and level, who gets them, FAR, ELR (mec-reference.md 4.5, 4.6, 4.11)."""

from __future__ import annotations

import pytest

from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    DATA,
    E2H,
    EA,
    EPAN,
    HCR_RW,
    JUMPED,
    OPEN,
    PAN,
    SCTLR,
    SCTLR_M,
    SCTLR_WXN,
    TGE,
    UAO,
    Board,
    esr,
    spsr,
)
from tests.conformance.guest import IPA, USER_VA, VA, Guest
from tests.conformance.tables import (
    AP_TABLE_NO_EL0,
    AP_TABLE_NO_WRITE,
    EPD0,
    HIGH,
    INNER,
    MAIR,
    NORMAL,
    NT,
    PXN,
    PXN_TABLE,
    READ_ONLY,
    TCR_ONE,
    TCR_TWO,
    USER,
    UXN,
    UXN_TABLE,
    XN,
    Tables,
)

FETCH_LOWER, FETCH_SAME, DATA_LOWER, DATA_SAME = 0x20, 0x21, 0x24, 0x25
WNR, CM, S1PTW = 1 << 6, 1 << 8, 1 << 7
ADDRESS_SIZE, TRANSLATION, ACCESS_FLAG, PERMISSION, EXTERNAL, EXTERNAL_WALK = (
    0b000000, 0b000100, 0b001000, 0b001100, 0b010000, 0b010100,
)  # fmt: skip


@pytest.fixture
def guest(board: Board) -> Guest:
    """Stage 1 alone: intermediate addresses are physical ones."""
    guest = Guest(board)
    guest.is_stage2_on = False
    guest.stage1.map(VA, DATA, NORMAL | UXN)
    guest.stage1.map(USER_VA, DATA + 0x1000, NORMAL | UXN | USER)
    return guest


def break_invalid(guest: Guest, level: int) -> int:
    guest.stage1.entries[guest.stage1.slot(VA, level)] = 0
    return TRANSLATION | level


def break_reserved(guest: Guest, level: int) -> int:
    """0b01 is a block where blocks exist, and reserved at level 3."""
    guest.stage1.entries[guest.stage1.slot(VA, level)] ^= 0b10
    return TRANSLATION | level


def break_access_flag(guest: Guest, level: int) -> int:
    guest.stage1.entries.pop(guest.stage1.slot(VA, level))
    guest.stage1.map(VA, IPA if level < 3 else DATA, INNER | UXN, level)
    return ACCESS_FLAG | level


def break_output_size(guest: Guest, level: int) -> int:
    guest.stage1.entries.pop(guest.stage1.slot(VA, level))
    guest.stage1.map(VA, 1 << 36, NORMAL | UXN, level)
    return ADDRESS_SIZE | level


def break_next_table_size(guest: Guest, level: int) -> int:
    guest.stage1.entries[guest.stage1.slot(VA, level)] = 1 << 40 | 3
    return ADDRESS_SIZE | level


def break_next_table_hole(guest: Guest, level: int) -> int:
    guest.stage1.entries[guest.stage1.slot(VA, level)] = 0x2_0000_0000 | 3  # nothing answers there
    return EXTERNAL_WALK | level + 1


def break_block_translation(guest: Guest, level: int) -> int:
    """nT (FEAT_BBM level 1 and 2)."""
    guest.stage1.entries.pop(guest.stage1.slot(VA, level))
    guest.stage1.map(VA, 0x1_0000_0000, NORMAL | UXN | NT, level)
    return TRANSLATION | level


BROKEN = [
    *[(break_invalid, level) for level in (1, 2, 3)],
    (break_reserved, 3),
    *[(break_access_flag, level) for level in (1, 2, 3)],
    *[(break_output_size, level) for level in (1, 2, 3)],
    *[(break_next_table_size, level) for level in (1, 2)],
    *[(break_next_table_hole, level) for level in (1, 2)],
    *[(break_block_translation, level) for level in (1, 2)],
]


@pytest.mark.parametrize(("breaks", "level"), BROKEN)
@pytest.mark.parametrize(("is_write", "wnr"), [(False, 0), (True, WNR)])
def test_a_broken_walk(guest: Guest, breaks: object, level: int, is_write: bool, wnr: int) -> None:
    board = guest.board
    status = breaks(guest, level)
    guest.enter()
    taken = board.store_fault(VA + 0x10) if is_write else board.load_fault(VA + 0x10)
    assert (taken.el, taken.offset, taken.esr) == (1, 0x200, esr(DATA_SAME, wnr | status))
    assert (taken.far, taken.elr, taken.spsr) == (VA + 0x10, CODE + 4 * len(w.mov(1, VA + 0x10)), spsr(1))


@pytest.mark.parametrize(("breaks", "level"), BROKEN)
def test_the_same_for_a_fetch(guest: Guest, breaks: object, level: int) -> None:
    board = guest.board
    status = breaks(guest, level)
    guest.enter()
    taken = board.takes(w.mov(1, VA), w.br(1))
    assert (taken.el, taken.offset, taken.esr) == (1, 0x200, esr(FETCH_SAME, status))
    assert (taken.far, taken.elr) == (VA, VA)


@pytest.mark.parametrize(
    ("hcr", "to"), [(0, 1), (TGE, 2)], ids=["guest", "TGE without E2H, where EL0's stage 1 is off"]
)
def test_an_el0_access_is_a_fault_from_a_lower_level(guest: Guest, hcr: int, to: int) -> None:
    guest.enter(el=0, hcr=hcr)
    board = guest.board
    va = VA + 0x2000 if not hcr else 1 << 54
    taken = board.load_fault(va)
    status = TRANSLATION | 3 if not hcr else ADDRESS_SIZE
    assert (taken.el, taken.offset, taken.esr, taken.far) == (to, 0x400, esr(DATA_LOWER, status), va)


def test_an_el0_fetch_is_a_fault_from_a_lower_level(guest: Guest) -> None:
    guest.enter(el=0)
    taken = guest.board.takes(w.mov(1, USER_VA), w.br(1))
    assert (taken.el, taken.offset, taken.esr) == (1, 0x400, esr(FETCH_LOWER, PERMISSION | 3))
    assert (taken.far, taken.elr, taken.spsr) == (USER_VA, USER_VA, spsr(0) | JUMPED)


# Permissions (4.6).

AP = {"EL1 rw": 0, "EL1 rw, EL0 rw": USER, "EL1 r": READ_ONLY, "EL1 r, EL0 r": USER | READ_ONLY}


@pytest.mark.parametrize("ap", AP)
@pytest.mark.parametrize("el", [0, 1])
@pytest.mark.parametrize("is_write", [False, True])
def test_ap(guest: Guest, ap: str, el: int, is_write: bool) -> None:
    board = guest.board
    guest.stage1.map(VA, DATA, NORMAL | UXN | AP[ap])
    guest.enter(el=el)
    rights = dict(part.split() for part in ap.split(", "))
    right = rights.get(f"EL{el}", "")
    if ("w" if is_write else "r") in right:
        board.does(w.mov(1, VA), w.str_(0, 1) if is_write else w.ldr(0, 1))
        return
    taken = board.store_fault(VA) if is_write else board.load_fault(VA)
    ec = DATA_SAME if el else DATA_LOWER
    assert (taken.el, taken.esr) == (1, esr(ec, (WNR if is_write else 0) | PERMISSION | 3))


@pytest.mark.parametrize(
    ("table", "el", "is_write", "faults"),
    [
        (0, 0, True, False),
        (AP_TABLE_NO_EL0, 0, False, True),
        (AP_TABLE_NO_EL0, 1, True, False),
        (AP_TABLE_NO_WRITE, 1, False, False),
        (AP_TABLE_NO_WRITE, 1, True, True),
        (AP_TABLE_NO_WRITE, 0, False, False),
        (AP_TABLE_NO_WRITE, 0, True, True),
    ],
)
@pytest.mark.parametrize("level", [1, 2])
def test_ap_table_limits_what_leaves_allow(
    guest: Guest, table: int, el: int, is_write: bool, faults: bool, level: int
) -> None:
    board = guest.board
    guest.stage1.entries[guest.stage1.slot(USER_VA, level)] |= table
    guest.enter(el=el)
    taken = board.execute(w.mov(1, USER_VA), w.str_(0, 1) if is_write else w.ldr(0, 1))
    assert (taken is not None) is faults
    if taken is not None:
        ec = DATA_SAME if el else DATA_LOWER
        assert taken.esr == esr(ec, (WNR if is_write else 0) | PERMISSION | 3)


@pytest.mark.parametrize("level", [1, 2])
def test_hpd_switches_the_tables_limits_off(guest: Guest, level: int) -> None:
    guest.stage1.entries[guest.stage1.slot(USER_VA, level)] |= AP_TABLE_NO_WRITE | AP_TABLE_NO_EL0
    guest.enter(el=0, TCR_EL1=TCR_TWO | 1 << 41)
    guest.board.store(USER_VA, 1)


EXECUTE = [
    # leaf bits, table bits, SCTLR bits, at EL1, at EL0
    (0, 0, 0, True, True),
    (PXN, 0, 0, False, True),
    (UXN, 0, 0, True, False),
    (USER, 0, 0, False, True),  # writable at EL0: never executable at EL1
    (USER | READ_ONLY, 0, 0, True, True),
    (0, PXN_TABLE, 0, False, True),
    (0, UXN_TABLE, 0, True, False),
    (0, 0, SCTLR_WXN, False, True),
    (READ_ONLY, 0, SCTLR_WXN, True, True),
    (USER, 0, SCTLR_WXN, False, False),
    (USER | READ_ONLY, 0, SCTLR_WXN, True, True),
    (0, AP_TABLE_NO_WRITE, SCTLR_WXN, True, True),
    (USER, AP_TABLE_NO_WRITE, 0, True, True),
    (USER, AP_TABLE_NO_EL0, 0, True, True),
]


@pytest.mark.parametrize(("leaf", "table", "sctlr", "at_el1", "at_el0"), EXECUTE)
@pytest.mark.parametrize("el", [0, 1])
def test_execute_permission(
    guest: Guest, leaf: int, table: int, sctlr: int, at_el1: bool, at_el0: bool, el: int
) -> None:
    """Execution at EL0 asks for UXN=0 alone, whether EL0 may read or not."""
    board = guest.board
    board.put(DATA, w.svc(9))
    guest.stage1.map(VA, DATA, NORMAL | leaf)
    guest.stage1.entries[guest.stage1.slot(VA, 2)] |= table
    guest.enter(el=el, SCTLR_EL1=SCTLR | SCTLR_M | sctlr)
    taken = board.takes(w.mov(1, VA), w.br(1))
    if at_el1 if el else at_el0:
        assert taken.esr == esr(0x15, 9)
    else:
        assert (taken.esr, taken.far) == (esr(FETCH_SAME if el else FETCH_LOWER, PERMISSION | 3), VA)


# PAN, UAO, unprivileged accesses.


@pytest.mark.parametrize(
    ("leaf", "sctlr", "faults"),
    [
        (UXN | USER, 0, True),
        (UXN | USER | READ_ONLY, 0, True),
        (UXN, 0, False),
        (0, 0, False),  # EL0 may execute but not read: PAN alone lets it through ...
        (0, EPAN, True),  # ... and EPAN does not
        (UXN, EPAN, False),
    ],
)
def test_pan_denies_el1_what_el0_may_use(guest: Guest, leaf: int, sctlr: int, faults: bool) -> None:
    board = guest.board
    guest.stage1.map(VA, DATA, NORMAL | leaf)
    guest.enter(SCTLR_EL1=SCTLR | SCTLR_M | sctlr)
    board.does(w.msr_immediate("PAN", 1))
    taken = board.execute(w.mov(1, VA), w.ldr(0, 1))
    assert (taken is not None) is faults
    if taken is not None:
        assert taken.esr == esr(DATA_SAME, PERMISSION | 3)
        assert taken.spsr == spsr(1) | PAN


def test_pan_does_not_concern_unprivileged_loads_and_fetches(guest: Guest) -> None:
    board = guest.board
    guest.enter()
    board.does(w.msr_immediate("PAN", 1), w.mov(1, USER_VA), w.ldtr(0, 1), w.sttr(0, 1))


@pytest.mark.parametrize(("word", "wnr"), [(w.ldtr(0, 1), 0), (w.sttr(0, 1), WNR)])
def test_an_unprivileged_access_has_el0s_permissions_and_is_a_fault_of_el1(guest: Guest, word: int, wnr: int) -> None:
    guest.enter()
    taken = guest.board.takes(w.mov(1, VA), word)
    assert (taken.el, taken.offset, taken.esr) == (1, 0x200, esr(DATA_SAME, wnr | PERMISSION | 3))


def test_uao_gives_unprivileged_accesses_el1s_permissions(guest: Guest) -> None:
    guest.enter()
    guest.board.does(w.msr_immediate("UAO", 1), w.mov(1, VA), w.ldtr(0, 1), w.sttr(0, 1))


def test_with_uao_pan_concerns_unprivileged_accesses(guest: Guest) -> None:
    """UAO makes LDTR the same as LDR, PAN included."""
    board = guest.board
    guest.enter()
    board.does(w.msr_immediate("UAO", 1), w.msr_immediate("PAN", 1))
    taken = board.takes(w.mov(1, USER_VA), w.ldtr(0, 1))
    assert taken.esr == esr(DATA_SAME, PERMISSION | 3)
    assert taken.spsr == spsr(1) | PAN | UAO


def test_a_block_at_level_0_is_invalid(board: Board) -> None:
    """4.3: with the 4 KiB granule blocks begin at level 1 (without TCR_ELx.DS)."""
    level0, code = board.page(), Tables(board).map_code(NORMAL).put()
    board.put_tables({level0: code.root | 3, level0 + 8: NORMAL | 1})
    tcr = TCR_TWO & ~0x3F | 64 - 48
    board.enter(1, HCR_EL2=HCR_RW, TCR_EL1=tcr, MAIR_EL1=MAIR, TTBR0_EL1=level0, SCTLR_EL1=SCTLR | SCTLR_M)
    taken = board.load_fault(1 << 39)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, TRANSLATION), 1 << 39)


# Input addresses.


@pytest.mark.parametrize(
    "va", [1 << 39, 0xFFFF_FF7F_FFFF_FFF8, 0x0080_0000_0000_0000, 0x5A00_0001_0000_0000, 0xA5FF_FF80_0000_0000]
)
def test_an_address_outside_both_ranges_is_a_translation_fault_of_level_0(guest: Guest, va: int) -> None:
    guest.enter()
    taken = guest.board.load_fault(va)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, TRANSLATION), va)


def test_with_tbi_a_tag_is_ignored_and_far_has_it(guest: Guest) -> None:
    board = guest.board
    guest.enter(TCR_EL1=TCR_TWO | 1 << 37)
    board.store(0x5A << 56 | VA, 0x77)
    assert board.load(VA) == 0x77
    tagged = 0x5A << 56 | VA + 0x2000
    taken = board.load_fault(tagged)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, TRANSLATION | 3), tagged)


@pytest.mark.parametrize(("tcr", "va"), [(EPD0, VA + 0x20_0000), (1 << 23, HIGH)])
def test_epd_is_a_translation_fault_of_level_0(guest: Guest, tcr: int, va: int) -> None:
    board = guest.board
    guest.enter(TCR_EL1=TCR_TWO | (tcr if va >> 63 else 0))
    if not va >> 63:
        # Code goes on from the TLB, as the manual allows.
        board.does(w.mov(0, TCR_TWO | tcr), w.msr("TCR_EL1", 0), w.ISB)
    taken = board.load_fault(va)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, TRANSLATION), va)


def test_e0pd_keeps_el0_out_of_its_half(guest: Guest) -> None:
    board = guest.board
    guest.enter(el=0, TCR_EL1=TCR_TWO | 1 << 56)
    taken = board.load_fault(HIGH)
    assert taken.esr == esr(DATA_LOWER, TRANSLATION)


def test_with_the_mmu_off_bits_beyond_the_pa_size_are_an_address_size_fault_of_level_0(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    taken = board.load_fault(1 << 52)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, ADDRESS_SIZE), 1 << 52)


# External aborts.

HOLE = 0x2_0000_0000


@pytest.mark.parametrize(("is_write", "wnr"), [(False, 0), (True, WNR)])
def test_an_access_that_nothing_answers_is_a_synchronous_external_abort(board: Board, is_write: bool, wnr: int) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    taken = board.store_fault(HOLE) if is_write else board.load_fault(HOLE)
    assert (taken.el, taken.esr, taken.far) == (1, esr(DATA_SAME, wnr | EXTERNAL), HOLE)


def test_an_unaligned_access_that_nothing_answers_reports_its_own_address(board: Board) -> None:
    tables = Tables(board).map_code(NORMAL)
    tables.map(VA, HOLE, NORMAL | UXN)
    tables.put()
    board.enter(1, HCR_EL2=HCR_RW, TCR_EL1=TCR_TWO, MAIR_EL1=MAIR, TTBR0_EL1=tables.root, SCTLR_EL1=SCTLR | SCTLR_M)
    taken = board.load_fault(VA + 3)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, EXTERNAL), VA + 3)


def test_a_fetch_that_nothing_answers(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    taken = board.takes(w.mov(1, HOLE), w.br(1))
    assert (taken.el, taken.esr, taken.far) == (1, esr(FETCH_SAME, EXTERNAL), HOLE)


@pytest.mark.parametrize(
    ("el", "hcr", "scr", "to", "ec"),
    [
        (0, TGE, OPEN, 2, DATA_LOWER),
        (1, 1 << 37, OPEN, 2, DATA_LOWER),  # TEA
        (2, 0, OPEN, 2, DATA_SAME),
        (1, 0, OPEN | EA, 3, DATA_LOWER),
        (2, 0, OPEN | EA, 3, DATA_LOWER),
        (3, 0, OPEN, 3, DATA_SAME),
    ],
)
def test_where_external_aborts_go(board: Board, el: int, hcr: int, scr: int, to: int, ec: int) -> None:
    board.enter(el, scr=scr, HCR_EL2=HCR_RW | hcr)
    taken = board.load_fault(HOLE)
    assert (taken.el, taken.esr, taken.far) == (to, esr(ec, EXTERNAL), HOLE)


# The other regimes.


@pytest.mark.parametrize(("leaf", "iss"), [(0, None), (READ_ONLY, WNR | PERMISSION | 3)])
def test_el2_has_one_permission_bit_for_data(board: Board, leaf: int, iss: int | None) -> None:
    tables = Tables(board).map_code(NORMAL)
    tables.map(VA, DATA, NORMAL | XN | leaf)
    tables.put()
    board.enter(2, TCR_EL2=TCR_ONE, TTBR0_EL2=tables.root, MAIR_EL2=MAIR, SCTLR_EL2=SCTLR | SCTLR_M)
    taken = board.execute(w.mov(1, VA), w.str_(0, 1))
    assert (None if taken is None else taken.esr) == (None if iss is None else esr(DATA_SAME, iss))
    taken = board.takes(w.mov(1, VA), w.br(1)) if iss is None else None
    assert taken is None or taken.esr == esr(FETCH_SAME, PERMISSION | 3)


def host(board: Board, el: int, hcr: int = E2H | TGE, sctlr: int = SCTLR | SCTLR_M) -> None:
    tables = Tables(board).map_code(NORMAL | USER | READ_ONLY)
    tables.map(VA, DATA, NORMAL | UXN)
    tables.map(USER_VA, DATA + 0x1000, NORMAL | UXN | USER)
    tables.put()
    board.enter(el, HCR_EL2=HCR_RW | hcr, TCR_EL2=TCR_TWO, TTBR0_EL2=tables.root, MAIR_EL2=MAIR, SCTLR_EL2=sctlr)


def test_el0_of_a_host_faults_to_el2_by_el2s_tables(board: Board) -> None:
    host(board, 0)
    board.store(USER_VA, 1)
    taken = board.store_fault(VA)
    assert (taken.el, taken.offset, taken.esr) == (2, 0x400, esr(DATA_LOWER, WNR | PERMISSION | 3))
    assert (taken.far, board.sysreg["FAR_EL1"]) == (VA, 0)


def test_a_host_has_pan(board: Board) -> None:
    host(board, 2)
    board.does(w.msr_immediate("PAN", 1))
    assert board.load_fault(USER_VA).esr == esr(DATA_SAME, PERMISSION | 3)


@pytest.mark.parametrize(("hcr", "faults"), [(E2H | TGE, True), (E2H, False)])
def test_unprivileged_accesses_of_el2_count_as_el0s_only_under_a_host(board: Board, hcr: int, faults: bool) -> None:
    host(board, 2, hcr)
    taken = board.execute(w.mov(1, VA), w.ldtr(0, 1))
    assert (taken is not None) is faults


# Cache maintenance by address: CM=1, WnR=1.


@pytest.mark.parametrize("name", ["DC CVAC", "DC CIVAC", "DC CVAU", "DC IVAC"])
def test_maintenance_of_an_unmapped_address(guest: Guest, name: str) -> None:
    guest.enter()
    taken = guest.board.takes(w.mov(1, VA + 0x2040), w.sys(name, 1))
    assert (taken.esr, taken.far) == (esr(DATA_SAME, CM | WNR | TRANSLATION | 3), VA + 0x2040)


def test_dc_ivac_needs_write_permission_and_dc_cvac_none_at_el1(guest: Guest) -> None:
    board = guest.board
    guest.stage1.map(VA, DATA, NORMAL | UXN | READ_ONLY)
    guest.enter()
    board.does(w.mov(1, VA), w.sys("DC CVAC", 1), w.sys("DC CIVAC", 1))
    taken = board.takes(w.mov(1, VA), w.sys("DC IVAC", 1))
    assert taken.esr == esr(DATA_SAME, CM | WNR | PERMISSION | 3)


def test_maintenance_at_el0_needs_read_permission(guest: Guest) -> None:
    board = guest.board
    guest.enter(el=0, SCTLR_EL1=SCTLR | SCTLR_M | 1 << 26)
    board.does(w.mov(1, USER_VA), w.sys("DC CVAC", 1))
    taken = board.takes(w.mov(1, VA), w.sys("DC CVAC", 1))
    assert (taken.el, taken.esr) == (1, esr(DATA_LOWER, CM | WNR | PERMISSION | 3))


# An access that crosses into a page that faults: FAR is the first byte that does.


def test_far_of_an_access_across_pages_is_the_first_byte_that_faults(guest: Guest) -> None:
    guest.stage1.map(VA + 0x3000, DATA, NORMAL | UXN)
    guest.enter()
    taken = guest.board.load_fault(VA + 0x3FFC)
    assert (taken.esr, taken.far) == (esr(DATA_SAME, TRANSLATION | 3), VA + 0x4000)


def test_nothing_is_stored_by_such_an_access(guest: Guest) -> None:
    guest.stage1.map(VA + 0x3000, DATA, NORMAL | UXN)
    guest.enter()
    board = guest.board
    taken = board.takes(w.mov(1, VA + 0x3FFC), w.mov(0, 0xFFFF_FFFF_FFFF_FFFF), w.str_(0, 1))
    assert taken.far == VA + 0x4000
    assert board.machine.read(DATA + 0xFFC, 4) == bytes(4)


def test_access_flag_comes_before_permission(guest: Guest) -> None:
    guest.stage1.map(VA, DATA, INNER | UXN | READ_ONLY)
    guest.enter()
    assert guest.board.store_fault(VA).esr == esr(DATA_SAME, WNR | ACCESS_FLAG | 3)
