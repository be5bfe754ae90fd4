"""The command line: which command was meant, its options, and errors as one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from emu.errors import EmuError

USAGE_ERROR = 2
INTERRUPTED = 130

LATER = {
    "tlb": "shows the TLB",
    "mec": "shows who owns which page",
    "regs": "shows the registers",
    "check": "checks the MEC rules",
    "lesson": "opens a lesson",
    "gdbserver": "serves gdb",
    "bench": "measures the engines",
    "serve": "serves the screen to a web browser",
}
"""Commands that are planned and not there yet: a name of theirs must not be taken for a file."""

EPILOG = """\
commands:
  mectui                     the start screen: bundled guests, recent files
  mectui GUEST [FILE ...]    the debugger, stopped at the entry point
  mectui run GUEST           run without a screen          (mectui run --help)
  mectui walk GUEST ADDRESS  one page-table walk, explained (mectui walk --help)

GUEST is an ELF file, a raw image (with --load-at), or the name of a bundled guest.

exit codes: the guest's own for `run`; 2 for anything wrong with the input; 130 when interrupted.
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and whose exit code is 2."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise EmuError(f"{message}; see `{self.prog} --help`")


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """The options that describe the machine, the same for every command."""
    group = parser.add_argument_group("machine")
    group.add_argument("--engine", default="auto", metavar="NAME", help="auto, interpreter or reference (auto)")
    group.add_argument("--memory", default="256M", metavar="SIZE", help="RAM at 0x4000_0000, such as 1G (256M)")
    group.add_argument("--cpus", type=int, default=1, metavar="N", help="CPUs; this version models 1")
    group.add_argument("--el", type=int, default=3, choices=(1, 2, 3), help="exception level to start at (3)")
    group.add_argument("--mec", choices=("on", "off"), default="on", help="whether FEAT_MEC is there (on)")
    group.add_argument("--mec-model", choices=("cipher", "substitute"), default="cipher", help="memory model (cipher)")
    group.add_argument("--mecid-width", type=int, default=16, metavar="BITS", help="bits of a MECID, 1 to 16 (16)")
    group.add_argument("--pas-keys", choices=("on", "off"), default="on",
                       help="whether each physical address space has keys of its own (on)")  # fmt: skip
    group.add_argument("--tlb-entries", type=int, default=128, metavar="N", help="size of the TLB (128)")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="chooses what is UNKNOWN after reset (0)")
    group.add_argument("--load-at", metavar="ADDRESS", help="the guest is a raw image, to be loaded here")
    group.add_argument("--entry", metavar="ADDRESS", help="start here rather than at the image's entry point")
    group.add_argument("--command-line", default="", metavar="TEXT", help="what the guest gets from semihosting")


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
    parser.add_argument("more", nargs="*", metavar="FILE", help="further ELF files to load")
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
    from mectui.commands import run, walk

    return {"run": run.main, "walk": walk.main}


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
    if name in ("run", "walk"):
        return _commands()[name](arguments[1:])
    if name in LATER:
        raise EmuError(
            f"`mectui {name}` ({LATER[name]}) is not in this version; to open a file of that name, write ./{name}"
        )
    options = build_parser().parse_args(arguments)
    from mectui.commands import screen

    return screen.main(options)
