"""mectui variables: what the code of a call can name, with values, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from emu.errors import EmuError
from mectui.commands import looking

DEEPEST = 12
UNFOLDED = 3
"""Levels that JSON has."""


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "variables",
        "Show the variables of a function and of the blocks around the present instruction: values, types, and where "
        "they are kept. The guest has to be built with -g.",
    )
    parser.add_argument("--call", type=int, default=0, metavar="N", help="of call N, as `mectui calls` numbers them")
    parser.add_argument("--unfold", type=int, default=None, metavar="N",
                        help=f"with the members and elements of N levels (0; {UNFOLDED} in JSON)")  # fmt: skip
    machine, options = looking.machine_there(parser, arguments)
    from mectui.queries.variables import variables_json, variables_of

    levels: int = options.unfold if options.unfold is not None else UNFOLDED if options.json else 0
    if not 0 <= levels <= DEEPEST:
        raise EmuError(f"--unfold {levels} unfolds nothing: choose 0 to {DEEPEST} levels")
    if options.call < 0:
        raise EmuError(f"--call {options.call} is none: 0 is the present call, 1 the one that made it")
    machine.lines.finish()
    view = variables_of(machine, options.call, lambda path, depth: depth < levels and "->" not in path)
    for text in (*machine.lines.problems(), *machine.variables.problems()):
        print(f"mectui: {text}", file=sys.stderr)
    if options.json:
        json.dump(variables_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import variables as render
    from mectui.render.text import plain

    print(plain(render.variables(view, looking.width())), end="")
    return 0
