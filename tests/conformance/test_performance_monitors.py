"""Performance monitors (FEAT_PMUv3p7): what is counted and where, overflows, access (Arm ARM D13, J1.3.1).

A cycle is an instruction. A counter read by the instruction after the one that starts it has counted nothing yet.
"""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, E2H, HCR_RW, OPEN, TGE, VECTORS, Board, esr

NS, REALM, SECURE = Security.NON_SECURE, Security.REALM, Security.SECURE
E, P, C, DP, LC, LP, FZO = (1 << bit for bit in (0, 1, 2, 5, 6, 7, 9))
CYCLES = 1 << 31
INST_RETIRED, CPU_CYCLES, CHAIN, SW_INCR, STALL = 0x08, 0x11, 0x1E, 0, 0x3C
EN, SW, CR, ER = 1, 2, 4, 8
TPM, TPMCR, HPME, HPMD, HCCD, HLP, HPMFZO = (1 << bit for bit in (6, 5, 7, 17, 23, 26, 29))
TPM3, SPME, SCCD, MCCD, MPMX = (1 << bit for bit in (6, 17, 23, 34, 35))
# PMEVTYPERn_EL0
FP, FU, NSK, NSU, NSH, M, SH, RLK, RLU, RLH = (1 << bit for bit in (31, 30, 29, 28, 27, 26, 24, 22, 21, 20))

QUIET = {
    "PMCR_EL0": E, "PMCNTENSET_EL0": CYCLES | 0x3F, "PMCCNTR_EL0": 0, "PMCCFILTR_EL0": NSH, "PMOVSCLR_EL0": CYCLES | 63,
    "MDCR_EL2": 6, "MDCR_EL3": 0, "PMUSERENR_EL0": EN, "HCR_EL2": HCR_RW,
    **{f"PMEVCNTR{n}_EL0": 0 for n in range(6)}, **{f"PMEVTYPER{n}_EL0": STALL for n in range(6)},
}  # fmt: skip


def enter(board: Board, el: int, security: Security = NS, **registers: int) -> None:
    """Enter a level with everything counting and all counters at 0, as `registers` do not say otherwise."""
    names = QUIET | registers
    # What clears and starts comes last, so that nothing is counted on the way but the ERET into the level.
    board.enter(el, security, scr=names.pop("scr", OPEN), **names)
    for name in names:
        if name.startswith(("PMCCNTR", "PMEVCNTR")):
            board.sysreg[name] = names[name]


def counted(board: Board, name: str = "PMCCNTR_EL0", nops: int = 10) -> int:
    """What a counter says after that many instructions: NOPs at the present level, seen from outside."""
    before = board.sysreg[name]
    board.does([w.NOP] * nops)
    return board.sysreg[name] - before


def test_identification(board: Board) -> None:
    enter(board, 1)
    board.does(w.mrs(0, (3, 0, 0, 5, 0)), w.mrs(1, "PMCR_EL0"), w.mrs(2, "PMCEID0_EL0"), w.mrs(3, "PMCEID1_EL0"))
    assert board.x[0] >> 8 & 0xF == 7
    assert board.x[1] & ~E == 6 << 11 | LC  # IMP 0: look at MIDR_EL1
    assert board.x[2] == 1 << SW_INCR | 1 << INST_RETIRED | 1 << CPU_CYCLES | 1 << CHAIN
    assert board.x[3] == 1 << 3 | 1 << 4 | 1 << STALL - 32


def test_the_cycle_counter_counts_instructions(board: Board) -> None:
    enter(board, 1)
    board.does(w.mrs(0, "PMCCNTR_EL0"), [w.NOP] * 7, w.mrs(1, "PMCCNTR_EL0"))
    assert board.x[1] - board.x[0] == 8


def test_each_event(board: Board) -> None:
    enter(board, 1, PMEVTYPER0_EL0=INST_RETIRED, PMEVTYPER1_EL0=CPU_CYCLES, PMEVTYPER2_EL0=0x1B)
    assert [counted(board, f"PMEVCNTR{n}_EL0") for n in range(4)] == [10, 10, 0, 0]


def test_an_instruction_that_faults_is_not_retired(board: Board) -> None:
    both = {"PMEVTYPER0_EL0": INST_RETIRED, "PMEVTYPER1_EL0": CPU_CYCLES}
    for word, retired in ((w.UNALLOCATED, 1), (w.svc(0), 2)):
        enter(board, 1, **both)
        board.takes(w.NOP, word)
        assert (board.sysreg["PMEVCNTR0_EL0"], board.sysreg["PMEVCNTR1_EL0"]) == (retired, 2)


def test_software_increments(board: Board) -> None:
    enter(board, 1, PMEVTYPER0_EL0=SW_INCR, PMEVTYPER1_EL0=SW_INCR)
    board.x[0] = 0b101
    board.does(w.msr("PMSWINC_EL0", 0), w.msr("PMSWINC_EL0", 0))
    assert [board.sysreg[f"PMEVCNTR{n}_EL0"] for n in range(3)] == [2, 0, 0]


@pytest.mark.parametrize(
    ("el", "security", "filters", "counts"),
    [
        (0, NS, 0, True), (0, NS, FU, False), (0, NS, NSU, False), (0, NS, FU | NSU, True), (0, NS, RLU, True),
        (0, REALM, 0, True), (0, REALM, RLU, False), (0, REALM, FU | RLU, True), (0, REALM, NSU, True),
        (0, SECURE, 0, True), (0, SECURE, FU, False), (0, SECURE, NSU, True), (0, NS, FP, True),
        (1, NS, 0, True), (1, NS, FP, False), (1, NS, FP | NSK, True), (1, NS, NSK, False), (1, NS, FU, True),
        (1, REALM, RLK, False), (1, REALM, FP | RLK, True), (1, SECURE, FP, False), (1, SECURE, NSK, True),
        (2, NS, 0, False), (2, NS, NSH, True), (2, NS, NSH | SH, True), (2, REALM, NSH, True),
        (2, REALM, NSH | RLH, False), (2, REALM, RLH, True),
        (3, NS, 0, True), (3, NS, FP, False), (3, NS, FP | M, True), (3, NS, M, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["PMCCNTR_EL0", "PMEVCNTR2_EL0"])
def test_filters(board: Board, el: int, security: Security, filters: int, counts: bool, name: str) -> None:
    types = {"PMCCFILTR_EL0": filters, "PMEVTYPER2_EL0": filters | CPU_CYCLES}
    enter(board, el, security, MDCR_EL3=SPME, **types)
    assert counted(board, name) == (10 if counts else 0)


@pytest.mark.parametrize(
    ("el", "security", "mdcr2", "mdcr3", "pmcr", "cycles", "first", "last"),
    [
        # Counter 0 is everybody's and counter 5 EL2's, with HPMN = 5.
        (1, NS, 5 | HPME, 0, E, True, True, True),
        (1, NS, 5, 0, E, True, True, False),
        (1, NS, 5 | HPME, 0, 0, False, False, True),
        (2, NS, 5 | HPME | HPMD, 0, E, True, False, True),
        (2, NS, 5 | HPME | HPMD, 0, E | DP, False, False, True),
        (2, NS, 5 | HPME | HCCD, 0, E, False, True, True),
        (1, NS, 5 | HPME | HPMD | HCCD, 0, E | DP, True, True, True),
        (1, SECURE, 5 | HPME, 0, E, True, False, False),
        (1, SECURE, 5 | HPME, 0, E | DP, False, False, False),
        (1, SECURE, 5 | HPME, SPME, E | DP, True, True, True),
        (1, SECURE, 5 | HPME, MPMX, E | DP, True, True, True),
        (1, SECURE, 5 | HPME, SPME | SCCD, E, False, True, True),
        (1, REALM, 5 | HPME, SCCD | MCCD, E | DP, True, True, True),
        (3, NS, 5 | HPME, 0, E, True, False, False),
        (3, NS, 5 | HPME, 0, E | DP, False, False, False),
        (3, NS, 5 | HPME, SPME, E | DP, True, True, True),
        (3, NS, 5 | HPME, MPMX, E, True, False, False),
        (3, NS, 5 | HPME, MPMX | SPME, E, True, False, True),
        (3, NS, 5 | HPME, SPME | MCCD, E, False, True, True),
        (3, NS, 5 | HPME, SPME | SCCD, E, False, True, True),
    ],
)  # fmt: skip
def test_where_counting_is_prohibited(
    board: Board, el: int, security: Security, mdcr2: int, mdcr3: int, pmcr: int, cycles: bool, first: bool, last: bool
) -> None:
    types = {"PMEVTYPER0_EL0": CPU_CYCLES | NSH, "PMEVTYPER5_EL0": CPU_CYCLES | NSH}
    enter(board, el, security, MDCR_EL2=mdcr2, MDCR_EL3=mdcr3, PMCR_EL0=pmcr, **types)
    for name, counts in (("PMCCNTR_EL0", cycles), ("PMEVCNTR0_EL0", first), ("PMEVCNTR5_EL0", last)):
        assert counted(board, name) == (10 if counts else 0), name


def test_levels_are_told_apart_across_calls_and_returns(board: Board) -> None:
    """Ten instructions at EL1, SVC included; one ERET of EL2's... none of which a filter for EL1 counts."""
    enter(board, 1, PMEVTYPER0_EL0=CPU_CYCLES | FU, PMCCFILTR_EL0=FP | NSK | NSH)
    board.put(VECTORS[2] + 0x400, w.NOP, w.NOP, w.ERET)
    board.put(CODE, [w.NOP] * 4, w.hvc(0), [w.NOP] * 3)
    board.machine.run(5)
    assert (board.cpu.el, board.sysreg["PMEVCNTR0_EL0"], board.sysreg["PMCCNTR_EL0"]) == (2, 5, 5)
    board.machine.run(3)
    assert (board.cpu.el, board.sysreg["PMEVCNTR0_EL0"], board.sysreg["PMCCNTR_EL0"]) == (1, 5, 8)
    board.machine.run(3)
    assert (board.sysreg["PMEVCNTR0_EL0"], board.sysreg["PMCCNTR_EL0"]) == (8, 11)


# Overflows.


@pytest.mark.parametrize(
    ("pmcr", "start", "end", "overflows"),
    [
        (E, 0xFFFF_FFF8, 0x1_0000_0002, 1),
        (E | LP, 0xFFFF_FFF8, 0x1_0000_0002, 0),
        (E | LP, 0xFFFF_FFFF_FFFF_FFF8, 2, 1),
        (E, 0x5_FFFF_FFF6, 0x6_0000_0000, 1),
        (E, 0x5_FFFF_FFF5, 0x5_FFFF_FFFF, 0),
    ],
)
def test_overflow_of_an_event_counter(board: Board, pmcr: int, start: int, end: int, overflows: int) -> None:
    enter(board, 1, PMCR_EL0=pmcr, PMEVTYPER1_EL0=CPU_CYCLES, PMEVCNTR1_EL0=start)
    board.does([w.NOP] * 10)
    assert board.sysreg["PMEVCNTR1_EL0"] == end
    assert board.sysreg["PMOVSSET_EL0"] == board.sysreg["PMOVSCLR_EL0"] == overflows << 1


def test_overflow_of_the_cycle_counter_is_that_of_64_bits(board: Board) -> None:
    enter(board, 1, PMCCNTR_EL0=0xFFFF_FFFF)
    board.does([w.NOP] * 2)
    assert board.sysreg["PMOVSSET_EL0"] == 0
    board.sysreg["PMCCNTR_EL0"] = (1 << 64) - 1
    board.cpu.pc = CODE
    board.does([w.NOP] * 2)
    assert (board.sysreg["PMOVSSET_EL0"], board.sysreg["PMCCNTR_EL0"]) == (CYCLES, 1)


def test_a_chain_of_two_counters(board: Board) -> None:
    enter(board, 1, PMEVTYPER2_EL0=CPU_CYCLES, PMEVTYPER3_EL0=CHAIN, PMEVCNTR2_EL0=0xFFFF_FFFE,
          PMEVCNTR3_EL0=0xFFFF_FFFF)  # fmt: skip
    board.does([w.NOP] * 5)
    assert (board.sysreg["PMEVCNTR2_EL0"], board.sysreg["PMEVCNTR3_EL0"]) == (0x1_0000_0003, 0x1_0000_0000)
    assert board.sysreg["PMOVSSET_EL0"] == 0b1100


def test_an_overflow_freezes_the_others_at_that_moment(board: Board) -> None:
    enter(board, 1, PMCR_EL0=E | FZO, PMEVTYPER0_EL0=CPU_CYCLES, PMEVTYPER1_EL0=CPU_CYCLES, PMEVCNTR0_EL0=0xFFFF_FFFD)
    board.does([w.NOP] * 10)
    assert (board.sysreg["PMEVCNTR0_EL0"], board.sysreg["PMEVCNTR1_EL0"]) == (0x1_0000_0000, 3)
    assert board.sysreg["PMCCNTR_EL0"] == 10  # without DP it goes on


def test_freezing_of_el2s_counters_is_their_own(board: Board) -> None:
    enter(board, 1, MDCR_EL2=4 | HPME | HPMFZO, PMEVTYPER0_EL0=CPU_CYCLES, PMEVTYPER4_EL0=CPU_CYCLES,
          PMEVTYPER5_EL0=CPU_CYCLES, PMEVCNTR4_EL0=0xFFFF_FFFF)  # fmt: skip
    board.does([w.NOP] * 10)
    assert [board.sysreg[f"PMEVCNTR{n}_EL0"] for n in (0, 4, 5)] == [10, 0x1_0000_0000, 1]


# Control.


@pytest.mark.parametrize(("el", "cleared"), [(1, 0b01111), (2, 0b111111)])
def test_clearing(board: Board, el: int, cleared: int) -> None:
    counters = {f"PMEVCNTR{n}_EL0": 100 for n in range(6)}
    enter(board, el, MDCR_EL2=4, PMCCNTR_EL0=1000, **counters)
    board.x[0] = P
    board.does(w.msr("PMCR_EL0", 0))
    assert [board.sysreg[f"PMEVCNTR{n}_EL0"] == 0 for n in range(6)] == [bool(cleared >> n & 1) for n in range(6)]
    assert board.sysreg["PMCCNTR_EL0"] >= 1000
    board.cpu.pc = CODE
    board.x[0] = C
    board.does(w.msr("PMCR_EL0", 0), w.mrs(1, "PMCCNTR_EL0"))
    assert board.x[1] == 0
    assert board.sysreg["PMCR_EL0"] & (P | C) == 0


@pytest.mark.parametrize(("el", "n"), [(0, 4), (1, 4), (2, 6), (3, 6)])
def test_hpmn_hides_counters_from_el1(board: Board, el: int, n: int) -> None:
    enter(board, el, MDCR_EL2=4, PMCNTENCLR_EL0=CYCLES | 0x3F)
    board.x[0] = CYCLES | 0x3F
    board.does(w.mrs(1, "PMCR_EL0"), w.msr("PMCNTENSET_EL0", 0), w.mrs(2, "PMCNTENCLR_EL0"),
               w.msr("PMOVSSET_EL0", 0), w.mrs(3, "PMOVSCLR_EL0"))  # fmt: skip
    assert board.x[1] >> 11 & 0x1F == n
    assert board.x[2] == board.x[3] == CYCLES | (1 << n) - 1


def test_sets_and_clears_are_two_names_of_one_mask(board: Board) -> None:
    enter(board, 1, PMINTENCLR_EL1=CYCLES | 0x3F)
    for one, other in (("PMCNTENSET_EL0", "PMCNTENCLR_EL0"), ("PMINTENSET_EL1", "PMINTENCLR_EL1"),
                       ("PMOVSSET_EL0", "PMOVSCLR_EL0")):  # fmt: skip
        board.cpu.pc = CODE
        board.does(w.mov(0, CYCLES | 0x3F), w.msr(other, 0), w.mov(0, 0b1010), w.msr(one, 0), w.mov(0, 0b0010),
                   w.msr(other, 0), w.mrs(1, one), w.mrs(2, other))  # fmt: skip
        assert board.x[1] == board.x[2] == 0b1000


def test_the_selected_counter(board: Board) -> None:
    enter(board, 1, PMEVCNTR3_EL0=77, PMSELR_EL0=3)
    board.x[0] = SW_INCR | FU
    board.does(w.mrs(1, "PMXEVCNTR_EL0"), w.msr("PMXEVTYPER_EL0", 0))
    assert (board.x[1], board.sysreg["PMEVTYPER3_EL0"]) == (77, SW_INCR | FU)
    board.sysreg["PMSELR_EL0"] = 31
    board.does(w.msr("PMXEVTYPER_EL0", 0))
    assert board.sysreg["PMCCFILTR_EL0"] == FU


# Access.


def syndrome(name: str, is_read: bool) -> int:
    op0, op1, crn, crm, op2 = w.register_of(name)
    return esr(0x18, op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 5 << 5 | crm << 1 | int(is_read))


def access(name: str, is_read: bool) -> int:
    return w.mrs(5, name) if is_read else w.msr(name, 5)


READ_WRITE = ["PMCR_EL0", "PMCNTENSET_EL0", "PMOVSCLR_EL0", "PMSELR_EL0", "PMCCNTR_EL0", "PMXEVTYPER_EL0",
              "PMXEVCNTR_EL0", "PMCCFILTR_EL0", "PMEVCNTR1_EL0", "PMEVTYPER0_EL0"]  # fmt: skip
OPENERS = {("PMSWINC_EL0", False): SW, ("PMCCNTR_EL0", True): CR, ("PMEVCNTR1_EL0", True): ER,
           ("PMXEVCNTR_EL0", True): ER, ("PMSELR_EL0", True): ER, ("PMSELR_EL0", False): ER}  # fmt: skip
ACCESSES = [(name, is_read) for name in READ_WRITE for is_read in (True, False)] + [
    ("PMSWINC_EL0", False), ("PMCEID0_EL0", True), ("PMCEID1_EL0", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "is_read"), ACCESSES)
def test_what_el0_may_do(board: Board, name: str, is_read: bool) -> None:
    opener = OPENERS.get((name, is_read), 0)
    for enabled in (0, SW, CR, ER):
        enter(board, 0, PMUSERENR_EL0=enabled, PMSELR_EL0=0)
        taken = board.execute(access(name, is_read), w.NOP)
        if enabled == opener and opener:
            assert taken is None
        else:
            assert taken is not None
            assert (taken.el, taken.esr) == (1, syndrome(name, is_read))
    enter(board, 0, PMUSERENR_EL0=EN, PMSELR_EL0=0)
    board.does(access(name, is_read))
    enter(board, 0, PMUSERENR_EL0=0, PMSELR_EL0=0, HCR_EL2=HCR_RW | TGE | E2H)
    assert board.takes(access(name, is_read)).el == 2


@pytest.mark.parametrize(("name", "is_read"), [*ACCESSES, ("PMUSERENR_EL0", True), ("PMINTENSET_EL1", True),
                                               ("PMMIR_EL1", True)])  # fmt: skip
@pytest.mark.parametrize("el", [0, 1])
def test_tpm(board: Board, name: str, is_read: bool, el: int) -> None:
    if name.endswith("EL1") and el == 0:
        el = 1
    for mdcr2, mdcr3, to in ((6 | TPM, 0, 2), (6, TPM3, 3), (6 | TPM, TPM3, 2)):
        enter(board, el, MDCR_EL2=mdcr2, MDCR_EL3=mdcr3, PMSELR_EL0=0)
        taken = board.takes(access(name, is_read))
        assert (taken.el, taken.esr) == (to, syndrome(name, is_read))
    enter(board, 2, MDCR_EL2=6 | TPM, MDCR_EL3=TPM3, PMSELR_EL0=0)
    assert board.takes(access(name, is_read)).el == 3
    enter(board, el, SECURE, MDCR_EL2=6 | TPM, PMSELR_EL0=0)
    board.does(access(name, is_read))


def test_tpmcr_is_about_one_register(board: Board) -> None:
    for el in (0, 1):
        enter(board, el, MDCR_EL2=6 | TPMCR)
        assert board.takes(access("PMCR_EL0", True)).el == 2
        enter(board, el, MDCR_EL2=6 | TPMCR)
        board.does(access("PMCNTENSET_EL0", True))


@pytest.mark.parametrize("is_read", [True, False])
def test_el0_may_read_pmuserenr_and_no_more(board: Board, is_read: bool) -> None:
    enter(board, 0, PMUSERENR_EL0=0)
    taken = board.execute(access("PMUSERENR_EL0", is_read), w.NOP)
    assert taken is None if is_read else taken is not None and taken.esr == esr(0)


@pytest.mark.parametrize(
    ("name", "selected", "hpmn", "ending"),
    [
        ("PMEVCNTR5_EL0", 0, 5, 2), ("PMEVTYPER5_EL0", 0, 5, 2), ("PMEVCNTR5_EL0", 0, 6, None),
        ("PMXEVCNTR_EL0", 5, 5, 2), ("PMXEVTYPER_EL0", 5, 5, 2), ("PMXEVTYPER_EL0", 4, 5, None),
        ("PMXEVTYPER_EL0", 31, 5, None), ("PMEVCNTR6_EL0", 0, 6, "undefined"), ("PMXEVTYPER_EL0", 6, 6, "undefined"),
        ("PMXEVCNTR_EL0", 31, 6, "undefined"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("el", [0, 1])
def test_counters_that_are_not_el1s(board: Board, el: int, name: str, selected: int, hpmn: int, ending: object) -> None:
    """With FEAT_FGT a counter of EL2's traps; one that does not exist is UNDEFINED."""
    enter(board, el, MDCR_EL2=hpmn, PMSELR_EL0=selected)
    taken = board.execute(access(name, True), w.NOP)
    if ending is None:
        assert taken is None
    else:
        assert taken is not None
        assert (taken.el, taken.esr) == ((1, esr(0)) if ending == "undefined" else (2, syndrome(name, True)))
    enter(board, 2, MDCR_EL2=hpmn, PMSELR_EL0=selected)
    assert (board.execute(access(name, True), w.NOP) is None) == (ending != "undefined")


def test_engines_do_not_slow_down_or_lose_count(engine: str) -> None:
    board = Board(engine)
    enter(board, 1)
    board.put(CODE, 0x1400_0000)
    board.machine.run(100_000 if engine == "interpreter" else 1000)
    assert board.sysreg["PMCCNTR_EL0"] == (100_000 if engine == "interpreter" else 1000)
