"""X0-X30 and SP of a call further out, as far as what it called has kept them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mectui.queries import registers
from mectui.queries.calls import Call, call
from mectui.queries.labels import label
from mectui.queries.pointed import looking, pointed
from mectui.queries.registers import GeneralView, RegisterView

if TYPE_CHECKING:
    import emu


def general(machine: emu.Machine, number: int, *, follows_pointers: bool = False) -> GeneralView:
    """Of the call of that number; the present ones where it is 0 or there is no such call."""
    found = call(machine, number) if number else None
    if found is None:
        return registers.general(machine, follows_pointers=follows_pointers)
    return of_call(machine, found, follows_pointers=follows_pointers)


def of_call(machine: emu.Machine, item: Call, *, follows_pointers: bool = False) -> GeneralView:
    """`follows_pointers`: with what they point at, where the call is at the exception level that reads memory now."""
    window = looking(machine) if follows_pointers and item.el == machine.cpu.el else None

    def view(name: str) -> RegisterView:
        value = item.registers.get(name)
        if value is None:
            return RegisterView(name, 0, is_lost=True)
        target = None if window is None else pointed(window, value)
        return RegisterView(name, value, note=label(machine, value) if value else "", pointed=target)

    present = registers.general(machine)
    return replace(
        present,
        x=tuple(view(f"x{number}") for number in range(31)),
        sp=view("sp"),
        pc=RegisterView("pc", item.pc, note=item.label),
        is_nzcv_changed=False,
        el=item.el,
        call=item.number,
    )
