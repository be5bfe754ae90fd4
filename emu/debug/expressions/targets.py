"""What can be changed: registers, their fields and bits, and memory, by the names that expressions use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAS
from emu.debug.expressions.compiler import Expression, compile
from emu.debug.expressions.environment import SPACES, MachineEnvironment, blocks
from emu.debug.expressions.errors import ExpressionError, shortened
from emu.debug.expressions.fields import field_now, find_fields, layout_now, no_such_field
from emu.debug.expressions.names import GENERAL, STATE, VECTORS, RegisterName, Vocabulary
from emu.debug.expressions.parser import parse
from emu.debug.expressions.tree import Memory, Name, Node, Slice
from emu.registers.model import Field, Mode
from emu.registers.table import BY_NAME

if TYPE_CHECKING:
    from emu.machine import Machine


@dataclass(frozen=True, slots=True)
class Change:
    """What an assignment did: the place by its proper name, its value before and after, and the one asked for."""

    name: str
    old: int
    new: int
    asked: int


@dataclass(frozen=True, slots=True)
class Target:
    """A place that can be assigned to. Make one with `compile_target`."""

    text: str
    name: str
    """Its proper name: "SCTLR_EL1.M", "x0[7:4]", "[realm:0x40100000].w"."""
    base: RegisterName | Memory
    fields: tuple[Field, ...] = ()
    """The field that is meant, one for each layout of its register; none for a whole register."""
    bits: tuple[int, int] | None = None
    """(highest, lowest) bit of the register, field or memory; None for all of it."""
    address: Expression | None = None
    mecid: Expression | None = None

    def check(self, value: int) -> None:
        """Raises ExpressionError where a value has more bits than the place, as far as that is known by now."""
        if self.bits is not None:
            width = self.bits[0] - self.bits[1] + 1
        elif isinstance(self.base, Memory):
            width = 8 * self.base.size
        else:
            width = max((item.width for item in self.fields), default=self.base.bits)
        self._fitted(value, width)

    def assign(self, machine: Machine, value: int) -> Change:
        """Change the machine, on its own thread and while it stands. Raises EmuError, and then nothing has changed."""
        environment = MachineEnvironment(machine)
        if isinstance(self.base, Memory):
            return self._store(machine, environment, self.base, value)
        high, low = self._place(self.base, environment)
        source = self.base.source
        before = environment.register(source)
        old = _bits(before, high, low)
        whole = self._fitted(value, high - low + 1) << low
        if self.base.name[0] != "w" or self.bits is not None:  # a write to a W register zeroes the upper half
            whole |= before & ~(_mask(high, low))
        self._write(machine, source, whole)
        return Change(self.name, old, _bits(environment.register(source), high, low), value)

    def _place(self, register: RegisterName, environment: MachineEnvironment) -> tuple[int, int]:
        """(highest, lowest) bit of the register that is to change."""
        high, low = register.high, register.low
        if self.fields:
            present = field_now(self.fields, environment)
            if present is None:
                raise ExpressionError(f"{self.name} is not there while {layout_now(self.fields, environment)}.")
            high, low = present.high, present.low
        if self.bits is None:
            return high, low
        if low + self.bits[0] > high:
            raise ExpressionError(f"{self.name} is beyond the highest bit, {high - low}.")
        return low + self.bits[0], low + self.bits[1]

    def _fitted(self, value: int, width: int) -> int:
        if value >> width:
            plural = "bit" if width == 1 else "bits"
            raise ExpressionError(f"{self.name} has {width} {plural}: {value:#x} does not fit.")
        return value

    def _write(self, machine: Machine, source: str, value: int) -> None:
        cpu = machine.cpu
        if source in ("sp", "pc", "nzcv"):
            setattr(cpu, source, value)
        elif source in VECTORS:
            cpu.v[int(source[1:])] = value
        elif source in GENERAL:
            cpu.x[int(source[1:])] = value
        else:
            cpu.sysreg[source] = value

    # Memory.

    def _store(self, machine: Machine, environment: MachineEnvironment, place: Memory, value: int) -> Change:
        assert self.address is not None
        address = self.address.evaluate(environment)
        mecid = None if self.mecid is None else self.mecid.evaluate(environment)
        if mecid is not None and mecid > 0xFFFF:
            raise ExpressionError(f"A MECID has 16 bits: {mecid:#x} is too large.")
        before = environment.memory(place.space, address, place.size, mecid)
        high, low = (8 * place.size - 1, 0) if self.bits is None else self.bits
        if high >= 8 * place.size:
            raise ExpressionError(f"{self.name} is beyond the highest bit, {8 * place.size - 1}.")
        whole = before & ~_mask(high, low) | self._fitted(value, high - low + 1) << low
        data = whole.to_bytes(place.size, "little")
        pieces = self._pieces(machine, environment, place, address, mecid)
        at = 0
        for pa, size in pieces:
            machine.write(pa, data[at : at + size])
            at += size
        after = environment.memory(place.space, address, place.size, mecid)
        return Change(self.name, _bits(before, high, low), _bits(after, high, low), value)

    def _pieces(
        self, machine: Machine, environment: MachineEnvironment, place: Memory, address: int, mecid: int | None
    ) -> list[tuple[int, int]]:
        """(physical address, bytes) that are to be written. Raises ExpressionError where they would not be seen."""
        if place.space == "va":
            reached = environment.where(address, place.size)
            for pa, size, pas, identity in reached:
                environment.require_memory(pa, size)
                require_sight(machine, pa, size, pas, identity)
            return [(pa, size) for pa, size, _, _ in reached]
        if place.space != "pa":
            require_sight(machine, address, place.size, SPACES[place.space], mecid)
        return [(address, place.size)]


def compile_target(text: str, names: Vocabulary) -> Target:
    """Understand what is to be changed. Raises ExpressionError."""
    tree: Node = parse(text)
    bits = None
    if isinstance(tree, Slice):
        bits, tree = (tree.high, tree.low), tree.operand
    suffix = "" if bits is None else f"[{bits[0]}]" if bits[0] == bits[1] else f"[{bits[0]}:{bits[1]}]"
    if isinstance(tree, Memory):
        if tree.space == "raw":
            raise _error("What memory holds encrypted cannot be set; write [pa:A] for the plaintext.", text, tree)
        address = compile(text[tree.address.start : tree.address.end], names)
        mecid = None if tree.mecid is None else compile(text[tree.mecid.start : tree.mecid.end], names)
        return Target(text, text[tree.start : tree.end] + suffix, tree, (), bits, address, mecid)
    if not isinstance(tree, Name) or tree.is_quoted:
        raise _error(
            f"“{shortened(text.strip())}” cannot be set: name a register, a field, or memory in brackets.", text, tree
        )
    head, _, tail = tree.text.partition(".")
    register = names.find_register(head)
    if register is None:
        near = names.near(head)
        hint = f"; did you mean {near}?" if near is not None and names.find_register(near) else "."
        raise _error(f"There is no register “{shortened(head)}”{hint}", text, tree)
    if register.source in STATE:
        raise _error(f"{register.name} follows from the run and cannot be set.", text, tree)
    table = BY_NAME.get(register.source)
    if table is not None and table.mode is Mode.RO:
        raise _error(f"{register.name} is read-only.", text, tree)
    if not tail:
        return Target(text, register.name + suffix, register, (), bits)
    fields = find_fields(register.source, tail)
    if not fields:
        raise _error(no_such_field(register, tail), text, tree)
    if register.source == "nzcv":
        register = RegisterName("NZCV", "NZCV")
    return Target(text, f"{register.name}.{fields[0].name}{suffix}", register, fields, bits)


def _error(sentence: str, text: str, node: Node) -> ExpressionError:
    return ExpressionError(sentence, text, node.start, node.end)


def _bits(value: int, high: int, low: int) -> int:
    return value >> low & (1 << high - low + 1) - 1


def _mask(high: int, low: int) -> int:
    return (1 << high - low + 1) - 1 << low


def require_sight(machine: Machine, address: int, size: int, pas: PAS, mecid: int | None) -> None:
    """Raises ExpressionError where a context does not see what is stored: written there, it would not see it either.

    Without a MECID it is the owner's.
    """
    memory = machine.memory
    for at, _ in blocks(address, size):
        owner = machine.mec.owner_of(at)
        offset = memory.ram_offset(at)
        if owner is None or offset is None:
            continue
        identity = mecid if mecid is not None else owner.mecid if pas is owner.pas is PAS.REALM else 0
        if not memory.encrypted.is_readable_as(offset, memory.encrypted.owner_id(pas, identity)):
            whose = f"MECID {owner.mecid}" if owner.pas is PAS.REALM else f"the {owner.pas.label} address space"
            raise ExpressionError(
                f"The block at {at & ~15:#x} belongs to {whose}, and this context sees noise there; "
                f"to change its plaintext, write [pa:{at:#x}]."
            )
