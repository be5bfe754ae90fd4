"""mectui gdbserver: gdb, lldb and IDEs debug the guest over the GDB remote protocol."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mectui.commands.machine import CompileProgress, build_machine, find_guest
from mectui.commands.options import Parser, add_machine_options, add_stop_option, integer
from mectui.commands.run import Forwarding

if TYPE_CHECKING:
    import emu

EPILOG = """\
In gdb:   target remote :1234            (gdb-multiarch, or any gdb that knows AArch64)
          info registers mec             the MECID registers
          monitor help                   walks, the TLB, who owns which page, hits, ...
          reverse-stepi, reverse-continue  back in time, to the last breakpoint or watchpoint
In lldb:  gdb-remote 1234

The guest stands at its entry point until a debugger lets it run. What it prints goes to stdout. A client that
detaches lets it run on; a guest that has exited starts over for the next client. Ctrl-C ends the server.
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui gdbserver",
        description="Serve the GDB remote protocol on this machine's loopback address, one client at a time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("guest", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("more", nargs="*", default=[], metavar="FILE", help="further ELF files to load")
    parser.add_argument("--port", type=integer, default=1234, metavar="N", help="TCP port; 0 takes a free one (1234)")
    parser.add_argument("--once", action="store_true", help="end when the first client leaves")
    add_stop_option(parser)
    add_machine_options(parser)
    options = parser.parse_args(arguments)
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    from emu.debug.history import History
    from mectui.gdb.server import HOST, Server, listen

    machine.history = History(machine)
    machine.on_console(partial(_print_once, machine, Forwarding(sys.stdout)))
    listener = listen(options.port)
    # A raw image is no program that a debugger could read symbols from.
    guest = str(find_guest(options.guest).resolve()) if options.load_at is None else ""
    port = listener.getsockname()[1]
    _say(f"{options.guest} waits for a debugger at {HOST}:{port}; in gdb: target remote :{port}")
    Server(machine, listener, guest, _say).serve(once=options.once)
    progress.finish()
    return 0


def _print_once(machine: emu.Machine, forward: Forwarding, data: bytes) -> None:
    """What the guest prints: a stretch of the run that is repeated on the way to another moment prints nothing."""
    if machine.history is None or machine.instructions >= machine.history.furthest:
        forward(data)


def _say(sentence: str) -> None:
    from mectui.render.text import printable

    print(f"mectui: {printable(sentence)}", file=sys.stderr, flush=True)
