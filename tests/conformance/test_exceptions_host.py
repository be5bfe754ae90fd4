"""HCR_EL2.E2H: _EL1 names reach EL2's registers at EL2, _EL12 names reach EL1's (mec-reference.md 4.13)."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, E2H, EEL2, HCR_RW, OPEN, TGE, VECTORS, Board, esr, spsr

# name of EL1's -> a value both registers can hold.
REDIRECTED = {
    "SCTLR_EL1": 1 << 19 | 1 << 23 | 1 << 26, "TTBR0_EL1": 0x0012_0000_4321_0000,
    "TTBR1_EL1": 0x0012_0000_4321_0000, "TCR_EL1": 0x5_B519_3519, "ESR_EL1": 0x9600_0045, "FAR_EL1": 0x1234_5678_9ABC,
    "MAIR_EL1": 0xFF44_0400, "VBAR_EL1": 0x4567_8000, "CONTEXTIDR_EL1": 0x77, "ELR_EL1": 0x1234, "SPSR_EL1": 0x3C5,
    "CPACR_EL1": 0x30_0000,
}  # fmt: skip
EL2_OF = {"CPACR_EL1": "CPTR_EL2"}


def el2_name(name: str) -> str:
    return EL2_OF.get(name, name.replace("_EL1", "_EL2"))


@pytest.mark.parametrize("name", REDIRECTED)
def test_at_el2_of_a_host_el1s_name_reaches_el2s_register(board: Board, name: str) -> None:
    value = REDIRECTED[name]
    board.enter(2, HCR_EL2=HCR_RW | E2H)
    before = board.sysreg[name]
    board.does(w.mov(0, value), w.msr(name, 0), w.mrs(1, name), w.mrs(2, el2_name(name)))
    assert board.x[1] == board.x[2] == board.sysreg[el2_name(name)]
    assert board.x[1] & value == value
    assert board.sysreg[name] == before


@pytest.mark.parametrize("name", REDIRECTED)
def test_at_el2_of_a_host_the_el12_name_reaches_el1s_register(board: Board, name: str) -> None:
    value = REDIRECTED[name]
    board.enter(2, HCR_EL2=HCR_RW | E2H)
    before = board.sysreg[el2_name(name)]
    board.does(w.mov(0, value), w.msr(_el12(name), 0), w.mrs(1, _el12(name)))
    assert board.x[1] == board.sysreg[name]
    assert board.x[1] & value == value
    assert board.sysreg[el2_name(name)] == before


def _el12(name: str) -> tuple[int, int, int, int, int]:
    """The _EL12 name has op1=5 and is otherwise EL1's."""
    op0, _, crn, crm, op2 = w.REGISTERS[name]
    return (op0, 5, crn, crm, op2)


@pytest.mark.parametrize("name", REDIRECTED)
@pytest.mark.parametrize(("el", "hcr"), [(2, 0), (3, 0), (3, E2H)])
def test_elsewhere_el1s_name_is_el1s_register(board: Board, name: str, el: int, hcr: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW | hcr)
    board.sysreg[name] = REDIRECTED[name]
    board.does(w.mrs(1, name))
    assert board.x[1] == board.sysreg[name]
    assert board.x[1] & REDIRECTED[name] == REDIRECTED[name]


@pytest.mark.parametrize("name", ["TTBR0_EL1", "VBAR_EL1", "ELR_EL1"])
def test_at_el3_the_el12_name_works_when_e2h_is_set(board: Board, name: str) -> None:
    board.enter(3, HCR_EL2=HCR_RW | E2H)
    board.does(w.mov(0, REDIRECTED[name]), w.msr(_el12(name), 0))
    assert board.sysreg[name] == REDIRECTED[name]


def test_at_el3_the_el12_name_needs_el2_in_the_state_of_scr(board: Board) -> None:
    board.enter(3, Security.SECURE, HCR_EL2=HCR_RW | E2H)
    assert board.takes(w.mrs(0, "VBAR_EL12")).esr == esr(0x00)
    board.enter(3, Security.SECURE, scr=OPEN | EEL2, HCR_EL2=HCR_RW | E2H)
    board.does(w.mrs(0, "VBAR_EL12"))


@pytest.mark.parametrize("name", ["TTBR0_EL1", "VBAR_EL1", "SCTLR_EL1"])
def test_el1_sees_its_own_registers_whatever_e2h_says(board: Board, name: str) -> None:
    board.enter(1, HCR_EL2=HCR_RW | E2H)
    board.does(w.mrs(1, name))
    assert board.x[1] == board.sysreg[name]


@pytest.mark.parametrize(
    "name", ["MECID_P0_EL2", "MECID_A0_EL2", "MECID_P1_EL2", "MECID_A1_EL2", "VMECID_P_EL2", "VMECID_A_EL2"]
)
def test_mecid_registers_have_no_names_of_el1(board: Board, name: str) -> None:
    op0, _, crn, crm, op2 = w.REGISTERS[name]
    for op1 in (0, 5):
        board.enter(2, Security.REALM, HCR_EL2=HCR_RW | E2H)
        assert board.takes(w.mrs(0, (op0, op1, crn, crm, op2))).esr == esr(0x00)


def test_exceptions_of_a_host_use_el2s_own_registers(board: Board) -> None:
    board.enter(2, HCR_EL2=HCR_RW | E2H)
    taken = board.takes(w.svc(5))
    assert (taken.el, taken.offset, taken.esr) == (2, 0x200, esr(0x15, 5))
    board.does(w.mrs(0, "ESR_EL1"), w.mrs(1, "ELR_EL1"), w.mrs(2, "SPSR_EL1"), w.mrs(3, "VBAR_EL1"))
    assert [board.x[index] for index in range(4)] == [esr(0x15, 5), CODE + 4, spsr(2), VECTORS[2]]


def test_a_host_returns_to_its_el0_with_the_el1_names(board: Board) -> None:
    board.enter(2, HCR_EL2=HCR_RW | E2H | TGE)
    target = CODE + 0x400
    board.put(target, w.svc(1))
    taken = board.takes(w.mov(0, target), w.msr("ELR_EL1", 0), w.mov(0, spsr(0)), w.msr("SPSR_EL1", 0), w.ERET)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (2, 0x400, esr(0x15, 1), target + 4)
