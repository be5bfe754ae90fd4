"""Breakpoints and watchpoints of the guest (Arm ARM D2.8, D2.9): what matches, and the exceptions they take."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, E2H, EEL2, HCR_RW, OPEN, TGE, UCI, Board, esr, spsr
from tests.conformance.words import SP as ZERO

NS, REALM, SECURE = Security.NON_SECURE, Security.REALM, Security.SECURE
BREAKPOINT, WATCHPOINT, FSC = 0x30, 0x34, 0b100010
MDE, KDE, TDE = 1 << 15, 1 << 13, 1 << 8
D = 1 << 9
ON, HMC, SSCE = 1, 1 << 13, 1 << 29
EL1, EL0, BOTH = 1 << 1, 2 << 1, 3 << 1
WNR, CM = 1 << 6, 1 << 8


def ssc(value: int) -> int:
    return value << 14


def bt(value: int) -> int:
    return value << 20


def lbn(value: int) -> int:
    return value << 16


def bas(value: int) -> int:
    return value << 5


LOADS, STORES = 1 << 3, 2 << 3


def enter(board: Board, el: int = 0, security: Security = NS, **registers: int) -> None:
    """Enter a level with debug exceptions open to EL1 and to the level itself."""
    quiet = {f"DBG{kind}CR{n}_EL1": 0 for kind, count in (("B", 6), ("W", 4)) for n in range(count)}
    base = {"OSLAR_EL1": 0, "OSDLR_EL1": 0, "MDCR_EL2": 0, "MDCR_EL3": 0, "MDSCR_EL1": MDE | KDE, "HCR_EL2": HCR_RW}
    scr = registers.pop("scr", OPEN)
    board.enter(el, security, scr=scr, **(quiet | base | {"SPSR_EL3": spsr(el) & ~D} | registers))


# Breakpoints.


@pytest.mark.parametrize("number", range(6))
def test_an_address_matches(board: Board, number: int) -> None:
    enter(board, **{f"DBGBVR{number}_EL1": CODE + 8, f"DBGBCR{number}_EL1": ON | EL0}, FAR_EL1=0x77)
    taken = board.takes(w.NOP, w.NOP, w.mov(0, 1))
    assert (taken.el, taken.offset) == (1, 0x400)
    assert (taken.esr, taken.elr, taken.far) == (esr(BREAKPOINT, FSC), CODE + 8, 0x77)
    assert board.x[0] == 0


@pytest.mark.parametrize(
    ("registers", "matches"),
    [
        ({"DBGBCR0_EL1": EL0}, False),
        ({"MDSCR_EL1": KDE}, False),
        ({"OSLAR_EL1": 1}, False),
        ({"DBGBCR0_EL1": ON | EL1}, False),
        ({"DBGBCR0_EL1": ON | BOTH}, True),
        ({"DBGBVR0_EL1": CODE + 0x100}, False),
        ({"DBGBVR0_EL1": (CODE + 4) | 1 << 63}, True),  # bits [63:49] are not compared
    ],
)
def test_what_it_takes(board: Board, registers: dict[str, int], matches: bool) -> None:
    enter(board, **({"DBGBVR0_EL1": CODE + 4, "DBGBCR0_EL1": ON | EL0} | registers))
    assert (board.execute(w.NOP, w.NOP, w.NOP) is not None) == matches


# The rows of the table of SSCE, HMC, SSC and PMC: levels of each state that match.
STATES = [
    (0, 0, 0, 1, {(NS, 1), (SECURE, 1), (REALM, 1)}),
    (0, 0, 0, 2, {(NS, 0), (SECURE, 0), (REALM, 0)}),
    (0, 0, 0, 3, {(NS, 0), (SECURE, 0), (REALM, 0), (NS, 1), (SECURE, 1), (REALM, 1)}),
    (0, 0, 1, 3, {(NS, 0), (NS, 1)}),
    (0, 0, 2, 1, {(SECURE, 1)}),
    (0, 0, 3, 0, {(SECURE, 2)}),
    (0, 0, 3, 1, {(SECURE, 1), (SECURE, 2)}),
    (0, 1, 0, 1, {(NS, 1), (SECURE, 1), (REALM, 1), (NS, 2), (SECURE, 2), (REALM, 2)}),
    (0, 1, 1, 0, {(NS, 2)}),
    (0, 1, 1, 3, {(NS, 0), (NS, 1), (NS, 2)}),
    (0, 1, 2, 0, set()),  # EL3 alone
    (0, 1, 2, 1, {(SECURE, 1), (SECURE, 2)}),
    (0, 1, 3, 0, {(NS, 2), (SECURE, 2), (REALM, 2)}),
    (1, 0, 1, 1, {(REALM, 1)}),
    (1, 0, 1, 3, {(REALM, 0), (REALM, 1)}),
    (1, 1, 1, 0, {(REALM, 2)}),
    (1, 1, 1, 3, {(REALM, 0), (REALM, 1), (REALM, 2)}),
    (0, 0, 0, 0, set()),  # reserved from here on
    (0, 0, 3, 2, set()),
    (0, 1, 0, 2, set()),
    (1, 0, 0, 3, set()),
    (1, 0, 1, 0, set()),
]


@pytest.mark.parametrize(("ssce", "hmc", "state", "levels", "expected"), STATES)
def test_the_states_in_which_they_match(
    board: Board, ssce: int, hmc: int, state: int, levels: int, expected: set[tuple[Security, int]]
) -> None:
    control = ON | levels << 1 | (HMC if hmc else 0) | (SSCE if ssce else 0) | ssc(state)
    for security in (NS, SECURE, REALM):
        for el in (0, 1, 2):
            scr = OPEN | EEL2
            enter(board, el, security, scr=scr, MDCR_EL2=TDE, DBGBVR5_EL1=CODE, DBGBCR5_EL1=control)
            taken = board.execute(w.NOP, w.NOP)
            assert (taken is not None) == ((security, el) in expected), (security, el)
            if taken is not None:
                assert (taken.el, taken.ec) == (2, BREAKPOINT + int(el == 2))
            enter(board, el, security, scr=scr, MDCR_EL2=TDE, DBGWVR3_EL1=DATA, DBGWCR3_EL1=control | bas(0xFF) | LOADS)
            board.x[1] = DATA
            taken = board.execute(w.ldr(0, 1), w.NOP)
            assert (taken is not None) == ((security, el) in expected), (security, el)


@pytest.mark.parametrize(
    ("kind", "value", "el", "registers", "matches"),
    [
        (2, 0x1234, 0, {}, True),
        (2, 0x1235, 0, {}, False),
        (2, 0x5678, 2, {"HCR_EL2": HCR_RW | E2H}, True),
        (2, 0x5678, 0, {"HCR_EL2": HCR_RW | E2H | TGE}, True),
        (2, 0x5678, 2, {}, False),
        (6, 0x1234, 1, {}, True),
        (6, 0x1234, 0, {"HCR_EL2": HCR_RW | E2H | TGE}, False),
        (8, 0x42 << 32, 1, {}, True),
        (8, 0x43 << 32, 1, {}, False),
        (8, 0x42 << 32, 0, {"HCR_EL2": HCR_RW | E2H | TGE}, False),
        (8, 0x142 << 32, 1, {}, True),  # an 8-bit VMID
        (8, 0x142 << 32, 1, {"VTCR_EL2": 1 << 19}, False),
        (10, 0x42 << 32 | 0x1234, 1, {}, True),
        (10, 0x42 << 32 | 0x1235, 1, {}, False),
        (12, 0x5678 << 32, 1, {}, True),
        (12, 0x5679 << 32, 1, {}, False),
        (14, 0x5678 << 32 | 0x1234, 1, {}, True),
        (14, 0x5678 << 32 | 0x1235, 1, {}, False),
        (3, 0x1234, 1, {}, False),  # only there to be linked to
        (4, CODE, 1, {}, False),  # AArch32's
    ],
)
def test_contexts(board: Board, kind: int, value: int, el: int, registers: dict[str, int], matches: bool) -> None:
    control = ON | BOTH | HMC | ssc(1) | bt(kind)
    contexts = {"CONTEXTIDR_EL1": 0x1234, "CONTEXTIDR_EL2": 0x5678, "VTTBR_EL2": 0x42 << 48}
    enter(board, el, **(contexts | {"MDCR_EL2": TDE, "DBGBVR4_EL1": value, "DBGBCR4_EL1": control} | registers))
    assert (board.execute(w.NOP, w.NOP) is not None) == matches
    enter(board, el, **(contexts | {"MDCR_EL2": TDE, "DBGBVR3_EL1": value, "DBGBCR3_EL1": control} | registers))
    assert board.execute(w.NOP, w.NOP) is None  # breakpoint 3 compares no contexts


@pytest.mark.parametrize(("context", "link", "matches"), [(0x1234, 5, True), (0x99, 5, False), (0x1234, 4, False)])
def test_links(board: Board, context: int, link: int, matches: bool) -> None:
    linked = {"DBGBVR5_EL1": 0x1234, "DBGBCR5_EL1": ON | bt(3)}
    enter(board, 1, CONTEXTIDR_EL1=context, DBGBVR0_EL1=CODE, DBGBCR0_EL1=ON | EL1 | bt(1) | lbn(link), **linked)
    assert (board.execute(w.NOP, w.NOP) is not None) == matches
    watch = ON | EL1 | bas(0xFF) | LOADS | 1 << 20 | lbn(link)
    enter(board, 1, CONTEXTIDR_EL1=context, DBGWVR0_EL1=DATA, DBGWCR0_EL1=watch, **linked)
    board.x[1] = DATA
    assert (board.execute(w.ldr(0, 1), w.NOP) is not None) == matches


def test_priorities(board: Board) -> None:
    """A software step comes before a breakpoint, an abort of the fetch too, an illegal state after it."""
    armed = {"DBGBVR0_EL1": CODE, "DBGBCR0_EL1": ON | EL0}
    enter(board, **armed, MDSCR_EL1=MDE | KDE | 1)
    assert board.takes(w.NOP, w.NOP).ec == 0x32
    enter(board, **armed, SPSR_EL3=spsr(0) & ~D | 1 << 20)
    taken = board.takes(w.NOP)
    assert (taken.ec, taken.spsr) == (BREAKPOINT, spsr(0) & ~D | 1 << 20)


# Watchpoints.


@pytest.mark.parametrize(
    ("word", "value", "control", "far", "write"),
    [
        (w.ldr(0, 1), DATA, bas(0xFF) | LOADS, DATA, 0),
        (w.str_(0, 1), DATA, bas(0xFF) | STORES, DATA, WNR),
        (w.str_(0, 1), DATA, bas(0xFF) | LOADS, None, 0),
        (w.ldr(0, 1), DATA, bas(0xFF) | STORES, None, 0),
        (w.ldr(0, 1), DATA, bas(0xFF) | LOADS | STORES, DATA, 0),
        (w.ldr(0, 1), DATA, bas(0x10) | LOADS, DATA + 4, 0),
        (w.ldr_w(0, 1), DATA, bas(0x10) | LOADS, None, 0),
        (w.ldr(0, 1), DATA + 4, bas(0x1) | LOADS, DATA + 4, 0),  # an address of words: BAS[3:0]
        (w.ldr(0, 1), DATA + 4, bas(0x10) | LOADS, None, 0),
        (w.ldr(0, 1), DATA + 8, bas(0xFF) | LOADS, None, 0),
        (w.ldr(0, 1, 64), DATA, bas(0xFF) | LOADS | 7 << 24, DATA + 64, 0),
        (w.ldr(0, 1, 128), DATA, bas(0xFF) | LOADS | 7 << 24, None, 0),
        (w.ldr(0, 1), DATA, bas(0x0F) | LOADS | 7 << 24, None, 0),  # reserved
        (w.ldp(0, 2, 1), DATA + 8, bas(0xFF) | LOADS, DATA + 8, 0),
        (0xF820_0020, DATA, bas(0xFF) | LOADS, DATA, 0),  # LDADD X0, X0, [X1]: the read is what is told
        (0xF820_0020, DATA, bas(0xFF) | LOADS | STORES, DATA, 0),
        (0xF820_0020, DATA, bas(0xFF) | STORES, DATA, WNR),
        (0xD50B_7A21, DATA, bas(0xFF) | LOADS | STORES, None, 0),  # DC CVAC, X1
    ],
)
def test_accesses(board: Board, word: int, value: int, control: int, far: int | None, write: int) -> None:
    sctlr = UCI | 1 << 16 | 1 << 18
    enter(board, 0, DBGWVR1_EL1=value, DBGWCR1_EL1=ON | EL0 | control, SCTLR_EL1=sctlr)
    board.x[1] = DATA
    board.x[0] = 5
    kept = board.machine.read(DATA, 256)
    taken = board.execute(word, w.NOP)
    if far is None:
        assert taken is None, taken
        return
    assert taken is not None
    assert (taken.el, taken.esr) == (1, esr(WATCHPOINT, FSC | write))
    assert (taken.far, taken.elr) == (far, CODE)
    assert (board.x[0], board.machine.read(DATA, 256)) == (5, kept)


def test_cache_invalidation_is_a_store(board: Board) -> None:
    enter(board, 1, DBGWVR1_EL1=DATA, DBGWCR1_EL1=ON | EL1 | bas(0xFF) | STORES)
    board.x[1] = DATA
    assert board.takes(w.sys("DC IVAC", 1), w.NOP).esr == esr(WATCHPOINT + 1, FSC | WNR | CM)


def test_an_unprivileged_access_counts_as_el0s(board: Board) -> None:
    for level, matches in ((EL0, True), (EL1, False)):
        enter(board, 1, DBGWVR1_EL1=DATA, DBGWCR1_EL1=ON | level | bas(0xFF) | LOADS)
        board.x[1] = DATA
        assert (board.execute(w.ldtr(0, 1), w.NOP) is not None) == matches


def test_a_fault_comes_before_a_watchpoint(board: Board) -> None:
    enter(board, 1, DBGWVR1_EL1=0x7000_0000, DBGWCR1_EL1=ON | EL1 | bas(0xFF) | LOADS, SCTLR_EL1=1 << 1)
    board.x[1] = 0x7000_0001
    assert board.takes(w.ldr(0, 1), w.NOP).ec == 0x25


def test_the_control_registers_keep_what_exists(board: Board) -> None:
    enter(board, 1)
    board.does(w.mov(0, (1 << 64) - 1), w.msr("MDSCR_EL1", ZERO))
    board.x[0] = (1 << 64) - 1
    board.does(w.msr("DBGBCR0_EL1", 0), w.mrs(1, "DBGBCR0_EL1"), w.msr("DBGWCR0_EL1", 0), w.mrs(2, "DBGWCR0_EL1"))
    assert board.x[1] == SSCE | bt(15) | lbn(15) | ssc(3) | HMC | bas(0xF) | BOTH | ON
    assert board.x[2] == 0x1F << 24 | SSCE | 1 << 20 | lbn(15) | ssc(3) | HMC | bas(0xFF) | 3 << 3 | BOTH | ON


# The other registers of self-hosted debug.


def test_claim_tags(board: Board) -> None:
    enter(board, 1)
    board.does(w.mov(0, 0x1A5), w.msr("DBGCLAIMSET_EL1", 0), w.mov(0, 0x21), w.msr("DBGCLAIMCLR_EL1", 0),
               w.mrs(1, "DBGCLAIMSET_EL1"), w.mrs(2, "DBGCLAIMCLR_EL1"))  # fmt: skip
    assert (board.x[1], board.x[2]) == (0xFF, 0x84)


def test_a_word_for_a_debugger_stays_in_the_channel(board: Board) -> None:
    enter(board, 0)
    board.does(w.mrs(1, "MDCCSR_EL0"), w.msr("DBGDTRTX_EL0", 0), w.mrs(2, "MDCCSR_EL0"))
    assert (board.x[1], board.x[2]) == (0, 1 << 29)


def syndrome(name: str, is_read: bool) -> int:
    op0, op1, crn, crm, op2 = w.register_of(name)
    return esr(0x18, op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 5 << 5 | crm << 1 | int(is_read))


TDA, TDOSA, TDRA, TDCC = 1 << 9, 1 << 10, 1 << 11, 1 << 27
GROUPS = [
    ("MDSCR_EL1", TDA, TDA), ("DBGBVR0_EL1", TDA, TDA), ("DBGWCR0_EL1", TDA, TDA), ("DBGCLAIMSET_EL1", TDA, TDA),
    ("OSECCR_EL1", TDA, TDA), ("OSLSR_EL1", TDOSA, TDOSA), ("OSDLR_EL1", TDOSA, TDOSA), ("DBGPRCR_EL1", TDOSA, TDOSA),
    ("MDRAR_EL1", TDRA, TDA), ("MDCCINT_EL1", TDA, TDA), ("MDCCINT_EL1", TDCC, TDCC),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mdcr2", "mdcr3"), GROUPS)
def test_traps_of_debug_registers(board: Board, name: str, mdcr2: int, mdcr3: int) -> None:
    everything = TDA | TDOSA | TDRA | TDCC
    for control in (mdcr2, TDE):
        enter(board, 1, MDCR_EL2=control)
        taken = board.takes(w.mrs(5, name), w.NOP)
        assert (taken.el, taken.esr) == (2, syndrome(name, True))
    also = TDA if name == "MDCCINT_EL1" else 0
    enter(board, 1, MDCR_EL2=everything & ~mdcr2 & ~also & ~(TDCC if also else 0), MDCR_EL3=0)
    board.does(w.mrs(5, name))
    for el in (1, 2):
        enter(board, el, MDCR_EL3=mdcr3)
        taken = board.takes(w.mrs(5, name), w.NOP)
        assert (taken.el, taken.esr) == (3, syndrome(name, True))
    enter(board, 2, MDCR_EL2=everything | TDE)
    board.does(w.mrs(5, name))


def test_traps_of_the_debug_channel_at_el0(board: Board) -> None:
    for registers, to in (({"MDSCR_EL1": 1 << 12}, 1), ({"MDCR_EL2": TDCC}, 2), ({"MDCR_EL2": TDA}, 2),
                          ({"MDCR_EL3": TDCC}, 3), ({"MDSCR_EL1": 1 << 12, "HCR_EL2": HCR_RW | TGE}, 2)):  # fmt: skip
        enter(board, 0, **registers)
        taken = board.takes(w.mrs(5, "MDCCSR_EL0"), w.NOP)
        assert (taken.el, taken.esr) == (to, syndrome("MDCCSR_EL0", True))


def test_mdcr_el2_is_el3s_to_trap(board: Board) -> None:
    enter(board, 2, MDCR_EL3=TDA)
    assert board.takes(w.mrs(5, "MDCR_EL2"), w.NOP).esr == syndrome("MDCR_EL2", True)
