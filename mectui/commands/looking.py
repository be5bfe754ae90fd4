"""What commands that look at one part of a machine have in common: a guest, and the place to run it to."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence

import emu
from emu.debug.events import StopReason
from mectui.commands.machine import CompileProgress, build_machine
from mectui.commands.options import LOOKED, Parser, add_images_option, add_machine_options, add_script_option
from mectui.commands.run import prepared
from mectui.commands.where import LIMIT, run_until


def parser(
    name: str, description: str, until: str = "run to this address, symbol or FILE:LINE (default: to the guest's end)"
) -> Parser:
    """A parser with GUEST, --until, --json and the options of the machine."""
    made = Parser(
        prog=f"mectui {name}",
        description=description,
        epilog=LOOKED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("guest", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    made.add_argument("--until", metavar="WHERE", help=until)
    made.add_argument("--json", action="store_true", help="print it as JSON")
    add_machine_options(made)
    add_images_option(made)
    add_script_option(made)
    return made


Prepare = Callable[[emu.Machine, argparse.Namespace], None]


def machine_there(
    made: Parser, arguments: Sequence[str], prepare: Prepare | None = None
) -> tuple[emu.Machine, argparse.Namespace]:
    """The machine where --until says, and the options; `prepare` is called before it runs.

    Raises EmuError when the guest never gets there.
    """
    options = made.parse_args(arguments)
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    if prepare is not None:
        prepare(machine, options)
    carry_out_script(machine, options)
    if options.until is not None:
        run_until(machine, options.until)
    elif options.script is None or not machine.instructions:
        machine.run(LIMIT)
    progress.finish()
    return machine, options


def carry_out_script(machine: emu.Machine, options: argparse.Namespace) -> None:
    """The commands of -x; where they leave the guest it is looked at. Raises EmuError, KeyboardInterrupt."""
    ended = prepared(machine, options, LIMIT)
    if ended is not None and ended.reason is StopReason.PAUSED:
        raise KeyboardInterrupt


def width(otherwise: int = 120) -> int:
    """Columns of the terminal, 80 at least; `otherwise` where there is none: in a pipe or a file."""
    return max(80, shutil.get_terminal_size((otherwise, 24)).columns)
