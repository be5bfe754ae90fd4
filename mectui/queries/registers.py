"""Registers with their decoded fields, what changed since the last stop, and the effective MEC enables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import MecidSource
from emu.debug.events import Moment
from emu.mec.selection import explain_mecid, mecid_value
from mectui.queries.history import History
from mectui.queries.labels import label
from mectui.queries.pointed import Pointed, looking, pointed

if TYPE_CHECKING:
    import emu
    from emu.registers.model import Field, Register

NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a system register. `bits` as the manual writes them: "49", "15:0"."""

    name: str
    bits: str
    value: int
    meaning: str
    is_changed: bool = False
    effective: int | None = None
    """What it acts as, where that is not its value."""
    why: str = ""
    """The control that makes the difference."""


@dataclass(frozen=True, slots=True)
class PendingView:
    """A write that does not act yet: the value that acts instead, and where the register was written."""

    acting: int
    moment: Moment
    where: str


@dataclass(frozen=True, slots=True)
class RegisterView:
    """One register. `is_unknown`: nobody has written it since reset, its value is the seed's choice."""

    name: str
    value: int
    is_changed: bool = False
    is_unknown: bool = False
    note: str = ""
    """The symbol the value points at, or the register's meaning."""
    group: str = ""
    fields: tuple[FieldView, ...] = ()
    pending: PendingView | None = None
    written: Moment | None = None
    """The last MSR to it, where that is known."""
    written_by: str = ""
    effective: int | None = None
    """What the whole register acts as, where that is not its value."""
    why: str = ""
    pointed: Pointed | None = None
    """What stands at the address that the value is, where somebody asked for it."""
    is_lost: bool = False
    """Nothing is left of what it held; `value` says nothing."""


@dataclass(frozen=True, slots=True)
class EffectiveView:
    """A MEC enable as it acts, beside what is programmed, and why."""

    name: str
    programmed: int
    effective: bool
    why: str
    is_unknown: bool = False
    """Nobody has written the register since reset: the bit is the seed's choice."""


@dataclass(frozen=True, slots=True)
class GeneralView:
    """X0-X30 and the process state."""

    x: tuple[RegisterView, ...]
    sp: RegisterView
    pc: RegisterView
    nzcv: int
    is_nzcv_changed: bool
    el: int
    security: str
    spsel: int
    daif: int
    pan: int
    call: int = 0
    """The call further out whose registers these are: X0-X30, SP and PC; its process state is not known."""


@dataclass(frozen=True, slots=True)
class SystemView:
    """System registers by group."""

    groups: tuple[tuple[str, tuple[RegisterView, ...]], ...]


@dataclass(frozen=True, slots=True)
class MecRegistersView:
    """The MECID registers, the bits that enable them, and what takes effect."""

    mecids: tuple[RegisterView, ...]
    effective: tuple[EffectiveView, ...]
    controls: tuple[tuple[str, str, int, str], ...]
    """(register, field, value, meaning)"""


@dataclass(frozen=True, slots=True)
class SimdView:
    v: tuple[RegisterView, ...]


CONTROLS = (
    ("SCR_EL3", "MECEn", 49),
    ("SCR_EL3", "SCTLR2En", 44),
    ("SCR_EL3", "TCR2En", 43),
    ("TCR_EL2", "A1", 22),
)
"""Bits that decide about MEC outside SCTLR2 and TCR2 (mec-reference 1.3)."""

GROUPS = ("translation", "mec", "rme", "exceptions", "control")
"""Groups in the order of the system tab; the others follow in the table's order."""

PROGRAMMED = {
    "emec_el2": ("SCTLR2_EL2.EMEC", "SCTLR2_EL2", 1),
    "emec_el3": ("SCTLR2_EL3.EMEC", "SCTLR2_EL3", 1),
    "amec0": ("TCR2_EL2.AMEC0", "TCR2_EL2", 12),
    "amec1": ("TCR2_EL2.AMEC1", "TCR2_EL2", 13),
}
"""For each effective value: the programmed bit it comes from."""

CONTROL_MEANING = {
    "MECEn": {0: "EL2 MECID registers trap to EL3 and count as 0", 1: "Realm EL2 uses its MECID registers"},
    "SCTLR2En": {0: "SCTLR2_EL2 acts as 0: no EMEC", 1: "SCTLR2_EL2 is in effect"},
    "TCR2En": {0: "TCR2_EL2 acts as 0: no AMEC0, no AMEC1", 1: "TCR2_EL2 is in effect"},
    "A1": {0: "EL2&0 walks use MECID_P1_EL2", 1: "EL2&0 walks use MECID_P0_EL2"},
}


def values(machine: emu.Machine) -> dict[str, int]:
    """Every register by name, as plain numbers: what the next stop is compared with, and what expressions use."""
    cpu = machine.cpu
    found = {f"x{number}": cpu.x[number] for number in range(31)}
    found |= {f"v{number}": cpu.v[number] for number in range(32)}
    found |= {"sp": cpu.sp, "pc": cpu.pc, "nzcv": cpu.nzcv}
    for register in machine.registers.table:
        found[register.name] = cpu.sysreg[register.name]
    return found


def changed(name: str, value: int, before: Mapping[str, int]) -> bool:
    return name in before and before[name] != value


def general(
    machine: emu.Machine, before: Mapping[str, int] = NOTHING, *, follows_pointers: bool = False
) -> GeneralView:
    """X0-X30, SP, PC and PSTATE; `before` are the `values` of the previous stop.

    `follows_pointers`: with what X0-X30 and SP point at.
    """
    cpu = machine.cpu
    window = looking(machine) if follows_pointers else None

    def view(name: str, value: int) -> RegisterView:
        note = label(machine, value) if value else ""
        found = pointed(window, value) if window is not None and name != "pc" else None
        return RegisterView(name, value, changed(name, value, before), note=note, pointed=found)

    return GeneralView(
        x=tuple(view(f"x{number}", cpu.x[number]) for number in range(31)),
        sp=view("sp", cpu.sp),
        pc=view("pc", cpu.pc),
        nzcv=cpu.nzcv,
        is_nzcv_changed=changed("nzcv", cpu.nzcv, before),
        el=cpu.el,
        security=cpu.security.label,
        spsel=cpu.spsel,
        daif=cpu.daif,
        pan=cpu.pan,
    )


def system(machine: emu.Machine, before: Mapping[str, int] = NOTHING, history: History | None = None) -> SystemView:
    """Every system register that has storage of its own, by group; the groups people look at most come first."""
    groups: dict[str, list[RegisterView]] = {}
    for register in machine.registers.table:
        if not register.alias_of:
            groups.setdefault(register.group, []).append(system_register(machine, register, before, history))
    order = sorted(groups, key=lambda name: GROUPS.index(name) if name in GROUPS else len(GROUPS))
    return SystemView(tuple((name, tuple(groups[name])) for name in order))


def system_register(
    machine: emu.Machine,
    register: Register,
    before: Mapping[str, int] = NOTHING,
    history: History | None = None,
) -> RegisterView:
    """A register with the fields of its present layout; `history` knows who wrote it."""
    value = machine.cpu.sysreg[register.name]
    old = before.get(register.name, value)
    off = masking_control(machine, register)
    fields = tuple(
        FieldView(
            name=field.name,
            bits=str(field.high) if field.high == field.low else f"{field.high}:{field.low}",
            value=field.of(value),
            meaning=field.values.get(field.of(value), field.meaning),
            is_changed=field.of(value) != field.of(old),
            effective=0 if off and field.of(value) else None,
            why=off if field.of(value) else "",
        )
        for field in register.fields
        if is_present(machine, field)
    )
    waiting = machine.registers.pending().get(register.name)
    written = None if history is None else history.writes.get(register.name)
    effective, why = acting_mecid(machine, register.name, value)
    if effective is None and off and value:
        effective, why = 0, off
    return RegisterView(
        name=register.name,
        value=value,
        is_changed=value != old,
        is_unknown=register.name in machine.registers.never_written,
        note=register.meaning,
        group=register.group,
        fields=fields,
        pending=None
        if waiting is None
        else PendingView(waiting.acting, waiting.moment, label(machine, waiting.moment.pc)),
        written=written,
        written_by="" if written is None else label(machine, written.pc),
        effective=effective,
        why=why,
    )


def is_present(machine: emu.Machine, field: Field) -> bool:
    """Whether a field belongs to the layout that its register has now."""
    if field.when is None:
        return True
    control, wanted = field.when
    regs = machine.cpu.regs
    return regs.has_field(control) and regs.field(control) == wanted


def masking_control(machine: emu.Machine, register: Register) -> str:
    """The control that makes a register's fields act as 0 now, "SCR_EL3.TCR2En=0"; "" where none does."""
    if not register.enabled_by or machine.cpu.regs.field(register.enabled_by):
        return ""
    return f"{register.enabled_by}=0"


_SOURCES = {source.value: source for source in MecidSource}


def acting_mecid(machine: emu.Machine, name: str, value: int) -> tuple[int | None, str]:
    """(the number that a MECID register supplies, why it is not the one it holds); (None, "") where they agree."""
    source = _SOURCES.get(name)
    if source is None:
        return None, ""
    cpu = machine.cpu
    why = explain_mecid(cpu.acting, source, cpu.features)
    if not why:
        return None, ""
    acting = mecid_value(cpu.acting, source, cpu.features)
    return (acting, why) if acting != value else (None, "")


def mec_registers(
    machine: emu.Machine, before: Mapping[str, int] = NOTHING, history: History | None = None
) -> MecRegistersView:
    """The MECID registers and everything that decides whether they are used."""
    sysreg = machine.cpu.sysreg
    table = {register.name: register for register in machine.registers.table}
    names = [name for name in table if name.startswith(("MECID", "VMECID"))]
    effective = []
    for key, (is_on, why) in machine.mec.effective().items():
        name, register, bit = PROGRAMMED.get(key, ("", "", 0))
        if register in table:
            is_unknown = register in machine.registers.never_written
            effective.append(EffectiveView(name, sysreg[register] >> bit & 1, is_on, why, is_unknown))
    controls = []
    for register, field, bit in CONTROLS:
        if register not in table:
            continue
        value = sysreg[register] >> bit & 1
        controls.append((register, field, value, CONTROL_MEANING[field][value]))
    return MecRegistersView(
        mecids=tuple(system_register(machine, table[name], before, history) for name in names),
        effective=tuple(effective),
        controls=tuple(controls),
    )


def simd(machine: emu.Machine, before: Mapping[str, int] = NOTHING) -> SimdView:
    """V0-V31, 128 bits each."""
    v = machine.cpu.v
    return SimdView(
        tuple(RegisterView(f"v{number}", v[number], changed(f"v{number}", v[number], before)) for number in range(32))
    )
