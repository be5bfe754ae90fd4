"""mectui timeline: the whole run in strips, and every exception, hit and finding with its moment; text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import emu
from emu.errors import EmuError
from mectui.commands import looking
from mectui.commands.options import integer

MOST = 1000


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("timeline", "The whole run: which level and state it was in, and what happened when.")
    parser.add_argument("--columns", type=integer, metavar="N", help="pieces of the run (as many as there is room for)")
    parser.add_argument("--last", type=integer, default=MOST, metavar="N", help=f"marks to list at most ({MOST})")
    from emu.debug.history import Marks

    heard: list[Marks] = []

    def listen(machine: emu.Machine, options: argparse.Namespace) -> None:
        if options.columns is not None and not 1 <= options.columns <= 10_000:
            raise EmuError(f"--columns {options.columns} makes no strip: choose 1 to 10000")
        if options.last < 0:
            raise EmuError(f"--last {options.last} lists nothing: give a number from 0 up")
        heard.append(Marks(machine))

    machine, options = looking.machine_there(parser, arguments, listen)
    from mectui.queries.timeline import timeline, timeline_json, told_last
    from mectui.render import timeline as render
    from mectui.render.text import plain

    width = looking.width()
    view = timeline(machine, heard[0], options.columns or render.columns_for(width))
    marks = told_last(machine, heard[0], options.last)
    if options.json:
        json.dump(timeline_json(view, marks), sys.stdout, indent=2)
        print()
    else:
        print(
            plain([*render.strips(view), *render.listed(view, marks, width), *render.legend(view, width, keys="")]),
            end="",
        )
    return 0
