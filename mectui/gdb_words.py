"""What people type who know gdb: commands that have another name here, and memory as gdb's `x` shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mectui.queries.labels import label
from mectui.render import numbers, values

if TYPE_CHECKING:
    import emu

ELSEWHERE: Mapping[str, str] = {
    "jump": "write “set pc=ADDRESS”, then “run”",
    "j": "write “set pc=ADDRESS”, then “run”",
    "start": "the guest is loaded and stands at its entry point: “run” runs it, “restart” begins again",
    "starti": "the guest is loaded and stands at its entry point: “restart” begins again",
    "kill": "“restart” begins again, “quit” leaves",
    "k": "“restart” begins again, “quit” leaves",
    "detach": "“quit” leaves",
    "file": "the key O goes to the start screen, which opens other guests",
    "load": "the guest is loaded already; the key O goes to the start screen, which opens others",
    "target": "the machine is part of mectui; “mectui gdbserver GUEST” serves it to gdb",
    "attach": "the machine is part of mectui; “mectui gdbserver GUEST” serves it to gdb",
    "tui": "this screen is always there; “workspace” changes the panes, the key v what the code shows",
    "layout": "“workspace” changes the panes, the key v what the code shows",
    "focus": "“pane NAME” goes to a pane, and so does Tab",
    "call": "nothing is called behind the guest's back; “print” evaluates an expression, “set” changes the machine",
    "shell": "the key ^z goes to the shell, `fg` comes back",
    "ptype": "“variables” shows variables with their types; Enter unfolds one",
    "whatis": "“variables” shows variables with their types; Enter unfolds one",
    "signal": "a machine without an operating system has no signals; “catch exception” stops at exceptions",
    "handle": "a machine without an operating system has no signals; “catch exception” stops at exceptions",
    "thread": "this machine has one CPU and no threads",
    "record": "every run is kept: “back”, “rnext”, “rcontinue” and the rest go back in time at once",
    "checkpoint": "every moment of the run can be gone back to: “at #N”, or the timeline",
    "search": "the key / searches in the focused pane",
    "find": "the key / searches in the focused pane",
    "dump": "“export FILE.md” saves what a pane shows; “mectui memory” prints memory without a screen",
    "echo": '“log PLACE "text"” writes a message where the guest comes by',
}
"""Words of gdb that are no commands here, and what to do instead: the end of a sentence."""

INFO: Mapping[str, str] = {
    "registers": "the registers, or one: info registers SCTLR_EL1",
    "breakpoints": "every stop",
    "watchpoints": "every stop",
    "line": "the address of a line of the source, or the line of an address",
    "symbol": "what an address is called",
    "address": "where a symbol is",
    "source": "where source files are looked for",
    "frame": "the calls that led here",
    "stack": "the calls that led here",
    "locals": "the variables of the call that is looked at",
    "args": "the same: parameters stand among them",
}
"""What `info` tells, and how; the words as gdb has them."""

INFO_LETTERS = {"r": "registers", "b": "breakpoints", "l": "line", "f": "frame", "s": "stack"}
_FORMAT = re.compile(r"(?P<count>\d{0,6})(?P<letters>[a-z]{0,2})")
_SIZES = {"b": 1, "h": 2, "w": 4, "g": 8}
_FORMS = "xduotacfsi"
_SHOWN = "xdutasi"
MOST_BYTES = 1024
"""Bytes that one `x` shows; the memory pane shows the rest."""
LONGEST_TEXT = 200
MASK64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Examine:
    """How `x` shows memory: so many values of so many bytes each. `form` is one of "xduta", or "s" or "i"."""

    count: int = 1
    size: int = 8
    form: str = "x"


def examine(form: str) -> Examine | str:
    """What stands behind "x/", as in "4gx"; or a sentence about what is wrong with it."""
    found = _FORMAT.fullmatch(form.lower())
    letters = "" if found is None else found["letters"]
    sizes = [letter for letter in letters if letter in _SIZES]
    forms = [letter for letter in letters if letter in _FORMS]
    if found is None or len(sizes) > 1 or len(forms) > 1 or len(sizes) + len(forms) != len(letters):
        return "“x” is written as gdb has it: x/4gx ADDRESS, x/8wd ADDRESS, x/s ADDRESS, x/i ADDRESS."
    if forms and forms[0] not in _SHOWN:
        return f"“x” shows no values as “{forms[0]}”; there is x, d, u, t, a, s for text, and i for code."
    chosen = forms[0] if forms else "x"
    size = _SIZES[sizes[0]] if sizes else 8
    count = int(found["count"] or 1)
    if not 0 < count * size <= MOST_BYTES and chosen not in "si":
        return f"“x” shows 1 to {MOST_BYTES} bytes at once; the memory pane shows more: mem ADDRESS."
    return Examine(count, size, chosen)


def examined(machine: emu.Machine, address: int, how: Examine) -> str:
    """Memory at a virtual address, as the guest would read it now; or why it cannot be read."""
    if how.form == "s":
        return _text(machine, address)
    parts: list[str] = []
    for at in range(how.count):
        place = address + at * how.size & MASK64
        data = machine.read_virtual(place, how.size)
        if data is None:
            why = f"{numbers.address(place)} cannot be read: {machine.translate(place).summary}."
            return f"{_line(address, parts)}; {why}" if parts else why
        parts.append(_value(machine, int.from_bytes(data, "little"), how))
    return _line(address, parts)


def _line(address: int, parts: list[str]) -> str:
    return f"{numbers.address(address)}: {'  '.join(parts)}"


def _value(machine: emu.Machine, number: int, how: Examine) -> str:
    match how.form:
        case "d":
            return str(values.as_signed(number, 8 * how.size))
        case "u":
            return str(number)
        case "t":
            return f"0b{values.groups_of_four(f'{number:0{8 * how.size}b}')}"
        case "a":
            return f"{values.hexadecimal(number)} {label(machine, number)}".rstrip()
    return f"0x{number:0{2 * how.size}x}"


def _text(machine: emu.Machine, address: int) -> str:
    """Up to the first zero byte."""
    text = b""
    while len(text) < LONGEST_TEXT:
        data = machine.read_virtual(address + len(text) & MASK64, 1)
        if data is None and not text:
            return f"{numbers.address(address)} cannot be read: {machine.translate(address).summary}."
        if data is None or data == b"\0":
            break
        text += data
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in text)
    return f"{numbers.address(address)}: “{shown}”{'…' if len(text) == LONGEST_TEXT else ''}"
