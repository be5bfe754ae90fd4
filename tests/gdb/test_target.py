"""The target description: well-formed, complete, and of the sizes that the registers have."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import emu
from mectui.gdb.registers import Registers
from mectui.gdb.target import COMMON

STANDARD = {"int", "data_ptr", "code_ptr", "uint64", "uint32", "bool"}


@pytest.fixture(scope="module")
def machine() -> emu.Machine:
    return emu.Machine(memory="1M", engine="reference")


@pytest.fixture(scope="module")
def root(machine: emu.Machine) -> ElementTree.Element:
    return ElementTree.fromstring(Registers(machine).description.xml)


def test_gdb_knows_the_architecture_and_the_core_by_their_names(root: ElementTree.Element) -> None:
    assert root.findtext("architecture") == "aarch64"
    assert [feature.get("name") for feature in root.iter("feature")] == [
        "org.gnu.gdb.aarch64.core", "org.gnu.gdb.aarch64.fpu", "org.mectui.mec", "org.mectui.system",
    ]  # fmt: skip
    core, fpu = list(root.iter("feature"))[:2]
    # GDB manual, "AArch64 Features": what these two have to contain.
    assert [reg.get("name") for reg in core.iter("reg")] == [*(f"x{n}" for n in range(31)), "sp", "pc", "cpsr"]
    assert [reg.get("name") for reg in fpu.iter("reg")] == [*(f"v{n}" for n in range(32)), "fpsr", "fpcr"]


def test_numbers_follow_one_another_and_types_are_defined(root: ElementTree.Element) -> None:
    registers = list(root.iter("reg"))
    assert [int(reg.get("regnum", "")) for reg in registers] == list(range(len(registers)))
    names = [reg.get("name") for reg in registers]
    assert len(set(names)) == len(names)
    defined = {node.get("id") for kind in ("flags", "union", "vector") for node in root.iter(kind)}
    assert {reg.get("type") for reg in registers} <= STANDARD | defined


def test_every_system_register_of_the_machine_is_there_but_those_that_looking_changes(
    machine: emu.Machine, root: ElementTree.Element
) -> None:
    shown = {reg.get("name"): reg for feature in list(root.iter("feature"))[2:] for reg in feature.iter("reg")}
    own = {register.name: register for register in machine.registers.table if not register.alias_of}
    assert own.keys() - shown.keys() == {"RNDR", "RNDRRS", "FPCR", "FPSR"}
    assert shown.keys() <= own.keys()
    for name, reg in shown.items():
        assert reg.get("group") == own[str(name)].group
        assert (reg.get("bitsize"), reg.get("save-restore")) == ("64", "no")
    mec = [reg.get("name") for reg in list(root.iter("feature"))[2].iter("reg")]
    assert mec == [name for name, register in own.items() if register.group == "mec"]


def test_fields_lie_where_the_table_says_and_never_overlap(machine: emu.Machine, root: ElementTree.Element) -> None:
    own = {register.name: register for register in machine.registers.table}
    checked = 0
    for flags in root.iter("flags"):
        name = str(flags.get("id")).removesuffix("_fields")
        taken = 0
        for field in flags.iter("field"):
            low, high = int(field.get("start", "")), int(field.get("end", ""))
            mask = (1 << high + 1) - (1 << low)
            assert not taken & mask
            taken |= mask
            if name in own:
                assert any((f.name, f.low, f.high) == (field.get("name"), low, high) for f in own[name].fields)
                checked += 1
    assert checked > 200
    emec = root.find(".//flags[@id='SCTLR2_EL2_fields']/field[@name='EMEC']")
    assert emec is not None
    assert (emec.get("start"), emec.get("end")) == ("1", "1")  # mec-reference: SCTLR2_EL2.EMEC is bit 1


def test_a_machine_without_mec_shows_no_mecids() -> None:
    xml = Registers(emu.Machine(memory="1M", engine="reference", mec=False)).description.xml
    assert b"MECID" not in xml
    assert b"org.mectui.mec" not in xml


def test_every_register_reads_and_what_can_be_written_reads_back(machine: emu.Machine) -> None:
    registers = Registers(machine)
    for number, slot in enumerate(registers.description.slots):
        data = registers.read(number)
        assert len(data) == slot.size
    assert len(registers.read_common()) == 31 * 8 + 8 + 8 + 4 + 32 * 16 + 4 + 4
    for number, slot in enumerate(COMMON):
        if slot.name != "cpsr":
            registers.write(number, bytes(range(16, 16 + slot.size)))
    cpu = machine.cpu
    ascending = int.from_bytes(bytes(range(16, 32)), "little")
    assert (cpu.x[30], cpu.sp, cpu.pc) == (ascending & (1 << 64) - 1,) * 3
    assert cpu.v[31] == ascending


def test_pstate_is_written_but_for_the_exception_level(machine: emu.Machine) -> None:
    registers, cpu = Registers(machine), machine.cpu
    number = 33
    before = registers.value(number)
    assert before == 0x3CD  # DAIF masked, EL3h: Arm ARM, reset of PSTATE
    registers.write(number, (0xA000_0000 | 0x10D | 1 << 22).to_bytes(4, "little"))
    assert (cpu.nzcv, cpu.daif, cpu.pan, cpu.el, cpu.spsel) == (0b1010, 0b0100, 1, 3, 1)
    with pytest.raises(emu.EmuError, match="cpsr"):
        registers.write(number, (0x3C9).to_bytes(4, "little"))
    assert (cpu.nzcv, cpu.el) == (0b1010, 3)
    registers.write(number, before.to_bytes(4, "little"))
    assert registers.value(number) == before
