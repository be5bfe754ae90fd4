"""Corners in which native code could part with the reference engine: each as one small program, on every engine."""

from __future__ import annotations

import pytest

import emu
from emu import state
from emu.architecture import Access
from emu.debug.events import PendingUsed
from emu.engine import softtlb
from emu.isa.ops import Escape
from emu.registers.table import OPERATION_BY_NAME
from tests.bench.operations import RAM
from tests.bench.operations import machine as firmware
from tests.conformance import words as w
from tests.engines.flat import CODE, DATA, TABLE, flat_machine
from tests.engines.test_engines_agree import random_machine

ENGINES = ("reference", "interpreter", "jit")
LDR_X6_X4, STAY = 0xF9400086, 0x14000000
DC_CVAC_X4 = 0xD50B7A24
ISB, DSB, TLBI_VMALLE1 = 0xD5033FDF, 0xD5033F9F, 0xD508871F
VECTORS = CODE + 0x8_0000
DATA_ABORT, INSTRUCTION_ABORT = 0x25, 0x21
"""From the same level."""


def kinds(machine: emu.Machine) -> list[int]:
    return [taken.esr >> 26 for taken in machine.exceptions]


@pytest.mark.parametrize("engine", ENGINES)
def test_cache_maintenance_opens_no_way_past_pan(engine: str) -> None:
    """DC CVAC asks for no permission at EL1; the load behind it does (PSTATE.PAN, and the page is EL0's)."""
    machine = flat_machine(engine)
    machine.write(CODE, w.assemble(w.msr_immediate("PAN", 1), DC_CVAC_X4, DC_CVAC_X4, LDR_X6_X4, STAY))
    machine.write(VECTORS + 0x200, w.assemble(STAY))
    machine.cpu.x[4] = DATA
    machine.run(max_instructions=10)
    assert kinds(machine) == [DATA_ABORT]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_maintenance_reached_in_a_step_is_not_believed_after_a_tlbi(engine: str) -> None:
    machine = flat_machine(engine)
    old_page, new_page, descriptor = DATA + (1 << 21), DATA, TABLE + 0x1010
    leaf = old_page | 0b01 | 1 << 10 | 3 << 8
    machine.write(descriptor, leaf.to_bytes(8, "little"))
    for page, value in ((old_page, 0x1111), (new_page, 0x2222)):
        machine.write(page, value.to_bytes(8, "little"))
    change = (w.mov(1, leaf - old_page + new_page), w.mov(2, descriptor), 0xF9000041, DSB)
    machine.write(CODE, w.assemble(DC_CVAC_X4, *change, TLBI_VMALLE1, DSB, ISB, LDR_X6_X4, STAY))
    machine.cpu.x[4] = old_page
    machine.step()
    machine.run(max_instructions=40)
    assert machine.cpu.x[6] == 0x2222


@pytest.mark.parametrize("engine", ENGINES)
def test_looking_at_what_waits_changes_no_finding(engine: str) -> None:
    """Fifty writes of TTBR0_EL1, each followed by a load before the ISB, and somebody looks in between."""
    machine = flat_machine(engine)
    machine.write(TABLE + 0x4008, (TABLE + 0x5000 | 3).to_bytes(8, "little"))  # the code as before, data elsewhere
    machine.write(TABLE + 0x5000, machine.read(TABLE + 0x1000, 32))
    machine.write(TABLE + 0x5008, machine.read(TABLE + 0x1010, 8))
    write = w.msr("TTBR0_EL1", 1)
    machine.write(CODE, w.assemble(write, TLBI_VMALLE1, LDR_X6_X4, w.msr("TTBR0_EL1", 2), ISB, 0x17FFFFFB))
    machine.cpu.x[1], machine.cpu.x[2], machine.cpu.x[4] = TABLE + 0x4000, TABLE, DATA
    for _ in range(50):
        machine.run(max_instructions=1)
        assert list(machine.cpu.acting.pending()) == ["TTBR0_EL1"]
        machine.run(max_instructions=5)
    assert [(found.rule, found.count) for found in machine.mec.findings] == [("missing-isb", 50)]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_illegal_return_to_address_zero(engine: str) -> None:
    """PSTATE.IL has no context number, and page 0 no bits: the software TLB must be blank all the same."""
    machine = flat_machine(engine)
    spsr = w.mov(0, 0x3CD), w.msr("SPSR_EL1", 0)
    machine.write(CODE, w.assemble(*spsr, w.mov(0, 0), w.msr("ELR_EL1", 0), w.ERET))
    machine.write(VECTORS + 0x200, w.assemble(STAY))
    machine.run(max_instructions=20)
    assert kinds(machine) == [INSTRUCTION_ABORT]  # of higher priority than the illegal state


def test_no_context_number_makes_the_blank_tag() -> None:
    """The salt of a context, the page above the top and an odd address are together the tag that regions look for."""
    numbers = range(softtlb.SoftTlb._FIRST, softtlb.SoftTlb._LAST + 1)
    assert len({softtlb._scattered(number) for number in numbers}) == len(numbers)
    assert state.CONTEXTS - 1 not in {softtlb._scattered(number) for number in numbers}


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_an_interrupted_run_leaves_no_maintenance_untold(engine: str) -> None:
    """A callback raises behind 300 DC CIPAE; going back must not bring them to rules that have gone back too."""

    def after(engine: str) -> object:
        machine = firmware(engine, 2)
        cipae = w.sys(OPERATION_BY_NAME["DC CIPAE"].encoding[1:], 3)
        loop = (cipae, 0x91010063, 0xF1000442, 0x54FFFFA1)  # add x3, x3, #64; subs x2, x2, #1; b.ne
        machine.write(RAM, w.assemble(*loop, 0xD4000001, STAY))
        machine.cpu.x[3], machine.cpu.x[2] = RAM + (1 << 22) | 3 << 62, 300
        machine.run(max_instructions=40)
        before = machine.snapshot()
        handlers = machine.cpu.system.handlers
        plain = handlers[Escape.SVC]

        def interrupt(word: int) -> bool:
            raise KeyboardInterrupt

        handlers[Escape.SVC] = interrupt
        with pytest.raises(KeyboardInterrupt):
            machine.run(max_instructions=5000)
        assert not machine.cpu.caches.log.is_behind
        machine.restore(before)
        handlers[Escape.SVC] = plain
        machine.run(max_instructions=4)
        assert machine.mec.checker is not None
        return machine.mec.checker.snapshot().rules["reuse-without-cipae"]

    assert after(engine) == after("reference")


@pytest.mark.parametrize("engine", ENGINES)
def test_every_use_of_a_stale_entry_is_told(engine: str) -> None:
    """EMEC goes off without a TLBI: each of forty loads through the old entry counts."""
    machine = random_machine(engine, 1, "cipher", True)
    machine.write(CODE, w.assemble(LDR_X6_X4, w.msr("SCTLR2_EL2", 8), ISB, LDR_X6_X4, 0x17FFFFFF))
    machine.cpu.x[4], machine.cpu.x[8] = DATA, 0
    machine.run(max_instructions=3 + 2 * 40)
    assert [found.count for found in machine.mec.findings if "stale" in found.rule] == [40]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_comes_late_hears_of_fetches_by_an_old_value_too(engine: str) -> None:
    """A write of MECID_P0_EL2 without an ISB, round and round: each write is followed by a fetch under the old one."""
    machine = random_machine(engine, 1, "cipher", True)
    machine.write(CODE, w.assemble(w.msr("MECID_P0_EL2", 8), w.msr("MECID_P0_EL2", 9), 0x17FFFFFE))
    machine.cpu.x[8], machine.cpu.x[9] = 9, 10
    machine.run(max_instructions=30)
    heard: list[PendingUsed] = []
    machine.events.subscribe(heard.append, PendingUsed)
    machine.run(max_instructions=30)
    assert len([use for use in heard if use.access is Access.FETCH]) == 21  # 20 writes, and the one that waited
