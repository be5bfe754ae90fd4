"""What a client is told of the registers: their numbers, sizes, groups and fields, as the target description XML.

The core and floating-point features are those that gdb knows by name (GDB manual, "AArch64 Features"). The system
registers come from the machine's own register table, in features of ours, so that gdb shows what it never heard of:
`info registers mec`, `p $MECID_P0_EL2`, `p $SCTLR2_EL2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from emu.registers.model import Mode

if TYPE_CHECKING:
    import emu
    from emu.registers.model import Register

CORE = "org.gnu.gdb.aarch64.core"
FPU = "org.gnu.gdb.aarch64.fpu"
SYSTEM = "org.mectui.system"
MEC = "org.mectui.mec"

_DRAWN = "random"
"""The hook of registers that give another number at each look: a debugger had better not look."""
_FLOATING = "floating"
"""The group of registers that the floating-point feature has already."""
_PSTATE = (
    ("SP", 0, 0), ("EL", 2, 3), ("nRW", 4, 4), ("F", 6, 6), ("I", 7, 7), ("A", 8, 8), ("D", 9, 9), ("SSBS", 12, 12),
    ("IL", 20, 20), ("SS", 21, 21), ("PAN", 22, 22), ("UAO", 23, 23), ("DIT", 24, 24), ("V", 28, 28), ("C", 29, 29),
    ("Z", 30, 30), ("N", 31, 31),
)  # fmt: skip
"""PSTATE in the layout of SPSR_ELx: (field, lowest bit, highest bit)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One register of the description. Its number is its place in `Description.slots`."""

    name: str
    bits: int
    feature: str
    kind: str
    """Its type in the XML."""
    group: str = ""
    fields: tuple[tuple[str, int, int], ...] = ()
    """(name, lowest bit, highest bit), where its type is one of its own."""
    is_read_only: bool = False

    @property
    def size(self) -> int:
        """In bytes."""
        return self.bits // 8


FP, SP, PC = 29, 31, 32
"""Numbers of the registers that come with every stop."""

_CORE = (
    *(Slot(f"x{number}", 64, CORE, "int") for number in range(31)),
    Slot("sp", 64, CORE, "data_ptr"),
    Slot("pc", 64, CORE, "code_ptr"),
    Slot("cpsr", 32, CORE, "cpsr_flags", fields=_PSTATE),
)
_FPU = (
    *(Slot(f"v{number}", 128, FPU, "aarch64v") for number in range(32)),
    Slot("fpsr", 32, FPU, "int"),
    Slot("fpcr", 32, FPU, "int"),
)
COMMON = (*_CORE, *_FPU)
"""What a `g` packet holds; the others are asked for one by one."""

_VECTOR_TYPES = """\
    <vector id="v2d" type="ieee_double" count="2"/>
    <vector id="v2u" type="uint64" count="2"/>
    <vector id="v2i" type="int64" count="2"/>
    <vector id="v4f" type="ieee_single" count="4"/>
    <vector id="v4u" type="uint32" count="4"/>
    <vector id="v4i" type="int32" count="4"/>
    <vector id="v8f" type="ieee_half" count="8"/>
    <vector id="v8u" type="uint16" count="8"/>
    <vector id="v8i" type="int16" count="8"/>
    <vector id="v16u" type="uint8" count="16"/>
    <vector id="v16i" type="int8" count="16"/>
    <vector id="v1u" type="uint128" count="1"/>
    <vector id="v1i" type="int128" count="1"/>
    <union id="vnd"><field name="f" type="v2d"/><field name="u" type="v2u"/><field name="s" type="v2i"/></union>
    <union id="vns"><field name="f" type="v4f"/><field name="u" type="v4u"/><field name="s" type="v4i"/></union>
    <union id="vnh"><field name="f" type="v8f"/><field name="u" type="v8u"/><field name="s" type="v8i"/></union>
    <union id="vnb"><field name="u" type="v16u"/><field name="s" type="v16i"/></union>
    <union id="vnq"><field name="u" type="v1u"/><field name="s" type="v1i"/></union>
    <union id="aarch64v"><field name="d" type="vnd"/><field name="s" type="vns"/><field name="h" type="vnh"/>\
<field name="b" type="vnb"/><field name="q" type="vnq"/></union>
"""
"""Type `aarch64v`: the lanes of a V register in every width, under the names that gdb gives them."""


@dataclass(frozen=True)
class Description:
    """The registers of one machine, numbered."""

    slots: tuple[Slot, ...]

    @cached_property
    def xml(self) -> bytes:
        """The annex target.xml."""
        parts = ['<?xml version="1.0"?>', '<!DOCTYPE target SYSTEM "gdb-target.dtd">', '<target version="1.0">',
                 "  <architecture>aarch64</architecture>"]  # fmt: skip
        for feature in dict.fromkeys(slot.feature for slot in self.slots):
            parts.append(f"  <feature name={quoteattr(feature)}>")
            if feature == FPU:
                parts.append(_VECTOR_TYPES.rstrip())
            members = [(number, slot) for number, slot in enumerate(self.slots) if slot.feature == feature]
            parts += [_flags(slot) for _, slot in members if slot.fields]
            parts += [_reg(number, slot) for number, slot in members]
            parts.append("  </feature>")
        return "\n".join([*parts, "</target>", ""]).encode("ascii")


def describe(machine: emu.Machine) -> Description:
    """The description of a machine: it depends on its features alone, so that no run and no reset changes it."""
    system = [
        _system(register)
        for register in machine.registers.table
        if not register.alias_of and register.hook != _DRAWN and register.group != _FLOATING
    ]
    system.sort(key=lambda slot: slot.feature)  # keeps the table's order within each feature
    return Description((*COMMON, *system))


def _system(register: Register) -> Slot:
    fields = _fields(register)
    return Slot(
        register.name,
        64,
        MEC if register.group == "mec" else SYSTEM,
        f"{register.name}_fields" if fields else "uint64",
        register.group,
        fields,
        register.mode is Mode.RO,
    )


def _fields(register: Register) -> tuple[tuple[str, int, int], ...]:
    """The fields to show; none where the register reads best as one number.

    A description cannot change while a client is there: of a register with several layouts it has what belongs to
    all of them. A lone field from bit 0 on, such as a MECID, is the number itself.
    """
    if len(register.fields) == 1 and register.fields[0].low == 0:
        return ()
    return tuple((item.name, item.low, item.high) for item in register.fields if item.when is None)


def _flags(slot: Slot) -> str:
    rows = [f'    <flags id={quoteattr(slot.kind)} size="{slot.size}">']
    for name, low, high in sorted(slot.fields, key=lambda item: item[1]):
        # Without a type gdb takes a field of one bit for a flag, and writes its name where it is set.
        kind = "" if low == high else f' type="{"uint64" if slot.bits == 64 else "uint32"}"'
        rows.append(f'      <field name={quoteattr(name)} start="{low}" end="{high}"{kind}/>')
    return "\n".join([*rows, "    </flags>"])


def _reg(number: int, slot: Slot) -> str:
    group = f' group={quoteattr(slot.group)} save-restore="no"' if slot.group else ""
    return f'    <reg name={quoteattr(slot.name)} bitsize="{slot.bits}" type="{slot.kind}" regnum="{number}"{group}/>'


MEMORY_MAP = (
    b'<?xml version="1.0"?>\n'
    b'<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" '
    b'"http://sourceware.org/gdb/gdb-memory-map.dtd">\n'
    b'<memory-map><memory type="ram" start="0x0" length="0xffffffffffffffff"/></memory-map>\n'
)
"""All of it: clients go by virtual addresses, and page tables may put memory anywhere. What is not mapped says so."""
