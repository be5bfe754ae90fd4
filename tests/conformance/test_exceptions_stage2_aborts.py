"""Aborts of stage 2: ISV syndromes, IPA in HPFAR_EL2, S1PTW, permissions (mec-reference.md 4.7, 4.11)."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, DC, HCR_RW, SCTLR, Board, esr, spsr
from tests.conformance.guest import IPA, USER_IPA, USER_VA, VA, Guest
from tests.conformance.tables import (
    AF,
    INNER,
    NORMAL,
    NS_LEAF,
    S2_DEVICE,
    S2_READ,
    S2_RW,
    S2_WB,
    S2_WRITE,
    S2_XN,
    S2_XN_EL0,
    S2_XN_EL1,
    UXN,
    VTCR,
)

FETCH, ABORT = 0x20, 0x24
ISV, SSE, SF, AR, CM, S1PTW, WNR = 1 << 24, 1 << 21, 1 << 15, 1 << 14, 1 << 8, 1 << 7, 1 << 6
ADDRESS_SIZE, TRANSLATION, ACCESS_FLAG, PERMISSION, ALIGNMENT = 0b000000, 0b000100, 0b001000, 0b001100, 0b100001
EXTERNAL, EXTERNAL_WALK = 0b010000, 0b010100
BYTE, HALF, WORD, DOUBLE = (size << 22 for size in range(4))


def hpfar(ipa: int) -> int:
    """FIPA [47:4] is IPA[55:12]."""
    return ipa >> 12 << 4


def srt(number: int) -> int:
    return number << 16


@pytest.fixture
def guest(board: Board) -> Guest:
    return Guest(board)


def unmap(guest: Guest, ipa: int = IPA) -> None:
    guest.stage2.entries[guest.stage2.slot(ipa, 3)] = 0


SYNDROMES = [
    (w.ldr(3, 1), ISV | DOUBLE | srt(3) | SF),
    (w.str_(3, 1), ISV | DOUBLE | srt(3) | SF | WNR),
    (w.str_(w.XZR, 1), ISV | DOUBLE | srt(31) | SF | WNR),
    (w.ldr(w.XZR, 1), ISV | DOUBLE | srt(31) | SF),
    (w.ldr_w(3, 1), ISV | WORD | srt(3)),
    (w.ldrh(30, 1), ISV | HALF | srt(30)),
    (w.ldrb(3, 1), ISV | BYTE | srt(3)),
    (w.strb(3, 1), ISV | BYTE | srt(3) | WNR),
    (w.ldrsb_x(3, 1), ISV | BYTE | SSE | srt(3) | SF),
    (w.ldrsb_w(3, 1), ISV | BYTE | SSE | srt(3)),
    (w.ldrsw(3, 1), ISV | WORD | SSE | srt(3) | SF),
    (w.ldr_register(3, 1, 31), ISV | DOUBLE | srt(3) | SF),
    (w.ldur(3, 1, 0), ISV | DOUBLE | srt(3) | SF),
    (w.ldar(3, 1), ISV | DOUBLE | srt(3) | SF | AR),
    (w.stlr(3, 1), ISV | DOUBLE | srt(3) | SF | AR | WNR),
    # Pairs, writeback and exclusives have no syndrome.
    (w.ldp(3, 4, 1), 0),
    (w.ldr_post(3, 1, 8), 0),
    (w.ldxr(3, 1), 0),
    (w.sys("DC ZVA", 1), WNR),
    (w.sys("DC CVAC", 1), CM | WNR),
    (w.sys("DC IVAC", 1), CM | WNR),
]


@pytest.mark.parametrize(("word", "iss"), SYNDROMES)
def test_the_syndrome_describes_the_instruction(guest: Guest, word: int, iss: int) -> None:
    unmap(guest)
    guest.enter()
    taken = guest.board.takes(w.mov(1, VA + 0x20), word)
    assert (taken.el, taken.offset, taken.esr) == (2, 0x400, esr(ABORT, iss | TRANSLATION | 3))
    assert (taken.far, taken.spsr) == (VA + 0x20, spsr(1))
    assert guest.board.sysreg["HPFAR_EL2"] == hpfar(IPA)


@pytest.mark.parametrize(("word", "iss"), [(w.ldtr(3, 1), 0), (w.sttr(3, 1), WNR)])
def test_unprivileged_accesses_have_a_syndrome(guest: Guest, word: int, iss: int) -> None:
    unmap(guest, USER_IPA)
    guest.enter()
    taken = guest.board.takes(w.mov(1, USER_VA), word)
    assert taken.esr == esr(ABORT, ISV | DOUBLE | srt(3) | SF | iss | TRANSLATION | 3)


def test_el0_has_the_same_syndrome(guest: Guest) -> None:
    unmap(guest, USER_IPA)
    guest.enter(el=0)
    taken = guest.board.takes(w.mov(1, USER_VA + 8), w.ldr(3, 1))
    assert (taken.el, taken.offset) == (2, 0x400)
    assert taken.esr == esr(ABORT, ISV | DOUBLE | srt(3) | SF | TRANSLATION | 3)
    assert (taken.far, taken.spsr, guest.board.sysreg["HPFAR_EL2"]) == (USER_VA + 8, spsr(0), hpfar(USER_IPA))


def test_a_fetch_has_none(guest: Guest) -> None:
    unmap(guest)
    guest.enter()
    taken = guest.board.takes(w.mov(1, VA + 0x20), w.br(1))
    assert (taken.el, taken.esr) == (2, esr(FETCH, TRANSLATION | 3))
    assert (taken.far, taken.elr, guest.board.sysreg["HPFAR_EL2"]) == (VA + 0x20, VA + 0x20, hpfar(IPA))


# Kind and level.


def break_invalid(guest: Guest, level: int) -> int:
    guest.stage2.entries[guest.stage2.slot(IPA, level)] = 0
    return TRANSLATION | level


def break_access_flag(guest: Guest, level: int) -> int:
    guest.stage2.map(IPA, DATA if level == 3 else IPA, S2_RW & ~AF, level)
    return ACCESS_FLAG | level


def break_output_size(guest: Guest, level: int) -> int:
    guest.stage2.map(IPA, 1 << 36, S2_RW, level)
    return ADDRESS_SIZE | level


def break_write(guest: Guest, level: int) -> int:
    guest.stage2.map(IPA, DATA if level == 3 else IPA, S2_RW & ~S2_WRITE, level)
    return PERMISSION | level


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("breaks", [break_invalid, break_access_flag, break_output_size, break_write])
def test_kind_and_level(guest: Guest, breaks: object, level: int) -> None:
    status = breaks(guest, level)
    guest.enter()
    taken = guest.board.takes(w.mov(1, VA + 8), w.str_(3, 1))
    assert (taken.el, taken.offset) == (2, 0x400)
    assert taken.esr == esr(ABORT, ISV | DOUBLE | srt(3) | SF | WNR | status)
    assert taken.far == VA + 8
    if breaks is not break_write:  # HPFAR_EL2 is UNKNOWN for a Permission fault that is not on a walk
        assert guest.board.sysreg["HPFAR_EL2"] == hpfar(IPA)


def test_an_intermediate_address_beyond_t0sz_is_a_translation_fault_of_level_0(guest: Guest) -> None:
    guest.stage1.map(VA, 0x8_0000_0000, NORMAL | UXN)
    guest.enter(VTCR_EL2=VTCR & ~0x3F | 64 - 35)
    taken = guest.board.load_fault(VA)
    assert taken.esr == esr(ABORT, ISV | DOUBLE | SF | TRANSLATION)
    assert guest.board.sysreg["HPFAR_EL2"] == hpfar(0x8_0000_0000)


@pytest.mark.parametrize("sl0", [0, 2, 3])
def test_a_start_level_that_does_not_fit_is_a_translation_fault_of_level_0(guest: Guest, sl0: int) -> None:
    """4.3: 39 bits need SL0=1 with the 4 KiB granule. The first fetch faults."""
    board = guest.board
    board.put(CODE, w.NOP)
    guest.enter(VTCR_EL2=VTCR & ~0xC0 | sl0 << 6)
    taken = board.takes(w.NOP)
    assert (taken.el, taken.esr, taken.far) == (2, esr(FETCH, S1PTW | TRANSLATION), CODE)
    assert board.sysreg["HPFAR_EL2"] == hpfar(guest.stage1.root)


# Permissions.


@pytest.mark.parametrize(
    ("s2ap", "reads", "writes"),
    [(0, False, False), (S2_READ, True, False), (S2_WRITE, False, True), (S2_READ | S2_WRITE, True, True)],
)
@pytest.mark.parametrize("is_write", [False, True])
def test_s2ap(guest: Guest, s2ap: int, reads: bool, writes: bool, is_write: bool) -> None:
    guest.stage2.map(IPA, DATA, S2_WB | INNER | AF | s2ap)
    guest.enter()
    taken = guest.board.execute(w.mov(1, VA), w.str_(3, 1) if is_write else w.ldr(3, 1))
    if writes if is_write else reads:
        assert taken is None
    else:
        assert taken is not None
        assert taken.esr == esr(ABORT, ISV | DOUBLE | srt(3) | SF | (WNR if is_write else 0) | PERMISSION | 3)


@pytest.mark.parametrize(
    ("xn", "at_el1", "at_el0"),
    [(0, True, True), (S2_XN_EL1, False, True), (S2_XN, False, False), (S2_XN_EL0, True, False)],
)
@pytest.mark.parametrize("el", [0, 1])
def test_xn_of_stage_2(guest: Guest, xn: int, at_el1: bool, at_el0: bool, el: int) -> None:
    """FEAT_XNX: 00 everywhere, 01 EL0 alone, 10 nowhere, 11 EL1 alone."""
    board = guest.board
    board.put(DATA, w.svc(9))
    guest.stage1.map(VA, IPA, NORMAL)
    guest.stage2.map(IPA, DATA, S2_RW | xn)
    guest.enter(el=el)
    taken = board.takes(w.mov(1, VA), w.br(1))
    if at_el1 if el else at_el0:
        assert (taken.el, taken.esr) == (1, esr(0x15, 9))
    else:
        assert (taken.el, taken.esr, taken.far) == (2, esr(FETCH, PERMISSION | 3), VA)


def test_stage_1_faults_come_first_and_go_to_el1(guest: Guest) -> None:
    unmap(guest)
    guest.stage1.map(VA, IPA, NORMAL | UXN | 1 << 7)
    guest.enter()
    taken = guest.board.store_fault(VA)
    assert (taken.el, taken.offset, taken.esr) == (1, 0x200, esr(0x25, WNR | PERMISSION | 3))


# Stage 1 tables through stage 2.


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize(("word", "wnr"), [(w.ldr(3, 1), 0), (w.str_(3, 1), WNR)])
def test_a_stage_1_table_that_stage_2_does_not_map(guest: Guest, level: int, word: int, wnr: int) -> None:
    """No syndrome: the fault is on the walk. HPFAR_EL2 holds the table's intermediate address."""
    board = guest.board
    table = guest.table_ipa(guest.stage1.slot(VA, level))
    unmap(guest, table)
    guest.enter()
    taken = board.takes(w.mov(1, VA), word)
    assert (taken.el, taken.offset) == (2, 0x400)
    assert taken.esr == esr(ABORT, S1PTW | wnr | TRANSLATION | 3)
    assert (taken.far, board.sysreg["HPFAR_EL2"]) == (VA, hpfar(table))


def test_a_first_table_that_stage_2_does_not_map(guest: Guest) -> None:
    guest.enter(TTBR0_EL1=0x7_0000_0000)
    taken = guest.board.takes(w.NOP)
    assert (taken.el, taken.esr) == (2, esr(FETCH, S1PTW | TRANSLATION | 1))
    assert (taken.far, taken.elr, guest.board.sysreg["HPFAR_EL2"]) == (CODE, CODE, hpfar(0x7_0000_0000))


def test_a_stage_1_table_without_read_permission_is_a_permission_fault_with_its_address(guest: Guest) -> None:
    board = guest.board
    table = guest.table_ipa(guest.stage1.slot(VA, 3))
    page = guest.stage2.entries[guest.stage2.slot(table, 3)] & 0xFFFF_FFFF_F000
    guest.stage2.map(table, page, S2_WB | INNER | AF | S2_WRITE)
    guest.enter()
    taken = board.load_fault(VA)
    assert taken.esr == esr(ABORT, S1PTW | PERMISSION | 3)
    assert board.sysreg["HPFAR_EL2"] == hpfar(table)


@pytest.mark.parametrize(("hcr", "faults"), [(0, False), (1 << 2, True)])
def test_ptw_forbids_tables_in_device_memory(guest: Guest, hcr: int, faults: bool) -> None:
    board = guest.board
    table = guest.table_ipa(guest.stage1.slot(VA, 3))
    page = guest.stage2.entries[guest.stage2.slot(table, 3)] & 0xFFFF_FFFF_F000
    guest.stage2.map(table, page, S2_DEVICE | AF | S2_READ | S2_WRITE)
    guest.enter(hcr=hcr)
    taken = board.execute(w.mov(1, VA), w.ldr(0, 1))
    assert (None if taken is None else taken.esr) == (esr(ABORT, S1PTW | PERMISSION | 3) if faults else None)


def test_ptw_means_nothing_without_stage_2(guest: Guest) -> None:
    guest.is_stage2_on = False
    guest.stage1.map(VA, DATA, NORMAL | UXN)
    guest.enter(hcr=1 << 2)
    guest.board.load(VA)


def test_a_stage_2_table_where_nothing_answers(guest: Guest) -> None:
    """A synchronous external abort on a stage 2 walk is reported with the level of stage 2, at EL2."""
    board = guest.board
    guest.stage2.entries[guest.stage2.slot(IPA, 2)] = 0x2_0000_0000 | 3
    guest.enter()
    taken = board.takes(w.mov(1, VA), w.ldp(0, 3, 1))
    assert (taken.el, taken.esr, taken.far) == (2, esr(ABORT, EXTERNAL_WALK | 3), VA)


# Alignment through stage 2.


def test_device_memory_of_stage_2_forbids_unaligned_accesses(guest: Guest) -> None:
    guest.stage2.map(IPA, DATA, S2_DEVICE | AF | S2_READ | S2_WRITE)
    guest.enter()
    taken = guest.board.takes(w.mov(1, VA + 1), w.ldp(0, 3, 1))
    assert taken.esr & 0x3F == ALIGNMENT
    assert taken.far == VA + 1


# Stage 1 off.


def test_with_stage_1_off_the_address_is_the_intermediate_one(guest: Guest) -> None:
    unmap(guest, 0x5_0000_0000)
    guest.enter(SCTLR_EL1=SCTLR)
    board = guest.board
    taken = board.takes(w.mov(1, 0x5_0000_0010), w.ldr(3, 1))
    assert taken.esr == esr(ABORT, ISV | DOUBLE | srt(3) | SF | TRANSLATION | 3)
    assert (taken.far, board.sysreg["HPFAR_EL2"]) == (0x5_0000_0010, hpfar(0x5_0000_0000))


def test_hcr_dc_switches_stage_1_off_and_stage_2_on(guest: Guest) -> None:
    guest.enter(hcr=DC, HCR_EL2=HCR_RW | DC)
    board = guest.board
    board.store(IPA + 1, 0x1122)  # unaligned: the memory is Normal
    assert board.machine.read(DATA + 1, 2) == bytes.fromhex("2211")
    taken = board.takes(w.mov(1, 0x5_0000_0010), w.ldr(3, 1))
    assert (taken.el, board.sysreg["HPFAR_EL2"]) == (2, hpfar(0x5_0000_0000))


# Secure state: HPFAR_EL2.NS names the space of the intermediate address.


@pytest.mark.parametrize(("leaf", "ns"), [(0, 0), (NS_LEAF, 1 << 63)])
def test_hpfar_ns_in_secure_state(guest: Guest, leaf: int, ns: int) -> None:
    guest.stage1.map(VA, 0x5_0000_0000, NORMAL | UXN | leaf)
    guest.enter(security=Security.SECURE)
    board = guest.board
    taken = board.takes(w.mov(1, VA), w.ldr(3, 1))
    assert (taken.el, taken.esr) == (2, esr(ABORT, ISV | DOUBLE | srt(3) | SF | TRANSLATION | 1))
    assert board.sysreg["HPFAR_EL2"] == ns | hpfar(0x5_0000_0000)


@pytest.mark.parametrize("security", [Security.NON_SECURE, Security.REALM])
def test_hpfar_ns_is_0_in_the_other_states(guest: Guest, security: Security) -> None:
    unmap(guest)
    guest.enter(security=security)
    guest.board.load_fault(VA)
    assert guest.board.sysreg["HPFAR_EL2"] == hpfar(IPA)


# AT at EL1 whose table stage 2 refuses: a real exception, CM=1 and WnR=1 (4.12).


def test_an_at_whose_table_stage_2_refuses_is_an_abort_at_el2(guest: Guest) -> None:
    board = guest.board
    table = guest.table_ipa(guest.stage1.slot(VA, 3))
    unmap(guest, table)
    guest.enter()
    taken = board.takes(w.mov(1, VA), w.sys("AT S1E1R", 1))
    assert (taken.el, taken.esr, taken.far) == (2, esr(ABORT, CM | S1PTW | WNR | TRANSLATION | 3), VA)
    assert board.sysreg["HPFAR_EL2"] == hpfar(table)


def test_an_at_of_stage_1_does_not_ask_stage_2_about_its_result(guest: Guest) -> None:
    board = guest.board
    unmap(guest)
    guest.enter()
    board.does(w.mov(1, VA), w.sys("AT S1E1R", 1), w.mrs(0, "PAR_EL1"))
    assert board.x[0] & 0x00FF_FFFF_FFFF_F001 == IPA


def test_an_at_of_both_stages_reports_stage_2_in_par(guest: Guest) -> None:
    board = guest.board
    unmap(guest)
    guest.enter()
    board.cpu.pc = CODE
    board.takes(w.hvc(0))
    board.does(w.mov(1, VA), w.sys("AT S12E1R", 1), w.mrs(0, "PAR_EL1"))
    # F, FST, S=1, and bit 11, which is RES1.
    assert board.x[0] & 0xFFFF == 1 | (TRANSLATION | 3) << 1 | 1 << 9 | 1 << 11
