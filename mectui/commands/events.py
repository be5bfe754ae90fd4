"""mectui events: what happened in a run, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Sequence

import emu
from emu.debug.events import Event
from emu.errors import EmuError
from mectui.commands import looking
from mectui.commands.options import integer
from mectui.queries.events import KINDS, LOGGED


def chosen(text: str) -> tuple[str, ...]:
    """The kinds that "exceptions,hits" or "all" names. Raises EmuError."""
    names = tuple(KINDS) if text == "all" else tuple(part.strip().lower() for part in text.split(",") if part.strip())
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise EmuError(f"there is no kind of event {(unknown or [text])[0]!r}; there are {', '.join(KINDS)}, and all")
    return names


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("events", "List what happened: exceptions, MECID writes, key refreshes, hits and more.")
    parser.add_argument(
        "--kinds",
        default=",".join(LOGGED),
        metavar="KIND,...",
        help=f"of {', '.join(KINDS)}, or all ({','.join(LOGGED)})",
    )
    parser.add_argument("--last", type=integer, default=1000, metavar="N", help="how many of them at most (1000)")
    kept: deque[Event] = deque()

    def listen(machine: emu.Machine, options: argparse.Namespace) -> None:
        names = chosen(options.kinds)
        if options.last < 1:
            raise EmuError(f"--last {options.last} lists nothing: give a number from 1 up")
        most = options.last + 1  # one more tells how long after it the first one happened

        def keep(event: Event) -> None:
            kept.append(event)
            if len(kept) > most:
                kept.popleft()

        machine.events.subscribe(keep, *(kind for name in names for kind in KINDS[name]))

    machine, options = looking.machine_there(parser, arguments, listen)
    from mectui.queries.events import events, events_json

    view = events(machine, kept, most=options.last)
    if options.json:
        json.dump(events_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import events as render
    from mectui.render.text import plain

    print(plain(render.events(view, looking.width())), end="")
    return 0
