"""mectui code: instructions at some place, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from emu.errors import EmuError
from mectui.commands import looking
from mectui.commands.options import add_source_option, integer
from mectui.commands.where import resolve

MOST = 100_000


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("code", "Show instructions as the present context would fetch them, with symbols.")
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="address, symbol or expression (default: the pc)")
    parser.add_argument("--count", type=integer, default=24, metavar="N", help="how many instructions (24)")
    parser.add_argument("--mixed", action="store_true", help="with the lines of the source that they come from")
    add_source_option(parser)
    machine, options = looking.machine_there(parser, arguments)
    if not 0 < options.count <= MOST:
        raise EmuError(f"--count {options.count} shows nothing: choose 1 to {MOST} instructions")
    from mectui.queries.code import CodeMode, code, code_json
    from mectui.sources import SourceFiles

    sources = SourceFiles(options.sources)
    machine.lines.finish()
    for text in machine.lines.problems():
        print(f"mectui: {text}", file=sys.stderr)
    start = machine.cpu.pc if options.address is None else resolve(machine, options.address)
    mode = CodeMode.MIXED if options.mixed else CodeMode.INSTRUCTIONS
    view = code(machine, sources, start & ~3, options.count, mode)
    if options.json:
        json.dump(code_json(machine, view.code), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import code as render
    from mectui.render.text import plain, printable

    print(plain(render.code(view, looking.width())), end="")
    if view.missing:
        print(f"mectui: {printable(view.missing)} is not here: --source DIR names its folder", file=sys.stderr)
    return 0
