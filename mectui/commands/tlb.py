"""mectui tlb: the TLB at some point of a run, stale entries marked, and the log of invalidations, as text or JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence

from mectui.commands.machine import CompileProgress, build_machine
from mectui.commands.options import Parser, add_machine_options
from mectui.commands.where import LIMIT, run_until


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui tlb",
        description="Show the TLB: every entry with its tags, the register that supplies its MECID, who filled it, "
        "whether a fresh walk would contradict it and which TLBI would remove it; then the invalidations so far.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("guest", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("--until", metavar="WHERE", help="run to this address or symbol (default: to the guest's end)")
    parser.add_argument("--json", action="store_true", help="print entries and invalidations as JSON")
    add_machine_options(parser)
    options = parser.parse_args(arguments)
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    if options.until is not None:
        run_until(machine, options.until)
    else:
        machine.run(LIMIT)
    progress.finish()
    from mectui.queries.tlb import tlb, tlb_json

    view = tlb(machine, None)
    if options.json:
        json.dump(tlb_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import tlb as render
    from mectui.render.text import plain

    width = max(80, shutil.get_terminal_size((120, 24)).columns)
    print(render.summary(view))
    print(plain(render.tlb(view, width)), end="")
    return 0
