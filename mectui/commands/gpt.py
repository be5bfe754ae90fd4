"""mectui gpt: the granule protection table at some point of a run, run by run, and one address of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mectui.commands import looking
from mectui.commands.where import resolve


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "gpt",
        "Show the granule protection table: every run of granules with the address space they belong to; with PA, the "
        "entries that a check of it reads and which address spaces may reach it; then what the TLB holds of the table.",
    )
    parser.add_argument("pa", nargs="?", metavar="PA", help="physical address or symbol (default: the last access)")
    machine, options = looking.machine_there(parser, arguments)
    from mectui.queries.gpt import gpt, gpt_json

    view = gpt(machine, None if options.pa is None else resolve(machine, options.pa))
    if options.json:
        json.dump(gpt_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import gpt as render
    from mectui.render.text import plain

    print(plain(render.gpt(view, looking.width(), is_whole=True)), end="")
    return 0
