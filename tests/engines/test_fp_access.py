"""Who may use floating point: CPACR_EL1, CPTR_EL2 in both layouts and CPTR_EL3, with exact syndromes and routes."""

from __future__ import annotations

import pytest

import emu
from emu import state
from emu.features import CPUS
from tests.engines.flat import CODE

_FADD, _LDR_Q, _STP_D, _FMOV_X = 0x1E60_2820, 0x3DC0_0020, 0x6D00_0820, 0x9E66_0020
_MRS_FPCR, _MSR_FPCR, _MRS_FPSR, _MSR_FPSR = 0xD53B_4405, 0xD51B_4405, 0xD53B_4425, 0xD51B_4425
_WORDS = (_FADD, _LDR_Q, _STP_D, _FMOV_X, _MRS_FPCR, _MSR_FPCR, _MRS_FPSR, _MSR_FPSR)

_TGE, _E2H, _RW = 1 << 27, 1 << 34, 1 << 31
_NS, _EEL2 = 1 << 0, 1 << 18
_TFP = 1 << 10
_VBAR = {1: CODE + 0x1_0000, 2: CODE + 0x2_0000, 3: CODE + 0x3_0000}
_TRAPPED = 0x07 << 26 | 1 << 25 | 1 << 24 | 0xE << 20
"""EC 0x07, IL, CV, COND 0b1110: the rest is RES0."""
_UNDEFINED = 1 << 25


def _fpen(value: int) -> int:
    return value << 20


def _machine(engine: str, el: int, registers: dict[str, int], cpu_model: str = "max") -> emu.Machine:
    machine = emu.Machine(memory="8M", el=3, engine=engine, cpu=cpu_model)  # type: ignore[arg-type]
    cpu = machine.cpu
    cpu.sysreg["SCR_EL3"] = 0x430 | _NS
    for name, value in registers.items():
        cpu.sysreg[name] = value
    for level, address in _VBAR.items():
        cpu.sysreg[f"VBAR_EL{level}"] = address
    cpu.change_stack(el, int(el > 0))
    cpu.context_changed()
    cpu.x[1], cpu.pc = CODE + 0x4_0000, CODE
    return machine


# (EL, registers, EL that takes the trap or None, ESR there)
_ROUTES = [
    # CPACR_EL1.FPEN: 00 and 10 trap EL1 and EL0, 01 traps EL0, 11 traps nobody.
    (1, {"CPACR_EL1": _fpen(0)}, 1, _TRAPPED),
    (1, {"CPACR_EL1": _fpen(1)}, None, 0),
    (1, {"CPACR_EL1": _fpen(2)}, 1, _TRAPPED),
    (1, {"CPACR_EL1": _fpen(3)}, None, 0),
    (0, {"CPACR_EL1": _fpen(0)}, 1, _TRAPPED),
    (0, {"CPACR_EL1": _fpen(1)}, 1, _TRAPPED),
    (0, {"CPACR_EL1": _fpen(2)}, 1, _TRAPPED),
    (0, {"CPACR_EL1": _fpen(3)}, None, 0),
    # It does not reach above EL1.
    (2, {"CPACR_EL1": _fpen(0)}, None, 0),
    (3, {"CPACR_EL1": _fpen(0)}, None, 0),
    # AdvSIMDFPAccessTrap: with TGE the trap of EL0 to EL1 is an Undefined Instruction at EL2.
    (0, {"HCR_EL2": _RW | _TGE, "CPACR_EL1": _fpen(0)}, 2, _UNDEFINED),
    (0, {"HCR_EL2": _RW | _TGE, "CPACR_EL1": _fpen(1)}, 2, _UNDEFINED),
    (0, {"HCR_EL2": _RW | _TGE, "CPACR_EL1": _fpen(3), "CPTR_EL2": _TFP}, 2, _TRAPPED),
    # CPTR_EL2.TFP, the layout of E2H=0; CPACR_EL1 is asked first.
    (0, {"CPACR_EL1": _fpen(3), "CPTR_EL2": _TFP}, 2, _TRAPPED),
    (1, {"CPACR_EL1": _fpen(3), "CPTR_EL2": _TFP}, 2, _TRAPPED),
    (2, {"CPTR_EL2": _TFP}, 2, _TRAPPED),
    (3, {"CPTR_EL2": _TFP}, None, 0),
    (1, {"CPACR_EL1": _fpen(0), "CPTR_EL2": _TFP}, 1, _TRAPPED),
    # CPTR_EL2.FPEN, the layout of E2H=1. 01 traps EL0 only under TGE.
    (2, {"HCR_EL2": _RW | _E2H, "CPTR_EL2": _fpen(0)}, 2, _TRAPPED),
    (2, {"HCR_EL2": _RW | _E2H, "CPTR_EL2": _fpen(1)}, None, 0),
    (2, {"HCR_EL2": _RW | _E2H, "CPTR_EL2": _fpen(2)}, 2, _TRAPPED),
    (2, {"HCR_EL2": _RW | _E2H, "CPTR_EL2": _fpen(3) | _TFP}, None, 0),
    (1, {"HCR_EL2": _RW | _E2H, "CPACR_EL1": _fpen(3), "CPTR_EL2": _fpen(0)}, 2, _TRAPPED),
    (1, {"HCR_EL2": _RW | _E2H, "CPACR_EL1": _fpen(3), "CPTR_EL2": _fpen(1)}, None, 0),
    (0, {"HCR_EL2": _RW | _E2H, "CPACR_EL1": _fpen(3), "CPTR_EL2": _fpen(1)}, None, 0),
    (0, {"HCR_EL2": _RW | _E2H, "CPACR_EL1": _fpen(3), "CPTR_EL2": _fpen(2)}, 2, _TRAPPED),
    # A host's EL0: CPACR_EL1 does not look at it.
    (0, {"HCR_EL2": _RW | _E2H | _TGE, "CPACR_EL1": _fpen(0), "CPTR_EL2": _fpen(3)}, None, 0),
    (0, {"HCR_EL2": _RW | _E2H | _TGE, "CPACR_EL1": _fpen(3), "CPTR_EL2": _fpen(1)}, 2, _TRAPPED),
    (0, {"HCR_EL2": _RW | _E2H | _TGE, "CPACR_EL1": _fpen(3), "CPTR_EL2": _fpen(0)}, 2, _TRAPPED),
    (2, {"HCR_EL2": _RW | _E2H | _TGE, "CPTR_EL2": _fpen(1)}, None, 0),
    # Without a Secure EL2 its controls do not act in Secure state.
    (1, {"SCR_EL3": 0x430, "CPACR_EL1": _fpen(3), "CPTR_EL2": _TFP}, None, 0),
    (1, {"SCR_EL3": 0x430 | _EEL2, "CPACR_EL1": _fpen(3), "CPTR_EL2": _TFP}, 2, _TRAPPED),
    # CPTR_EL3.TFP: every level, EL3 too, after all others.
    (0, {"CPACR_EL1": _fpen(3), "CPTR_EL3": _TFP}, 3, _TRAPPED),
    (1, {"CPACR_EL1": _fpen(3), "CPTR_EL3": _TFP}, 3, _TRAPPED),
    (2, {"CPTR_EL3": _TFP}, 3, _TRAPPED),
    (3, {"CPTR_EL3": _TFP}, 3, _TRAPPED),
    (1, {"CPACR_EL1": _fpen(3), "CPTR_EL2": _TFP, "CPTR_EL3": _TFP}, 2, _TRAPPED),
]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize(("el", "registers", "target", "esr"), _ROUTES)
def test_a_use_of_floating_point_goes_where_the_controls_send_it(
    engine: str, el: int, registers: dict[str, int], target: int | None, esr: int
) -> None:
    machine = _machine(engine, el, registers)
    cpu = machine.cpu
    for word in _WORDS:
        machine.write(CODE, word.to_bytes(4, "little"))
        cpu.change_stack(el, int(el > 0))
        cpu.context_changed()
        cpu.pc = CODE
        machine.run(max_instructions=1)
        if target is None:
            assert (int(cpu.pc), cpu.el) == (CODE + 4, el), hex(word)
            continue
        offset = 0x400 if el < target else 0x200
        assert (int(cpu.pc), cpu.el) == (_VBAR[target] + offset, target), hex(word)
        assert cpu.sysreg[f"ESR_EL{target}"] == esr, hex(word)
        assert cpu.sysreg[f"ELR_EL{target}"] == CODE


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_a_trapped_instruction_changes_nothing(engine: str) -> None:
    machine = _machine(engine, 1, {"CPACR_EL1": 0})
    cpu = machine.cpu
    cpu.v[0] = cpu.v[1] = 3
    cpu.x[1] = 1  # neither an alignment fault nor an abort comes before the trap
    machine.write(CODE, (0x3CC1_0420).to_bytes(4, "little"))  # LDR Q0, [X1], #16
    machine.run(max_instructions=1)
    assert cpu.sysreg["ESR_EL1"] == _TRAPPED
    assert (cpu.v[0], cpu.x[1]) == (3, 1)


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_a_write_of_the_control_acts_at_once(engine: str) -> None:
    machine = _machine(engine, 1, {"CPACR_EL1": 0})
    cpu = machine.cpu
    program = (0xD518_1042, _FADD, 0xD518_1043, _FADD)  # MSR CPACR_EL1, X2; FADD; MSR CPACR_EL1, X3; FADD
    machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in program))
    cpu.x[2], cpu.x[3] = _fpen(3), 0
    machine.run(max_instructions=4)
    assert int(cpu.pc) == _VBAR[1] + 0x200
    assert cpu.sysreg["ELR_EL1"] == CODE + 12


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_fpcr_and_fpsr_keep_the_bits_they_have(engine: str) -> None:
    machine = _machine(engine, 1, {"CPACR_EL1": _fpen(3)})
    cpu = machine.cpu
    program = (_MSR_FPCR, _MSR_FPSR, 0xD53B_4406, 0xD53B_4427)  # then MRS X6, FPCR; MRS X7, FPSR
    machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in program))
    cpu.x[5] = (1 << 64) - 1
    machine.run(max_instructions=4)
    assert cpu.x[6] == 0x07C8_0000  # AHP, DN, FZ, RMode, FZ16: no trapped exceptions, no FEAT_AFP
    assert cpu.x[7] == 0x0800_009F
    assert cpu.slots[state.FPCR] == cpu.sysreg["FPCR"] == 0x07C8_0000


@pytest.fixture
def lesser_cpu(monkeypatch: pytest.MonkeyPatch) -> str:
    """A CPU model with nothing optional."""
    monkeypatch.setitem(CPUS, "bare", frozenset())  # type: ignore[arg-type]
    return "bare"


@pytest.mark.parametrize("word", _WORDS)
@pytest.mark.parametrize("control", [0, 3])
def test_without_floating_point_everything_is_undefined(word: int, control: int, lesser_cpu: str) -> None:
    machine = _machine("reference", 1, {"CPACR_EL1": _fpen(control)}, lesser_cpu)
    cpu = machine.cpu
    machine.write(CODE, word.to_bytes(4, "little"))
    machine.run(max_instructions=1)
    assert (int(cpu.pc), cpu.sysreg["ESR_EL1"]) == (_VBAR[1] + 0x200, _UNDEFINED)
    assert cpu.sysreg["ID_AA64PFR0_EL1"] >> 16 & 0xFF == 0xFF
    assert "FPCR" not in list(cpu.regs.names())


def test_without_half_precision_only_conversions_know_the_format() -> None:
    cpu = _machine("reference", 1, {"CPACR_EL1": _fpen(3)}, "v8.0").cpu
    assert cpu.sysreg["ID_AA64PFR0_EL1"] >> 16 & 0xFF == 0
    assert cpu.decode(0x1EE1_2820) is None  # FADD H0, H1, H1
    assert cpu.decode(0x1EE6_0020) is None  # FMOV W0, H1
    assert cpu.decode(0x1E23_C020) is not None  # FCVT H0, S1
    assert cpu.decode(0x1EE2_4020) is not None  # FCVT S0, H1
    cpu.sysreg["FPCR"] = (1 << 64) - 1
    assert cpu.sysreg["FPCR"] == 0x07C0_0000


def test_the_whole_cpu_claims_half_precision() -> None:
    cpu = _machine("reference", 1, {}).cpu
    assert cpu.sysreg["ID_AA64PFR0_EL1"] >> 16 & 0xFF == 0x11
    assert cpu.sysreg["ID_AA64ISAR1_EL1"] >> 12 & 0xF == 1  # JSCVT
    assert cpu.sysreg["ID_AA64ISAR1_EL1"] >> 32 & 0xF == 1  # FRINTTS
