"""The values of the system registers: storage in the state buffer, read and written by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping

from emu import state
from emu.errors import ConfigurationError, UnknownRegisterError
from emu.registers.claims import CLAIMS
from emu.registers.ids import RESERVED
from emu.registers.model import Encoding, Field, Operation, Register, Reset
from emu.registers.table import BY_NAME, REGISTERS

# PSTATE by name: the slots it is spread over, each with the lowest bit and the width it has in the register.
_PSTATE: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "NZCV": ((state.N, 31, 1), (state.Z, 30, 1), (state.C, 29, 1), (state.V, 28, 1)),
    "DAIF": ((state.DAIF, 6, 4),),
    "CurrentEL": ((state.EL, 2, 2),),
    "SPSel": ((state.SPSEL, 0, 1),),
    "PAN": ((state.PAN, 22, 1),),
    "UAO": ((state.UAO, 23, 1),),
    "DIT": ((state.DIT, 24, 1),),
    "SSBS": ((state.SSBS, 12, 1),),
}
_STACK_POINTERS: Mapping[str, int] = {
    "SP_EL0": state.SP_EL0,
    "SP_EL1": state.SP_EL1,
    "SP_EL2": state.SP_EL2,
    "SP_EL3": state.SP_EL3,
}
_OWN_SLOTS: Mapping[str, int] = {**_STACK_POINTERS, "FPCR": state.FPCR, "FPSR": state.FPSR}
_MEC = "FEAT_MEC"


def scramble(number: int) -> int:
    """A 64-bit word that looks random and depends on nothing but `number` (splitmix64)."""
    value = (number + 1) * 0x9E37_79B9_7F4A_7C15 & state.MASK64
    value = (value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9 & state.MASK64
    value = (value ^ value >> 27) * 0x94D0_49BB_1331_11EB & state.MASK64
    return value ^ value >> 31


class RegisterFile:
    """The system registers of one CPU.

    Raw access, as a debugger has it: no exception level, no traps, no hooks. It does keep what every write keeps:
    RES0, RES1 and read-only bits, and the implemented width of a MECID. Native code may read and write the slots.
    """

    __slots__ = (
        "_features",
        "_fields",
        "_layouts",
        "_slot",
        "_slots",
        "_watchers",
        "_writes",
        "has_mec",
        "mecid_width",
        "never_written",
        "seed",
    )

    def __init__(
        self, slots: memoryview, *, seed: int, has_mec: bool, mecid_width: int, isa: frozenset[str] = frozenset()
    ) -> None:
        """Lay the registers out in `slots` (the buffer of emu.state.State) and reset them.

        `seed` chooses the values that are UNKNOWN after reset. `mecid_width` is the width of a MECID in bits, 1 to 16.
        `isa` names the instruction set features: the ID registers claim these, and their registers and fields exist.
        """
        if not 1 <= mecid_width <= 16:
            raise ConfigurationError(f"A MECID has 1 to 16 bits, not {mecid_width}; choose a width in that range.")
        self._slots = slots
        self.seed = seed
        self.has_mec = has_mec
        self.mecid_width = mecid_width
        self._features = isa | {_MEC} if has_mec else isa
        self.never_written: set[str] = set()
        """Registers whose value is still the UNKNOWN one of the last reset."""
        self._watchers: dict[int, tuple[Callable[[], None], ...]] = {}
        self._slot: dict[str, int] = {}
        self._writes: dict[str, tuple[int, int, int, str]] = {}
        self._fields: dict[str, tuple[int, int, int]] = {}
        self._layouts: dict[str, tuple[Field, ...]] = {}
        self._lay_out()
        self.reset()

    def _lay_out(self) -> None:
        next_slot = state.SYSTEM
        present = [register for register in REGISTERS if self.has(register)]
        for register in present:
            if register.alias_of or register.name in _PSTATE:
                continue
            slot = _OWN_SLOTS.get(register.name)
            if slot is None:
                slot, next_slot = next_slot, next_slot + 1
            self._slot[register.name] = slot
        # Nobody can write the reserved ID registers: they share one slot, which stays 0.
        self._slot.update((register.name, next_slot) for register in RESERVED)
        if next_slot >= state.SYSTEM + state.SYSTEM_SLOTS:
            raise AssertionError("the state buffer has too few slots for the system registers")
        for register in present:
            storage = register.alias_of or register.name
            if storage in self._slot:
                slot = self._slot[register.name] = self._slot[storage]
                self._writes[register.name] = (slot, self._writable(register), self._fixed(register), storage)
            self._name_fields(register)

    def _name_fields(self, register: Register) -> None:
        for item in register.fields:
            key = f"{register.name}.{item.name}"
            if item.when is not None:
                self._layouts[key] = (*self._layouts.get(key, ()), item)
            elif register.name in self._slot:
                self._fields[key] = (self._slot[register.name], item.low, (1 << item.width) - 1)

    def _writable(self, register: Register) -> int:
        mask = register.writable
        for item in register.fields:
            if not self.has(item):
                mask &= ~item.mask
            if item.name == "MECID":
                mask &= (1 << self.mecid_width) - 1
        return mask

    def _fixed(self, register: Register) -> int:
        """The bits that no write changes and that are not zero."""
        fixed = register.res1
        if isinstance(register.reset, int):
            for item in register.fields:
                if item.read_only:
                    fixed |= register.reset & item.mask
        return fixed

    def has(self, item: Register | Operation | Field) -> bool:
        """Whether this machine has a register, operation or field: those of a feature that is off are absent."""
        return not item.feature or item.feature in self._features

    def __getitem__(self, name: str) -> int:
        try:
            return self._slots[self._slot[name]]
        except KeyError:
            pass
        value = 0
        for slot, low, _ in self._pstate(name):
            value |= self._slots[slot] << low
        return value

    def __setitem__(self, name: str, value: int) -> None:
        try:
            slot, mask, fixed, storage = self._writes[name]
        except KeyError:
            for slot, low, width in self._pstate(name):
                self._slots[slot] = value >> low & ((1 << width) - 1)
            return
        new = value & mask | fixed
        if slot in self._watchers and self._slots[slot] != new:
            for told in self._watchers[slot]:
                told()
        self._slots[slot] = new
        self.never_written.discard(storage)

    def _pstate(self, name: str) -> tuple[tuple[int, int, int], ...]:
        try:
            return _PSTATE[name]
        except KeyError:
            raise self._unknown(name) from None

    def _unknown(self, name: str) -> UnknownRegisterError:
        if name in BY_NAME:
            return UnknownRegisterError(f"{name} belongs to {BY_NAME[name].feature}, which this machine lacks.")
        # Names are typed by people: neither case nor a missing _ELx should hide the near ones.
        upper = {known.upper(): known for known in self.names()}
        near = difflib.get_close_matches(name.upper(), upper, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(upper[known] for known in near)}?" if near else "see the register list."
        return UnknownRegisterError(f"There is no system register {name}; {hint}")

    def slot(self, name: str) -> int:
        """The slot of the state buffer that holds a register (that of its storage, for an alias).

        PSTATE's registers are spread over slots of their own and have none: UnknownRegisterError.
        """
        try:
            return self._slot[name]
        except KeyError:
            if name in _PSTATE:
                raise UnknownRegisterError(f"{name} is part of PSTATE and has no slot; read it by name.") from None
            raise self._unknown(name) from None

    @property
    def storage(self) -> tuple[memoryview, Mapping[str, int]]:
        """The slots, and the place of each register that has one."""
        return self._slots, self._slot

    def watch(self, names: Iterable[str], told: Callable[[], None]) -> tuple[int, ...]:
        """Have `told` called whenever a write by name changes one of these registers; returns their slots."""
        slots = sorted({self._slot[name] for name in names if name in self._slot})
        for slot in slots:
            self._watchers[slot] = (*self._watchers.get(slot, ()), told)
        return tuple(slots)

    def stored_as(self, name: str) -> tuple[int, int, int]:
        """(slot, bits that a write changes, bits that are then 1)."""
        return self._writes[name][:3]

    def watchers(self, name: str) -> tuple[Callable[[], None], ...]:
        """Who is told when a register changes."""
        return self._watchers.get(self._slot[name], ())

    def plain_write(self, name: str) -> tuple[int, int, int] | None:
        """(slot, bits that a write changes, bits that are then 1) of a register that nobody watches."""
        slot, mask, fixed, _ = self._writes[name]
        return None if slot in self._watchers else (slot, mask, fixed)

    def field(self, name: str) -> int:
        """The value of a field, "SCTLR_EL2.M", as it stands in the register; 0 if the current layout lacks it."""
        try:
            slot, low, mask = self._fields[name]
        except KeyError:
            item = self._field_now(name)
            return 0 if item is None else item.of(self[name.partition(".")[0]])
        return self._slots[slot] >> low & mask

    def _field_now(self, name: str) -> Field | None:
        """The field of that name in the current layout, if there is one."""
        candidates = self._layouts.get(name)
        if candidates is None:
            return self._plain_field(name)
        for item in candidates:
            if item.when is not None and self.field(item.when[0]) == item.when[1]:
                return item
        return None

    def _plain_field(self, name: str) -> Field:
        """A field of a PSTATE register, which has no slot to keep beside its name."""
        register, _, wanted = name.partition(".")
        if register not in _PSTATE:
            self.slot(register)
        for item in BY_NAME[register].fields:
            if item.name == wanted:
                return item
        have = ", ".join(item.name for item in BY_NAME[register].fields) or "none"
        raise UnknownRegisterError(f"{register} has no field {wanted or '(none given)'}; its fields are {have}.")

    def has_field(self, name: str) -> bool:
        """Whether the current layout of a register has the field: False for CPTR_EL2.TFP while E2H is 1."""
        return name in self._fields or self._field_now(name) is not None

    def effective(self, name: str) -> int:
        """The value of a field as the machine must take it: 0 where SCR_EL3 switches its register off.

        For SCTLR2_EL2.EMEC, TCR2_EL2.AMEC0, MECID_P0_EL2.MECID, HCRX_EL2.TCR2En and their like; other fields act as
        they stand. That EL2's controls need an enabled EL2 is not looked at here.
        """
        register = BY_NAME.get(name.partition(".")[0])
        if register is not None and register.enabled_by and not self.field(register.enabled_by):
            return 0
        return self.field(name)

    def reads(self, name: str) -> int:
        """The value that code means by the name: for the stack pointer in use, slot SP and not its stale bank."""
        level = self._slots[state.EL] if self._slots[state.SPSEL] else 0
        if name == f"SP_EL{level}":
            return self._slots[state.SP]
        return self[name]

    def reset(self) -> None:
        """Give every register its reset value; UNKNOWN ones get values that only the seed decides."""
        self.never_written.clear()
        for register in REGISTERS:
            if register.alias_of or not self.has(register):
                continue
            if isinstance(register.reset, Reset):
                self[register.name] = self._unknown_value(register.encoding, register.name)
                self.never_written.add(register.name)
            else:
                unknown = 0
                for item in register.fields:
                    if item.name in register.unknown:
                        unknown |= item.mask
                self[register.name] = register.reset | self._unknown_value(register.encoding, register.name) & unknown
                if unknown:
                    self.never_written.add(register.name)
        if self.has_mec:
            self["MECIDR_EL2"] = self.mecid_width - 1
        for feature in self._features:
            for name, content in CLAIMS.get(feature, ()):
                self._claim(name, content)
        self._slots[self._slot[RESERVED[0].name]] = 0

    def _claim(self, name: str, content: int) -> None:
        """Raise an ID field to `content`; where several features share it, the last of them to arrive wins."""
        register, _, field = name.partition(".")
        item = next(item for item in BY_NAME[register].fields if item.name == field)
        present = item.of(self[register])
        # 15 says "absent" in the fields of floating point, and "present" is 0 there.
        if present == 15 or content > present:
            self[register] = self[register] & ~item.mask | content << item.low

    def _unknown_value(self, encoding: Encoding, name: str) -> int:
        """A scrambled 64-bit word, the same for the same seed and register on every machine."""
        op0, op1, crn, crm, op2 = encoding
        number = op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
        return scramble(self.seed * 0x1_0000 + number)

    def names(self) -> Iterator[str]:
        """The names of all registers that this machine has, in table order; aliases too, reserved encodings not."""
        return (register.name for register in REGISTERS if self.has(register))
