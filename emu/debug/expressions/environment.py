"""Where an expression finds its values: in a machine as it stands, or in registers that were noted at a stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from emu import state
from emu.architecture import BLOCK, PA, PAGE, PAS, Access
from emu.debug.expressions.errors import ExpressionError
from emu.debug.expressions.names import GRANULE_WORDS, NOBODY
from emu.errors import EmuError
from emu.isa.ops import Mode
from emu.rme.gpt import GPI_ANY, GPI_NON_SECURE_ONLY, GPI_OF_PAS

if TYPE_CHECKING:
    from emu.machine import Machine
    from emu.translation.mmu import Located

SPACES: Mapping[str, PAS] = {
    "realm": PAS.REALM,
    "root": PAS.ROOT,
    "secure": PAS.SECURE,
    "ns": PAS.NON_SECURE,
}
"""The address spaces of memory operands."""
_GRANULES: Mapping[int, int] = {
    **{gpi: int(pas) for pas, gpi in GPI_OF_PAS.items()},
    GPI_NON_SECURE_ONLY: GRANULE_WORDS["nsonly"],
    GPI_ANY: GRANULE_WORDS["any"],
}


class NeedsMachineError(ExpressionError):
    """What was asked is not among the registers of the last stop; only the machine itself knows."""


class Environment(Protocol):
    """What an expression asks while it is evaluated. Answers are unsigned; errors are EmuErrors. Nothing changes."""

    def register(self, name: str) -> int:
        """A register by the proper name of `Vocabulary.registers`, or "el", "security", "insns"."""
        ...

    def acting(self, name: str) -> int:
        """The value of a system register that acts: what it held at the last context synchronisation event."""
        ...

    def effective(self, register: str, field: str) -> int:
        """A field as the hardware takes it, enables in other registers considered."""
        ...

    def memory(self, space: str, address: int, size: int, mecid: int | None) -> int:
        """`size` bytes as a little-endian number. `space` is "va", "pa", "raw", "realm", "root", "secure" or "ns"."""
        ...

    def ask(self, question: str, argument: int) -> int:
        """A question about an address: the names of `emu.debug.expressions.functions.QUESTIONS`."""
        ...

    def source(self, text: str) -> int:
        """The address of a line of the source, "mec.c:40"; the lowest where it has several."""
        ...


class RegisterValues:
    """Registers by name as they were noted once (`mectui.queries.registers.values`); no memory."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self._values = values

    def register(self, name: str) -> int:
        try:
            return self._values[name]
        except KeyError:
            pass
        if name == "el" and "CurrentEL" in self._values:
            return self._values["CurrentEL"] >> 2
        raise NeedsMachineError(f"The value of {name} is known only while there is a machine.")

    def acting(self, name: str) -> int:
        raise NeedsMachineError("What acts is known only while there is a machine.")

    def effective(self, register: str, field: str) -> int:
        raise NeedsMachineError("What is effective is known only while there is a machine.")

    def memory(self, space: str, address: int, size: int, mecid: int | None) -> int:
        raise NeedsMachineError("Memory can be read only while there is a machine.")

    def ask(self, question: str, argument: int) -> int:
        raise NeedsMachineError(f"{question}() can be asked only while there is a machine.")

    def source(self, text: str) -> int:
        raise NeedsMachineError(f"The address of {text} is known only while there is a machine.")


class MachineEnvironment:
    """A live machine. Use it on the thread that runs the machine; it changes nothing there."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._cpu = machine.cpu
        self.notes: list[str] = []
        """What whoever wrote an expression should know: a line of the source that has no code, and what it means."""
        self._questions: Mapping[str, Callable[[int], int]] = {
            "owner": self._owner,
            "owner_pas": self._owner_pas,
            "generation": self._generation,
            "pas": self._pas,
            "pa": lambda va: self._reached(va).pa,
            "mapped": lambda va: int(self._locate(va) is not None),
            "mecid": lambda va: self._reached(va).mecid,
        }
        slots = self._cpu.slots
        self._slots = slots
        self._places = {
            **{f"x{number}": state.X0 + number for number in range(31)},
            "sp": state.SP,
            "pc": state.PC,
            "el": state.EL,
        }

    def register(self, name: str) -> int:
        place = self._places.get(name)
        if place is not None:
            return self._slots[place]
        cpu = self._cpu
        match name:
            case "nzcv":
                return cpu.nzcv
            case "security":
                return int(cpu.security)
            case "insns":
                return cpu.instructions
        if name[0] == "v":
            return cpu.v[int(name[1:])]
        return cpu.sysreg[name]

    def acting(self, name: str) -> int:
        return self._cpu.acting[name]

    def effective(self, register: str, field: str) -> int:
        enables = {"SCTLR2_EL2.EMEC": "emec_el2", "SCTLR2_EL3.EMEC": "emec_el3",
                   "TCR2_EL2.AMEC0": "amec0", "TCR2_EL2.AMEC1": "amec1"}  # fmt: skip
        enable = enables.get(f"{register}.{field}")
        if enable is not None:
            return int(self._machine.mec.effective()[enable][0])
        return self._cpu.regs.effective(f"{register}.{field}")

    # Memory.

    def memory(self, space: str, address: int, size: int, mecid: int | None) -> int:
        if space == "va":
            data = self._machine.read_virtual(address, size)
            if data is None:
                raise self._unreadable(address, size)
            return int.from_bytes(data, "little")
        self.require_memory(address, size)
        memory = self._machine.memory
        if space == "pa":
            data = memory.peek(address, size)
        elif space == "raw":
            offset = memory.ram_offset(address)
            assert offset is not None
            data = memory.encrypted.raw(offset, size)
        else:
            data = b"".join(self._seen(SPACES[space], at, length, mecid) for at, length in blocks(address, size))
        return int.from_bytes(data, "little")

    def _seen(self, pas: PAS, address: int, size: int, mecid: int | None) -> bytes:
        """Bytes of one block; without a MECID, Realm memory is seen under its owner's."""
        if mecid is None:
            owner = self._machine.mec.owner_of(address)
            mecid = owner.mecid if owner is not None and owner.pas is PAS.REALM and pas is PAS.REALM else 0
        return self._machine.mec.view_as(address, size, pas, mecid)

    def require_memory(self, address: int, size: int) -> None:
        """Raises ExpressionError where physical memory does not hold all of these bytes."""
        memory = self._machine.memory
        region = memory.region_of(address)
        if region is not None and address + size <= region.end:
            return
        for device in memory.devices:
            if device.base <= address < device.base + device.size:
                raise ExpressionError(f"{address:#x} is the device {device.name}: looking at it could change it.")
        places = ", ".join(f"{each.name} {each.base:#x}-{each.end - 1:#x}" for each in memory.regions)
        raise ExpressionError(f"There is no memory at {address:#x}; there is {places}.")

    def _unreadable(self, va: int, size: int) -> ExpressionError:
        for at in (va, (va + size - 1) & state.MASK64):
            where = self._locate(at)
            if where is None:
                return ExpressionError(f"{at:#x} cannot be read: {self._machine.translate(at).summary}.")
            try:
                self.require_memory(where.pa, 1)
            except ExpressionError as error:
                return ExpressionError(f"{at:#x} cannot be read: {error}")
        return ExpressionError(f"{va:#x} cannot be read.")

    # Questions.

    def source(self, text: str) -> int:
        addresses = self._machine.lines.addresses_of(text)
        assert addresses, "it has the form of a place in the source"
        note = self._machine.lines.note(text)
        if note and note not in self.notes:
            self.notes.append(note)
        return addresses[0]

    def ask(self, question: str, argument: int) -> int:
        return self._questions[question](argument)

    def _owner(self, pa: int) -> int:
        owner = self._machine.mec.owner_of(pa)
        return NOBODY if owner is None else owner.mecid

    def _owner_pas(self, pa: int) -> int:
        owner = self._machine.mec.owner_of(pa)
        return NOBODY if owner is None else int(owner.pas)

    def _generation(self, pa: int) -> int:
        owner = self._machine.mec.owner_of(pa)
        return NOBODY if owner is None else owner.generation

    def _pas(self, pa: int) -> int:
        granules = self._cpu.mmu.granules
        with self._machine.memory.unobserved():
            found = granules.look(pa, PAS.ROOT, as_cached=False)
        if not found.enabled:
            return GRANULE_WORDS["any"]
        return NOBODY if found.gpi is None else _GRANULES.get(found.gpi, NOBODY)

    def _locate(self, va: int) -> Located | None:
        """Where a load of the present context would go, through the TLB as it is."""
        return self._cpu.mmu.look(self._cpu.request(va, 1, Access.READ, Mode.NORMAL))

    def _reached(self, va: int) -> Located:
        where = self._locate(va)
        if where is None:
            raise ExpressionError(f"{va:#x} is not mapped: {self._machine.translate(va).summary}.")
        return where

    def where(self, va: int, size: int) -> list[tuple[PA, int, PAS, int]]:
        """(physical address, bytes, address space, MECID) of each page's part of `size` bytes at a virtual address."""
        found = []
        while size:
            length = min(size, PAGE - (va & PAGE - 1))
            place = self._reached(va)
            found.append((place.pa, length, place.pas, place.mecid))
            va, size = (va + length) & state.MASK64, size - length
        return found


def blocks(address: int, size: int) -> list[tuple[int, int]]:
    """(address, bytes) of the part of `size` bytes in each encryption block."""
    found = []
    while size:
        length = min(size, BLOCK - address % BLOCK)
        found.append((address, length))
        address, size = address + length, size - length
    return found


def error_of(error: EmuError) -> str:
    """The sentence of an error, with a capital and a full stop."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
