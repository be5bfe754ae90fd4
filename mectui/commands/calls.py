"""mectui calls: the calls that led to some place, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from emu.errors import EmuError
from mectui.commands import looking


def main(arguments: Sequence[str]) -> int:
    from mectui.queries.calls import MOST, calls, calls_json

    parser = looking.parser(
        "calls",
        "Show who called the function that the guest is in, who called that, and so on: each with how it is known, "
        "and at the end why nothing more is.",
    )
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help=f"how many calls at most ({MOST})")
    machine, options = looking.machine_there(parser, arguments)
    if not 0 < options.most <= MOST:
        raise EmuError(f"--most {options.most} lists nothing: choose 1 to {MOST} calls")
    machine.lines.finish()
    view = calls(machine, options.most)
    for text in (*machine.lines.problems(), *machine.frames.problems()):
        print(f"mectui: {text}", file=sys.stderr)
    if options.json:
        json.dump(calls_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import calls as render
    from mectui.render.text import plain

    print(plain(render.calls(view, looking.width())), end="")
    return 0
