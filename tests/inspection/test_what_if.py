"""What if: the answer is the one that the machine gives once it is really so, and asking leaves the machine alone."""

from __future__ import annotations

import random

import pytest

import emu
from emu.architecture import PA, VA, Access
from emu.debug.what_if import Supposed, Supposition, suppose
from emu.errors import EmuError
from emu.translation.fields import FIELDS
from emu.translation.records import Request, Walk, WalkStep
from emu.translation.regimes import regime_of, security_of
from mectui.app import machine_for
from mectui.resources import guest_path
from tests.engines.flat import CODE, DATA, flat_machine
from tests.inspection.untouched import compare, everything

REGISTERS = (
    "SCR_EL3", "SCR_EL3.NS", "SCR_EL3.NSE", "SCR_EL3.MECEn", "SCTLR2_EL2.EMEC", "HCR_EL2.VM", "HCR_EL2.E2H", "HCR_EL2",
    "TCR_EL2", "TCR_EL2.T0SZ", "TTBR0_EL2", "MECID_P0_EL2", "MECID_A0_EL2", "VMECID_P_EL2", "SCTLR_EL2.M", "MAIR_EL2",
    "SCTLR_EL1.M", "TTBR0_EL1", "TCR_EL1", "VTTBR_EL2", "VTCR_EL2", "GPCCR_EL3.GPC", "GPCCR_EL3", "GPTBR_EL3",
)  # fmt: skip
GUESTS = ("two-realms", "recycle", "stage2", "amec")


def guest(name: str, count: int) -> emu.Machine:
    path = guest_path(name)
    assert path is not None
    machine = machine_for(path)()
    machine.run(count)
    return machine


def steps_of(walk: Walk) -> list[WalkStep]:
    found: list[WalkStep] = []
    for step in (*walk.steps, *walk.stage2):
        found += [*step.stage2, step]
    return [step for step in found if step.pa is not None and step.pas is not None]


def random_supposition(source: random.Random, machine: emu.Machine, walk: Walk) -> Supposition | None:
    steps = steps_of(walk)
    if steps and source.random() < 0.6:
        step = source.choice(steps)
        field = source.choice(list(FIELDS[step.stage].values()))
        value = source.getrandbits(field.width) << (field.low if "Address" in field.name or "Next" in field.name else 0)
        what = f"[pa:{step.pa:#x}].{field.name}" if source.random() < 0.7 else f"[pa:{step.pa:#x}].d"
        text = f"{what}={value:#x}"
    else:
        name = source.choice(REGISTERS)
        width = 1 if "." in name else 64
        old = 0 if "." in name else machine.cpu.sysreg[name]
        text = f"{name}={old ^ (1 << source.randrange(width)):#x}"
    try:
        return suppose(machine, text, walk)
    except EmuError:
        return None  # TCR_EL2.T0SZ given too much, a field that its layout lacks


@pytest.mark.parametrize("seed", range(24))
def test_the_answer_is_what_would_be(seed: int) -> None:
    source = random.Random(seed)
    name = [each for each in GUESTS if guest_path(each) is not None][seed % 3]
    machine = guest(name, source.randrange(200, 4000))
    cpu = machine.cpu
    differed = 0
    for _ in range(6):
        el = source.choice((cpu.el, cpu.el, 1))
        va = source.choice((cpu.pc, cpu.sp, source.choice(list(cpu.x)), source.getrandbits(48)))
        kind = source.choice(list(Access)[:3])
        request = Request(VA(va), kind, el, regime_of(el, cpu.acting), security_of(el, cpu.acting), 4)
        walk = machine.explain(request)
        kept = everything(machine)
        supposed = Supposed(machine)
        made = []
        for _ in range(source.randrange(1, 4)):
            found = random_supposition(source, machine, walk)
            if found is not None:
                try:
                    found.apply(supposed)
                except EmuError:
                    continue
                made.append(found)
        again = supposed.again(request)
        answer = supposed.explain(again)
        compare(kept, everything(machine))
        snapshot = machine.snapshot()
        for found in made:
            found.apply(machine)
        assert machine.explain(again) == answer, [found.text for found in made]
        machine.restore(snapshot)
        assert machine.explain(request) == walk
        differed += answer != walk
    assert seed or differed, "a test in which nothing ever differs tests nothing"


def test_a_script_asks_with_registers_and_memory() -> None:
    machine = flat_machine("reference")
    request = machine.translate(DATA).request
    slot = 0x4060_1008
    leaf = int.from_bytes(machine.read(slot, 8), "little")
    assert machine.what_if({"SCTLR_EL1.M": 0}).explain(request).stage1_enabled is False
    moved = machine.what_if(memory={slot: (leaf + 0x20_0000).to_bytes(8, "little")}).explain(request)
    assert (moved.pa, machine.explain(request).pa) == (DATA + 0x20_0000, DATA)


def test_another_regime_is_that_of_the_supposed_registers() -> None:
    machine = guest("two-realms", 5000)
    request = machine.translate(machine.cpu.pc, "fetch").request
    assert request.regime is emu.Regime.EL2
    supposed = machine.what_if({"HCR_EL2.E2H": 1, "SCR_EL3.NSE": 0})
    again = supposed.again(request)
    assert (again.regime, again.security) == (emu.Regime.EL20, emu.Security.NON_SECURE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x0", "suppose what? Write WHAT=VALUE"),
        ("TCR9_EL2=1", "There is no register"),
        ("[pa:0x40000004].AF=1", "a descriptor is at a multiple of 8, not at 0x40000004"),
        ("[pa:0x40000000].colour=1", "a descriptor of stage 1 has no field colour"),
    ],
)
def test_what_cannot_be_supposed_gets_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(EmuError, match=sentence.split("?")[0]):
        suppose(flat_machine("reference"), text)


def test_a_value_that_does_not_fit_changes_nothing() -> None:
    machine = flat_machine("reference")
    kept = everything(machine)
    with pytest.raises(EmuError, match="AP has 2 bits: 0x4 is too large"):
        suppose(machine, "[pa:0x40601000].AP=4").apply(machine)
    with pytest.raises(EmuError, match="OutputAddress has to be a multiple of 0x1000"):
        suppose(machine, "[pa:0x40601000].OutputAddress=0x123").apply(machine)
    compare(kept, everything(machine))


def test_the_copy_of_memory_gives_back_what_it_took() -> None:
    machine = flat_machine("reference")
    supposed = Supposed(machine)
    for _ in range(3):
        for page in range(0, 0x80_0000, 0x1000):
            assert supposed.memory.peek(PA(CODE + page), 8) == machine.read(CODE + page, 8)
        supposed.begin()
    supposed.write(DATA, b"changed!")
    supposed.begin()
    assert supposed.read(DATA, 8) == machine.read(DATA, 8)
