"""The command line: which command was meant, its options, and errors as one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from emu.errors import EmuError
from mectui.commands.options import Parser, add_machine_options

USAGE_ERROR = 2
INTERRUPTED = 130

LATER = {
    "lesson": "opens a lesson",
    "gdbserver": "serves gdb",
    "serve": "serves the screen to a web browser",
}
"""Commands that are planned and not there yet: a name of theirs must not be taken for a file."""

EPILOG = """\
commands:
  mectui                     the start screen: bundled guests, recent files
  mectui GUEST [FILE ...]    the debugger, stopped at the entry point
  mectui run GUEST           run without a screen          (mectui run --help)
  mectui check GUEST         broken MEC rules, explained    (mectui check --help)
  mectui walk GUEST ADDRESS  one page-table walk, explained (mectui walk --help)
  mectui tlb GUEST           the TLB, stale entries marked  (mectui tlb --help)
  mectui mec GUEST           MECIDs, and who owns which page (mectui mec --help)
  mectui regs GUEST          the registers                  (mectui regs --help)
  mectui bench               speed, beside QEMU             (mectui bench --help)

GUEST is an ELF file, a raw image (with --load-at), or the name of a bundled guest.

exit codes: the guest's own for `run`; 2 for anything wrong with the input; 130 when interrupted.
"""


def build_parser() -> Parser:
    """The parser of `mectui GUEST` and of `mectui` alone."""
    parser = Parser(
        prog="mectui",
        description="Watch Arm memory encryption contexts work: an AArch64 machine and a debugger for it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.add_argument("guest", nargs="?", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("more", nargs="*", default=[], metavar="FILE", help="further ELF files to load")
    parser.add_argument("--theme", metavar="NAME", help="colours of the screen")
    parser.add_argument("-x", dest="script", metavar="FILE", help="commands to type at the start")
    add_machine_options(parser)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"mectui {version('mectui')}"
    except PackageNotFoundError:
        return "mectui (from a source tree)"


def _commands() -> dict[str, Callable[[Sequence[str]], int]]:
    from mectui.commands import bench, check, mec, regs, run, tlb, walk

    return {
        "bench": bench.main, "check": check.main, "mec": mec.main, "regs": regs.main, "run": run.main,
        "tlb": tlb.main, "walk": walk.main,
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code and never lets a traceback out for what a user did."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _dispatch(arguments)
    except EmuError as error:
        print(f"mectui: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep the interpreter from complaining at exit.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("mectui: interrupted", file=sys.stderr)
        return INTERRUPTED


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    if name in ("bench", "check", "mec", "regs", "run", "tlb", "walk"):
        return _commands()[name](arguments[1:])
    if name in LATER:
        raise EmuError(
            f"`mectui {name}` ({LATER[name]}) is not in this version; to open a file of that name, write ./{name}"
        )
    options = build_parser().parse_args(arguments)
    from mectui.commands import screen

    return screen.main(options)
