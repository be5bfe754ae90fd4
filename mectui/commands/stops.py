"""Watchpoints, catchpoints and log messages as options of the commands that run a guest without a screen."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from emu.errors import EmuError

if TYPE_CHECKING:
    import emu
    from emu.debug.stops import Logged


def add_stops_options(parser: argparse.ArgumentParser) -> None:
    """The same language as on the screen's command line."""
    parser.add_argument(
        "--watch",
        dest="watches",
        action="append",
        default=[],
        metavar="RANGE",
        help="stop after a write to PLACE[,SIZE] [if EXPRESSION]; pa: before a physical place",
    )
    parser.add_argument(
        "--catch",
        dest="catches",
        action="append",
        default=[],
        metavar="WHAT",
        help="stop after an event: KIND [ARGUMENT] [if EXPRESSION], such as “hit if mecid == 6”",
    )
    parser.add_argument(
        "--log",
        dest="logs",
        action="append",
        default=[],
        metavar="WHAT",
        help='write a message on stderr and go on: PLACE "text {expression}" [if EXPRESSION]',
    )


def conditional(place: str) -> bool:
    """Whether a breakpoint's text has a condition."""
    return " if " in place


def set_stops(machine: emu.Machine, options: argparse.Namespace) -> None:
    """Set what the options ask for. Raises EmuError."""
    given = {
        "break": [text for text in options.breaks if conditional(text)],
        "watch": options.watches,
        "catch": options.catches,
        "log": options.logs,
    }
    wanted = [(command, text) for command, texts in given.items() for text in texts]
    if not wanted:
        return
    from mectui.commandline import CommandError, Known, parse
    from mectui.commands.where import note
    from mectui.editing import Assignment
    from mectui.queries import registers
    from mectui.stop_orders import NewCode

    names = Known(registers.values(machine), machine.symbols.lookup, lambda: list(machine.symbols.names())).on(machine)
    for command, text in wanted:
        try:
            found = parse(f"{command} {text}", names)
        except CommandError as error:
            raise EmuError(f"--{command} {text}: {error}") from None
        for stop in found.arguments:
            assert not isinstance(stop, int | str | Assignment), "these commands make stops"
            told = stop.note(machine) if isinstance(stop, NewCode) else ""
            if told:
                note(told)
            stop.carry_out(machine)
    tell_logs(machine)


def tell_logs(machine: emu.Machine) -> None:
    """Messages of stops go to stderr."""
    if _print not in machine.stops.on_log:
        machine.stops.on_log.append(_print)


def _print(entry: Logged) -> None:
    print(f"#{entry.moment.instruction:,} {entry.text}", file=sys.stderr)
