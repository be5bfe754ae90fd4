"""mectui serve: the screen in a web browser on this machine."""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
from collections.abc import Sequence

from emu.errors import EmuError
from mectui.commands.machine import find_guest
from mectui.commands.options import Parser, integer

HOST = "127.0.0.1"
"""Loopback: whoever reaches the page can read files with the rights of whoever started it."""

EPILOG = """\
Every browser window gets a debugger of its own. What follows GUEST is passed on.
Needs the package textual-serve: pip install "mectui[serve]".
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui serve",
        description="Show the debugger in a web browser on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=integer, default=8000, metavar="N", help="TCP port on the loopback address (8000)"
    )
    parser.add_argument("guest", nargs="?", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    options, passed_on = parser.parse_known_args(arguments)
    if options.guest is not None:
        find_guest(options.guest)
    try:
        from textual_serve.server import Server
    except ImportError:
        raise EmuError('`mectui serve` needs the package textual-serve: pip install "mectui[serve]"') from None
    _check_port(options.port)
    command = [sys.executable, "-m", "mectui", *([options.guest] if options.guest else []), *passed_on]
    # The child's standard output is the browser; what it can show does not depend on the terminal we run in.
    os.environ.pop("NO_COLOR", None)
    print(f"mectui: open http://{HOST}:{options.port} in a browser; Ctrl-C ends it", file=sys.stderr)
    Server(shlex.join(command), host=HOST, port=options.port, title=f"mectui {options.guest or ''}".strip()).serve()
    return 0


def _check_port(port: int) -> None:
    """Raises EmuError if nothing can be served there."""
    if not 0 < port < 65536:
        raise EmuError(f"{port} is no TCP port: choose one from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EmuError(f"port {port} cannot be used ({error.strerror}): choose another with --port") from None
