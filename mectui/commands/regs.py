"""mectui regs: the registers at some point of a run, system registers with their fields, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mectui.commands import looking
from mectui.queries.history import History

if TYPE_CHECKING:
    import emu

GROUPS = ("general", "system", "mec", "simd")


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("regs", "Show the registers: general, system (with their fields), MEC or SIMD ones.")
    parser.add_argument("--group", choices=GROUPS, default="general", help="which of them (general); JSON has all")
    parser.add_argument("--print", action="append", default=[], metavar="EXPR", dest="printed",
                        help="print an expression instead, such as x0+8, '[sp].w' or 'owner(pa(pc))'")  # fmt: skip
    histories: list[History] = []
    machine, options = looking.machine_there(parser, arguments, lambda machine, _: histories.append(History(machine)))
    history = histories[0]
    if options.printed:
        return print_values(machine, options.printed, options.json)
    if options.json:
        from mectui.queries.report import registers_json

        json.dump(registers_json(machine, history), sys.stdout, indent=2)
        print()
        return 0
    from mectui.queries import registers
    from mectui.render import registers as render
    from mectui.render.text import plain

    width = looking.width()
    if options.group == "general":
        lines = render.general(registers.general(machine), width)
    elif options.group == "system":
        view = registers.system(machine, history=history)
        lines = render.system(
            view, width, frozenset(register.name for _, group in view.groups for register in group), is_whole=True
        )
    elif options.group == "mec":
        lines = render.mec_registers(registers.mec_registers(machine, history=history), width)
    else:
        lines = render.simd(registers.simd(machine), width)
    print(plain(lines), end="")
    return 0


def print_values(machine: emu.Machine, texts: Sequence[str], as_json: bool) -> int:
    """What expressions evaluate to, in the order they were given; all of them are understood before any is printed."""
    from mectui.commands.where import evaluated
    from mectui.queries.labels import label
    from mectui.render import values

    found = {text: evaluated(machine, text) for text in texts}
    if as_json:
        json.dump({text: number for text, (_, number) in found.items()}, sys.stdout, indent=2)
        print()
        return 0
    for text, (expression, number) in found.items():
        print(f"{text} is {values.value(expression, number, label=lambda address: label(machine, address))}")
    return 0
