"""mectui hits: substituted accesses with both sides of the story, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mectui.commands import looking


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "hits",
        "Show the substituted accesses: who read or wrote under which MECID, who had stored under which, "
        "and the step that is likely missing.",
    )
    machine, options = looking.machine_there(parser, arguments)
    from mectui.queries.hits import hits, hits_json

    view = hits(machine)
    if options.json:
        json.dump(hits_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import hits as render
    from mectui.render.text import plain

    print(render.summary(view) or "no substituted access")
    print(plain(render.hits(view, looking.width(), tells_keys=False, tells_all=True)), end="")
    return 0
