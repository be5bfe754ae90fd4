"""Instructions around an address: decoded, labelled, with the program counter, breakpoints and notes."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.architecture import PAGE, PAS, Access
from emu.errors import EmuError
from emu.translation.records import Fault, FaultKind
from mectui.queries.decode import DataAccess, data_access, decode
from mectui.queries.labels import label, symbol_at
from mectui.queries.stops import CodeMark, code_marks

if TYPE_CHECKING:
    import emu

MASK64 = (1 << 64) - 1
DATA = ".word"
"""What stands where an instruction has its name."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the load or store at the program counter is about to do. `style` is a domain style name."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class InstructionView:
    """One word of code. `word` is None where the address does not translate."""

    address: int
    word: int | None
    symbol: str
    """The symbol that starts here, or ""."""
    mnemonic: str
    operands: str
    target_label: str
    """Where a direct branch goes, by symbol, or ""."""
    target: int | None
    is_pc: bool
    breakpoint: CodeMark | None
    note: Note | None = None
    is_mapped: bool = True
    """False where a fetch from here would not get the word: it is what memory holds at the same physical address."""
    is_data: bool = False
    """The guest's file says that this is data, and the program counter is elsewhere."""
    is_undefined: bool = False
    """This machine has no such instruction, whatever its name is elsewhere."""


@dataclass(frozen=True, slots=True)
class DisassemblyView:
    start: int
    pc: int
    where: str
    """The function the window starts in, or ""."""
    rows: tuple[InstructionView, ...]


def disassembly(machine: emu.Machine, start: int, count: int) -> DisassemblyView:
    """`count` words from `start` (rounded down to a word), as the CPU would fetch them now."""
    start &= ~3 & MASK64
    pc = machine.cpu.pc
    marks = code_marks(machine)
    rows = [
        instruction(machine, (start + 4 * at) & MASK64, pc, marks, word)
        for at, word in enumerate(words(machine, start, count))
    ]
    return DisassemblyView(start, pc, label(machine, start), tuple(rows))


def words(machine: emu.Machine, start: int, count: int) -> list[int | None]:
    """`count` words as the CPU would fetch them, a page at a time; None where it could not."""
    found: list[int | None] = []
    while len(found) < count:
        at = start + 4 * len(found) & MASK64
        here = min(count - len(found), (PAGE - at % PAGE) // 4)
        data = machine.cpu.peek_bytes(at, 4 * here, Access.FETCH)
        found += [None] * here if data is None else struct.unpack(f"<{here}I", data)
    return found


def instruction(
    machine: emu.Machine, address: int, pc: int, marks: dict[int, CodeMark], word: int | None
) -> InstructionView:
    """One row; `word` is what a fetch from there would see."""
    is_mapped = word is not None
    if word is None:
        word = loaded_word(machine, address)
    is_pc = address == pc
    symbol = symbol_at(machine, address)
    if word is None:
        return InstructionView(address, None, symbol, "", "", "", None, is_pc, marks.get(address))
    if is_shown_as_data(machine, address):
        return InstructionView(
            address, word, symbol, DATA, f"0x{word:08x}", "", None, False, marks.get(address),
            is_mapped=is_mapped, is_data=True,
        )  # fmt: skip
    decoded = decode(word, address)
    is_undefined = decoded.mnemonic not in (DATA, "udf") and machine.cpu.decode(word) is None
    target_label = label(machine, decoded.target) if decoded.target is not None else ""
    note = access_note(machine, word) if is_pc else None
    return InstructionView(
        address, word, symbol, decoded.mnemonic, decoded.operands, target_label, decoded.target, is_pc,
        marks.get(address), note, is_mapped, is_undefined=is_undefined,
    )  # fmt: skip


def characters(word: int) -> str:
    """A word of data as the text that it may be: "“mecR”"; "" where it has no two printable characters in a row."""
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in word.to_bytes(4, "little"))
    return f"“{text}”" if re.search(r"[^·]{2}", text) else ""


def is_shown_as_data(machine: emu.Machine, address: int) -> bool:
    """Whether the guest's file says that this is data, and the program counter is elsewhere."""
    return address != machine.cpu.pc and machine.symbols.is_data(address)


def loaded_word(machine: emu.Machine, address: int) -> int | None:
    """The word of a program that is not mapped now, as its memory's owner sees it; None where nothing was loaded.

    The writer of a hit, say, when another Realm runs. Programs lie where their symbols say: at that physical address.
    """
    if machine.symbols.nearest(address) is None:
        return None
    try:
        return int.from_bytes(machine.read(address, 4), "little") or None
    except EmuError:
        return None


def register_value(machine: emu.Machine, name: str) -> int:
    """A general register by the disassembler's name: x0..x30, w0..w30, sp, wsp, xzr, wzr."""
    if name in ("sp", "wsp"):
        return machine.cpu.sp
    if name in ("xzr", "wzr"):
        return 0
    number = {"fp": 29, "lr": 30}.get(name)
    value = machine.cpu.x[int(name[1:]) if number is None else number]
    return value & 0xFFFF_FFFF if name[0] == "w" else value


def effective_address(machine: emu.Machine, access: DataAccess) -> int:
    """The address the load or store would use with the registers as they are."""
    total = register_value(machine, access.base) + access.displacement
    if access.index:
        index = register_value(machine, access.index)
        if access.extend == "sxtw" and index >> 31 & 1:
            index -= 1 << 32
        total += index << access.shift
    return total & MASK64


def fault_name(fault: Fault) -> str:
    """ "translation fault, level 3"; an alignment fault has no level."""
    if fault.kind is FaultKind.ALIGNMENT:
        return str(fault.kind.value)
    return f"{fault.kind.value}, level {fault.level}"


def coming_access(machine: emu.Machine) -> tuple[int, Access] | None:
    """(virtual address, kind) of the data access that the next instruction makes; None where it makes none."""
    word = machine.fetch_word(machine.cpu.pc)
    access = None if word is None else data_access(word)
    return None if access is None or not access.base else (effective_address(machine, access), access.access)


def access_note(machine: emu.Machine, word: int) -> Note | None:
    """For a load or store: where it goes and under which MECID, or why it will fail."""
    access = data_access(word)
    if access is None or not access.base:
        return None
    va = effective_address(machine, access)
    walk = machine.translate(va, access=access.access)
    if walk.fault is not None:
        return Note(fault_name(walk.fault), "fault")
    where = "" if walk.pa is None or walk.pa == va else f" PA {walk.pa:#x}"
    if walk.is_mismatch and walk.owner is not None:
        pas, mecid, key = walk.owner
        own, owner = context_name(walk.pas, walk.mecid), context_name(pas, mecid)
        is_rekeyed = own == owner
        return Note(f"SUBSTITUTED: {own} ≠ owner {owner}{f' key {key}' if is_rekeyed else ''}", "hit")
    # Outside the Realm address space a MECID means nothing.
    under = f" MECID {walk.mecid}" if walk.pas is PAS.REALM else ""
    return Note(f"walk ok{where}{under}", "ok")


def context_name(pas: PAS | None, mecid: int) -> str:
    """ "MECID 5", or the address space where no MECID has a meaning."""
    return f"MECID {mecid}" if pas is None or pas is PAS.REALM else pas.label


def disassembly_json(view: DisassemblyView) -> dict[str, Any]:
    """Everything `mectui code --json` prints."""
    return {
        "schema": 1,
        "pc": f"{view.pc:#x}",
        "instructions": [
            {
                "address": f"{row.address:#x}",
                "word": None if row.word is None else f"{row.word:#010x}",
                "mapped": row.is_mapped,
                "mnemonic": row.mnemonic,
                "operands": row.operands,
                "symbol": row.symbol or None,
                "target": None if row.target is None else f"{row.target:#x}",
            }
            for row in view.rows
        ],
    }
