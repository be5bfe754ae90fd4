"""mectui step: what one instruction does, stage by stage, as text or JSON. It is explained, not executed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mectui.commands import looking
from mectui.commands.machine import CompileProgress, build_machine
from mectui.commands.where import run_until


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "step",
        "Show what the next instruction does: the walk of its fetch, its encoding, the registers it reads, every data "
        "access with translation, permission, granule protection, MECID and owner, the results, and the exception it "
        "takes if it takes one.",
        until="run to this address, symbol or FILE:LINE first (default: do not run)",
    )
    parser.add_argument("--fields", action="store_true", help="with every field of every descriptor")
    options = parser.parse_args(arguments)
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    if options.until is not None:
        run_until(machine, options.until)
        progress.finish()
    from mectui.queries.pipeline import pipeline, pipeline_json

    view = pipeline(machine)
    if options.json:
        json.dump(pipeline_json(view.next), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import pipeline as render
    from mectui.render.text import plain

    opened = render.ALL if options.fields else render.walks_open(view.next)
    print(plain(render.section("next", "will do", view.next, looking.width(), opened)), end="")
    return 0
