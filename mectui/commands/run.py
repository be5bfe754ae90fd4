"""mectui run: a guest without a screen, its console and exit code passed through, or a report as JSON."""

from __future__ import annotations

import argparse
import codecs
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import emu
from emu.debug.events import StopReason
from emu.errors import EmuError
from mectui.commands.machine import CompileProgress, build_machine, parse_number
from mectui.commands.options import Parser, add_machine_options, add_script_option, add_stop_option
from mectui.commands.stops import add_stops_options, conditional, set_stops
from mectui.queries.report import report
from mectui.render.text import printable

_EXIT_CODES = {
    StopReason.LIMIT: 124,
    StopReason.BREAKPOINT: 0,
    StopReason.HALTED: 125,
    StopReason.ERROR: 125,
    StopReason.PAUSED: 130,
    StopReason.FINDING: 1,
    StopReason.WATCHPOINT: 0,
    StopReason.CATCHPOINT: 0,
}
"""What the process ends with when the guest did not choose an exit code itself."""

EPILOG = """\
exit codes: the guest's own; 124 when --max-insns ended it; 125 when the guest halted or ran wild;
1 when --stop-on ended it; 2 for wrong input; 130 when interrupted.
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui run",
        description="Run a guest until it exits, halts, or reaches --max-insns.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("guest", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("more", nargs="*", default=[], metavar="FILE", help="further ELF files to load")
    parser.add_argument("--json", action="store_true", help="print the report; the guest's console goes to stderr")
    parser.add_argument("--max-insns", metavar="N", help="stop after so many instructions")
    parser.add_argument("--break", dest="breaks", action="append", default=[], metavar="WHERE",
                        help="stop at an address, symbol or FILE:LINE [if EXPRESSION]; may be given again")  # fmt: skip
    add_stops_options(parser)
    add_script_option(parser)
    add_stop_option(parser)
    add_machine_options(parser)
    options = parser.parse_args(arguments)
    limit = None if options.max_insns is None else parse_number(options.max_insns, "a number of instructions")
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    from mectui.commands.where import places

    for where in options.breaks:
        if conditional(where):
            continue
        try:
            found = places(machine, where)
        except EmuError as error:
            raise EmuError(f"--break {where}: {error}") from None
        for place in found:
            machine.breakpoints.add(place)
    set_stops(machine, options)
    console = sys.stderr if options.json else sys.stdout
    machine.on_console(Forwarding(console))
    stop = prepared(machine, options, limit) or run(machine, None if limit is None else limit - machine.instructions)
    progress.finish()
    if options.json:
        json.dump(report(machine, stop, options.guest), sys.stdout, indent=2)
        print()
    else:
        tell_stop(machine, stop)
    sys.stdout.flush()
    return _exit_code(stop)


def _exit_code(stop: emu.Stop) -> int:
    """The process's exit code: the guest's, and 255 for one that does not fit (256 must not become success)."""
    if stop.reason is not StopReason.EXIT:
        return _EXIT_CODES[stop.reason]
    return stop.code if stop.code < 256 else 255


def run(machine: emu.Machine, limit: int | None) -> emu.Stop:
    """Run; ctrl-C pauses the guest, so that the report still comes."""
    with pausing(machine):
        return machine.run(limit)


def prepared(machine: emu.Machine, options: argparse.Namespace, limit: int | None) -> emu.Stop | None:
    """Carries out the commands of -x. A stop where nothing is left to run then. Raises EmuError."""
    if options.script is None:
        return None
    from mectui.commands.script import carry_out

    return carry_out(machine, options.script, limit)


@contextmanager
def pausing(machine: emu.Machine, also: Callable[[], None] | None = None) -> Iterator[None]:
    """Ctrl-C pauses the guest, so that a report still comes."""
    import signal

    def pause(*_: object) -> None:
        if also is not None:
            also()
        machine.pause()

    previous = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, pause)
    except ValueError:  # not the main thread: whoever called us handles ctrl-C
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


class Forwarding:
    """The guest's bytes: as they are to a file or a pipe, to a terminal without what would steer that."""

    KEPT = "\n\r\t\b\a"
    """Control characters of plain text; a guest that rings the bell may."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._buffer = None if stream.isatty() else getattr(stream, "buffer", None)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, data: bytes) -> None:
        if self._buffer is not None:
            self._buffer.write(data)
            self._buffer.flush()
            return
        text = self._decoder.decode(data)
        if self._stream.isatty():
            parts = re.split(f"([{self.KEPT}])", text)
            text = "".join(part if part in self.KEPT else printable(part) for part in parts)
        print(text, end="", file=self._stream, flush=True)


def tell_stop(machine: emu.Machine, stop: emu.Stop) -> None:
    """One line on stderr where the guest did not end by itself."""
    if stop.reason is StopReason.EXIT:
        return
    where = machine.symbols.describe(stop.pc)
    state = f"at {where} (pc {stop.pc:#x}, EL{stop.el} {stop.security.label})"
    from mectui.render import numbers

    text = {
        StopReason.LIMIT: f"stopped after {numbers.plural(machine.instructions, 'instruction')} {state}",
        StopReason.BREAKPOINT: f"stopped at a breakpoint {state}",
        StopReason.WATCHPOINT: f"stopped {state} by {stop.message}",
        StopReason.CATCHPOINT: f"stopped {state} by {stop.message}",
        StopReason.HALTED: f"the guest halted {state}: {stop.message}",
        StopReason.ERROR: f"the guest ran wild {state}: {stop.message}",
        StopReason.PAUSED: f"interrupted {state}",
        StopReason.FINDING: f"stopped {state} by a finding, {stop.message}",
    }[stop.reason]
    if machine.console and not machine.console.endswith("\n"):
        print(file=sys.stderr)
    print(f"mectui: {text}", file=sys.stderr)
