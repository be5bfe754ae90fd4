"""What is foretold of an instruction is what it then does, and foretelling leaves the machine as it is."""

from __future__ import annotations

from typing import Any

import pytest

import emu
from emu import state
from emu.debug.events import Event, ExceptionTaken, Hit
from emu.debug.explanation import Explanation
from tests.engines.flat import CODE, DATA, flat_machine
from tests.engines.test_engines_agree import random_machine
from tests.inspection.untouched import compare, everything
from tests.tui.programs import STORING, factory


def registers(machine: emu.Machine) -> dict[str, int]:
    """Every register that is stored somewhere, by the names that explanations use."""
    cpu = machine.cpu
    found = {f"x{number}": cpu.x[number] for number in range(31)} | {f"v{n}": cpu.v[n] for n in range(32)}
    names = [register.name for register in machine.registers.table if not register.alias_of]
    places = cpu.regs.storage[1]
    found |= {name: cpu.regs[name] for name in names if places.get(name, 0) >= state.SYSTEM}
    found |= {name: cpu.sysreg[name] for name in ("FPCR", "FPSR", "SP_EL0", "SP_EL1", "SP_EL2", "SP_EL3", "NZCV")}
    found["NZCV"] >>= 28
    slots = {"EL": state.EL, "SPSel": state.SPSEL, "DAIF": state.DAIF, "PAN": state.PAN, "UAO": state.UAO,
             "SS": state.SS, "IL": state.IL, "DIT": state.DIT, "SSBS": state.SSBS,
             "exclusive monitor": state.EXCLUSIVE, "event register": state.EVENT}  # fmt: skip
    return found | {name: cpu.slots[slot] for name, slot in slots.items()} | {"sp": cpu.sp}


def check(machine: emu.Machine, heard: list[Event]) -> Explanation:
    """Foretells one instruction, executes it, compares everything."""
    kept = everything(machine)
    told = machine.explain_next()
    compare(kept, everything(machine))
    before, in_use = registers(machine), machine.cpu.el if machine.cpu.spsel else 0
    heard.clear()
    machine.step()
    after = registers(machine)
    expected = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if (machine.cpu.el if machine.cpu.spsel else 0) == in_use:
        expected.pop(f"SP_EL{in_use}", None)  # that is "sp"
    assert {change.name: (change.before, change.after) for change in told.changes} == expected
    assert told.next_pc == machine.cpu.pc
    assert [event for event in told.events if isinstance(event, Hit)] == [e for e in heard if isinstance(e, Hit)]
    taken = [event for event in heard if isinstance(event, ExceptionTaken)]
    assert told.exception == (taken[0] if taken else None)
    # Of bytes written twice, by a pair to the same block say, the last store counts.
    memory: dict[int, int] = {}
    for access in told.accesses:
        if access.request.access is emu.Access.WRITE and access.located is not None and access.value is not None:
            memory |= dict(enumerate(access.value.to_bytes(access.size, "little"), access.located.pa))
            owner = machine.mec.owner_of(access.located.pa)
            if machine.mec.cache is None:
                assert access.owner_after == owner
    if machine.mec.cache is None and not told.more_accesses:
        assert {pa: machine.read(pa, 1)[0] for pa in memory} == memory
    return told


@pytest.mark.parametrize("seed", range(16))
def test_what_is_foretold_comes_true(seed: int) -> None:
    model = ("cipher", "substitute")[seed % 2]
    machine = random_machine("reference", seed, model, realm=seed % 4 < 3, cache=seed % 5 == 4)
    heard: list[Event] = []
    machine.events.subscribe(heard.append, Hit, ExceptionTaken)
    kinds = {check(machine, heard).encoding for _ in range(30)}
    assert len(kinds) > 3


def test_an_engine_with_caches_of_its_own_notices_nothing() -> None:
    machine = random_machine("interpreter", 3, "cipher", realm=True)
    machine.run(25)
    kept = everything(machine)
    for _ in range(5):
        machine.explain_next()
    compare(kept, everything(machine))
    other = random_machine("interpreter", 3, "cipher", realm=True)
    other.run(25)
    machine.run(50)
    other.run(50)
    assert machine.snapshot() == other.snapshot()


def at_store() -> emu.Machine:
    machine = factory(*STORING)()
    machine.run(2)
    return machine


def test_a_store_is_told_with_operands_address_bytes_and_owner() -> None:
    """STR X0, [X1] with 5 and 0x40100000, at EL3 with the MMU off: Root memory, which nobody has stored to."""
    machine = at_store()
    machine.write(0x4010_0000, (0xAB).to_bytes(8, "little"))
    told = machine.explain_next()
    assert told.word == 0xF900_0020
    assert told.encoding == "load_store_unsigned"
    assert dict(told.fields)["rn"] == 1
    assert {operand.name: operand.value for operand in told.operands} == {"x1": 0x4010_0000, "x0": 5}
    (access,) = told.accesses
    assert (access.walk.pa, access.size, access.value, access.before) == (0x4010_0000, 8, 5, 0xAB)
    assert access.owner_before is None
    assert access.owner_after is not None
    assert access.owner_after.pas is emu.PAS.ROOT
    assert access.entry is None, "with the MMU off no TLB entry serves"
    assert (told.changes, told.exception, told.next_pc) == ((), None, 0x4000_000C)


def test_a_fault_is_told_with_the_exception_it_takes() -> None:
    """A load of EL1 beyond the mapped blocks: a Data Abort to EL1, by its vector for the current SP."""
    machine = flat_machine("reference")
    machine.write(CODE, (0xF940_0020).to_bytes(4, "little"))  # LDR X0, [X1]
    machine.cpu.x[1] = 0x7000_0000
    told = machine.explain_next()
    assert told.accesses[0].fault is not None
    assert told.accesses[0].walk.fault == told.accesses[0].fault
    assert told.exception is not None
    assert (told.exception.to_el, told.exception.ec, told.exception.far) == (1, 0x25, 0x7000_0000)
    assert told.next_pc == CODE + 0x8_0000 + 0x200
    assert machine.exceptions == []


def test_a_stale_translation_is_told_as_such() -> None:
    machine = flat_machine("reference")
    machine.write(CODE, (0xF940_0020).to_bytes(4, "little") * 2)  # LDR X0, [X1], twice
    machine.cpu.x[1] = DATA + 0x20_0000
    machine.step()
    slot = 0x4060_1000 + 16  # the block at DATA + 0x200000
    moved = int.from_bytes(machine.read(slot, 8), "little") - 0x20_0000
    machine.write(slot, moved.to_bytes(8, "little"))
    (access,) = machine.explain_next().accesses
    assert access.is_stale
    assert access.located is not None
    assert (access.located.pa, access.walk.pa) == (DATA + 0x20_0000, DATA)
    assert access.entry in machine.tlb.entries()


WORDS: dict[str, tuple[int, dict[str, Any], str]] = {
    "an MSR": (0xD51E_1100, {"x0": 0x431}, "writes SCR_EL3; the MMU goes by"),
    "an ISB": (0xD503_3FDF, {}, "ISB: no register waits for it"),
    "a TLBI": (0xD50E_871F, {}, "TLBI ALLE3: "),
    "an SMC": (0xD400_0003, {}, "SMC #0x0: taken to EL3"),
    "an SVC": (0xD400_0541, {}, "SVC #0x2a: taken to EL3"),
    "an MRS": (0xD53E_1100, {}, "reads SCR_EL3"),
    "a DC": (0xD50B_7E20, {"x0": 0x4010_0000}, "DC CIVAC root 0x40100000: no data cache is modelled"),
    "a UDF": (0x0000_0000, {}, "no instruction of this machine: UNDEFINED"),
}


@pytest.mark.parametrize("name", WORDS)
def test_system_instructions_are_told_in_words(name: str) -> None:
    word, values, sentence = WORDS[name]
    machine = factory(word)()
    for register, value in values.items():
        machine.cpu.x[int(register[1:])] = value
    assert machine.explain_next().operation.startswith(sentence)


def test_a_device_hears_nothing() -> None:
    machine = factory(0x3900_0020)()  # STRB W0, [X1]
    machine.cpu.x[0], machine.cpu.x[1] = ord("A"), 0x0900_0000
    told = machine.explain_next()
    assert (told.accesses[0].value, machine.console, told.uncertain) == (ord("A"), "", "")
    machine.step()
    assert machine.console == "A"


def test_what_only_the_device_knows_is_said_to_be_uncertain() -> None:
    class Dice:
        name, base, size, spaces = "dice", 0x0B00_0000, 0x1000, frozenset(emu.PAS)
        thrown = 0

        def read(self, offset: int, size: int) -> int:
            self.thrown += 1
            return 4

        def write(self, offset: int, size: int, value: int) -> None: ...

    machine = factory(0xF940_0020)()  # LDR X0, [X1]
    dice = Dice()
    machine.memory.devices.append(dice)
    machine.cpu.x[1] = dice.base
    assert machine.explain_next().uncertain == "what the dice answers is known only once it is asked"
    assert dice.thrown == 0
