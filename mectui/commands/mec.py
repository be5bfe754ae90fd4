"""mectui mec: MECID registers, their enables, and who owns which page, at some point of a run, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mectui.commands import looking


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "mec",
        "Show the MECID registers, what their enables come to and why, and the map of physical memory: "
        "which encryption context owns which page.",
    )
    machine, options = looking.machine_there(parser, arguments)
    if options.json:
        from mectui.queries.report import mec_json

        json.dump(mec_json(machine), sys.stdout, indent=2)
        print()
        return 0
    from mectui.queries.mec import mec_map
    from mectui.queries.registers import mec_registers
    from mectui.render import mec, registers
    from mectui.render.text import plain

    width = looking.width()
    print(plain(registers.mec_registers(mec_registers(machine), width)))
    print(plain(mec.mec_map(mec_map(machine, mec.columns_for(width)), width)), end="")
    return 0
