"""mectui regs: the registers at some point of a run, system registers with their fields, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emu.errors import EmuError
from mectui.commands import looking
from mectui.queries.history import History

if TYPE_CHECKING:
    import emu
    from mectui.queries.calls import Call

GROUPS = ("general", "system", "mec", "simd")


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("regs", "Show the registers: general, system (with their fields), MEC or SIMD ones.")
    parser.add_argument("--group", choices=GROUPS, default="general", help="which of them (general); JSON has all")
    parser.add_argument("--print", action="append", default=[], metavar="EXPR", dest="printed",
                        help="print an expression instead, such as x0+8, '[sp].w' or 'owner(pa(pc))'")  # fmt: skip
    parser.add_argument("--call", type=int, default=0, metavar="N",
                        help="the general registers of call N, as `mectui calls` numbers them, and expressions of "
                        "--print as seen from it")  # fmt: skip
    histories: list[History] = []
    machine, options = looking.machine_there(parser, arguments, lambda machine, _: histories.append(History(machine)))
    history = histories[0]
    call = None if not options.call else there(machine, options)
    if options.printed:
        return print_values(machine, options.printed, options.json, call)
    if call is not None:
        return print_call(machine, call, options.json)
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


def there(machine: emu.Machine, options: argparse.Namespace) -> Call:
    """The call that was asked for. Raises EmuError."""
    from mectui.queries.calls import calls

    number: int = options.call
    if number < 0:
        raise EmuError(f"--call {number} is none: 0 is the present call, 1 the one that made it")
    if options.group != "general":
        raise EmuError(f"--group {options.group} is not known of a call: leave out --call, or choose general")
    found = calls(machine, number + 1)
    if number >= len(found.calls):
        raise EmuError(f"--call {number} is not there: call {len(found.calls) - 1} is the last one, {found.end}")
    return found.calls[number]


def print_call(machine: emu.Machine, call: Call, as_json: bool) -> int:
    from mectui.queries.call_registers import of_call
    from mectui.queries.calls import call_json
    from mectui.render import registers as render
    from mectui.render.text import plain

    if as_json:
        json.dump({"schema": 1, **call_json(call)}, sys.stdout, indent=2)
        print()
        return 0
    print(plain(render.general(of_call(machine, call), looking.width())), end="")
    return 0


def print_values(machine: emu.Machine, texts: Sequence[str], as_json: bool, call: Call | None = None) -> int:
    """What expressions evaluate to, in the order they were given; all of them are understood before any is printed."""
    from mectui.commands.where import evaluated
    from mectui.queries.labels import label
    from mectui.render import values

    found = {text: evaluated(machine, text, call=call) for text in texts}
    if as_json:
        json.dump({text: number for text, (_, number) in found.items()}, sys.stdout, indent=2)
        print()
        return 0
    for text, (expression, number) in found.items():
        print(f"{text} is {values.value(expression, number, label=lambda address: label(machine, address))}")
    return 0
