"""mectui code: instructions at some place, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from emu.errors import EmuError
from mectui.commands import looking
from mectui.commands.where import resolve

MOST = 100_000


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("code", "Show instructions as the present context would fetch them, with symbols.")
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="address, symbol or expression (default: the pc)")
    parser.add_argument("--count", type=int, default=24, metavar="N", help="how many instructions (24)")
    machine, options = looking.machine_there(parser, arguments)
    if not 0 < options.count <= MOST:
        raise EmuError(f"--count {options.count} shows nothing: choose 1 to {MOST} instructions")
    from mectui.queries.disassembly import disassembly, disassembly_json

    start = machine.cpu.pc if options.address is None else resolve(machine, options.address)
    view = disassembly(machine, start & ~3, options.count)
    if options.json:
        json.dump(disassembly_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import disassembly as render
    from mectui.render.text import plain

    print(plain(render.disassembly(view, looking.width())), end="")
    return 0
