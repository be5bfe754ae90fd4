"""mectui mec: MECID registers, their enables, and who owns which page, at some point of a run, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mectui.commands import looking
from mectui.queries.history import History


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "mec",
        "Show the MECID registers, what their enables come to and why, the ledger of MECIDs, and the map of physical "
        "memory: which encryption context owns which page.",
    )
    histories: list[History] = []
    machine, options = looking.machine_there(parser, arguments, lambda machine, _: histories.append(History(machine)))
    from mectui.queries.ledger import ledger

    table = ledger(machine, histories[0])
    if options.json:
        from mectui.queries.ledger import ledger_json
        from mectui.queries.report import mec_json

        json.dump(mec_json(machine) | {"mecids": ledger_json(table)}, sys.stdout, indent=2)
        print()
        return 0
    from mectui.queries.mec import mec_map
    from mectui.queries.registers import mec_registers
    from mectui.render import ledger as render_ledger
    from mectui.render import mec, registers
    from mectui.render.text import plain

    width = looking.width()
    view = mec_map(machine, mec.columns_for(width), None, history=histories[0])
    print(plain(registers.mec_registers(mec_registers(machine, history=histories[0]), width)))
    print(plain(render_ledger.ledger(table, width, explains=True)))
    print(plain(mec.mec_map(view, width)), end="")
    return 0
