"""The command line: which command was meant, its options, and errors as one sentence."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from emu.errors import EmuError
from mectui.commands.options import Parser, add_machine_options, add_source_option
from mectui.resources import guest_path

USAGE_ERROR = 2
INTERRUPTED = 130
"""What a shell has for a process that Ctrl-C ended."""
EPILOG = """\
exit codes: the guest's own for `run`; 2 for anything wrong with the input; 130 when interrupted.
"""
LONG_WORD = re.compile(r"\S{200,}")
LONG_LINE = 600
"""Characters of an error; of a longer one the middle is left out."""


@dataclass(frozen=True, slots=True)
class Headless:
    """A command of its own module in `mectui.commands`, imported when it is asked for."""

    usage: str
    help: str


COMMANDS = {
    "run": Headless("GUEST", "run without a screen"),
    "check": Headless("GUEST", "broken MEC rules, explained"),
    "walk": Headless("GUEST ADDRESS", "one page-table walk, explained"),
    "tlb": Headless("GUEST", "the TLB, stale entries marked"),
    "step": Headless("GUEST", "what the next instruction does, stage by stage"),
    "gpt": Headless("GUEST [PA]", "the granule protection table, run by run"),
    "mec": Headless("GUEST", "MECIDs, and who owns which page"),
    "memory": Headless("GUEST ADDRESS", "bytes through anybody's eyes, with their owners"),
    "code": Headless("GUEST [ADDRESS]", "instructions"),
    "calls": Headless("GUEST", "who called the present function, and how that is known"),
    "variables": Headless("GUEST", "the variables in scope, their types, where they are kept"),
    "hits": Headless("GUEST", "substituted accesses, both sides of each"),
    "regs": Headless("GUEST", "the registers"),
    "events": Headless("GUEST", "what happened: exceptions, MECID writes, hits"),
    "timeline": Headless("GUEST", "the whole run: levels, states, what happened when"),
    "lesson": Headless("[NAME]", "lessons: a list, or one on the screen"),
    "bench": Headless("", "speed, beside QEMU"),
    "serve": Headless("[GUEST]", "the screen in a web browser"),
    "gdbserver": Headless("GUEST", "the guest for gdb, lldb and IDEs"),
}
"""Commands by name; each is the file of that name in `mectui/commands`."""


def _listed(width: int) -> str:
    """Every command and every bundled guest."""
    from mectui.resources import bundled_guests

    rows = [("mectui", "the start screen: lessons, bundled guests, recent files")]
    rows.append(("mectui GUEST [FILE ...]", "the debugger, stopped at the entry point"))
    rows += [(f"mectui {name} {command.usage}".rstrip(), command.help) for name, command in COMMANDS.items()]
    guests = [(guest.name, guest.description) for guest in bundled_guests()]
    return f"""\
commands (each has its own --help):
{_table(rows, width)}

GUEST is an ELF file, a raw image (with --load-at), or the name of a bundled guest:
{_table(guests, width)}
"""


def _table(rows: Sequence[tuple[str, str]], width: int) -> str:
    """Names, and what is said of each, folded beside them."""
    columns = max((len(name) for name, _ in rows), default=0) + 4
    return "\n".join(
        textwrap.fill(text, width, initial_indent=f"  {name}".ljust(columns), subsequent_indent=" " * columns)
        for name, text in rows
    )


def build_parser() -> Parser:
    """The parser of `mectui GUEST` and of `mectui` alone."""
    parser = Parser(
        prog="mectui",
        description="Watch Arm memory encryption contexts work: an AArch64 machine and a debugger for it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.listed = _listed
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    parser.add_argument("guest", nargs="?", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("more", nargs="*", default=[], metavar="FILE", help="further ELF files to load")
    parser.add_argument("--theme", metavar="NAME", help="colours of the screen")
    parser.add_argument("--keymap", metavar="NAME", help="keys: default, gdb, vim, function-keys, or mine (your own)")
    parser.add_argument("--plain", action="store_true", help="for screen readers: one pane at a time, no frames")
    parser.add_argument(
        "--no-saved",
        dest="saved",
        action="store_false",
        help="neither put back the guest's stops of the last time nor keep those of this one",
    )
    add_source_option(parser)
    parser.add_argument("-x", dest="script", metavar="FILE", help="commands to type at the start")
    add_machine_options(parser)
    return parser


class _ShowVersion(argparse.Action):
    """Looks the version up when it is asked for: that takes longer than all the rest of the parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(_version())
        parser.exit()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"mectui {version('mectui')}"
    except PackageNotFoundError:
        return "mectui (from a source tree)"


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """The command's own `main`; none of the others is imported."""
    module = importlib.import_module(f"mectui.commands.{name}")
    chosen: Callable[[Sequence[str]], int] = module.main
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code and never lets a traceback out for what a user did."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _open_streams()
    try:
        try:
            return _dispatch(arguments)
        finally:
            sys.stdout.flush()
    except EmuError as error:
        _complain(str(error))
        return USAGE_ERROR
    except BrokenPipeError:
        _close_output()  # whoever read it has seen enough
        return 0
    except OSError as error:
        _close_output()
        _complain(error.strerror or str(error))
        return USAGE_ERROR
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED


def _open_streams() -> None:
    """Whoever started us may have closed them: what goes there goes nowhere then. No character breaks them."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # in a locale of ASCII alone, say


def _close_output() -> None:
    """What is left in buffers cannot be written: the interpreter must not try again at exit."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _complain(sentence: str) -> None:
    with suppress(OSError):
        print(f"mectui: {_one_line(sentence)}", file=sys.stderr, flush=True)


def _one_line(text: str) -> str:
    """An error without what would steer the terminal and without the middle of endless words, both from outside."""
    from mectui.render.text import printable

    found = LONG_WORD.sub(lambda found: f"{found[0][:60]}…{found[0][-20:]}", printable(text))
    return found if len(found) <= LONG_LINE else f"{found[: LONG_LINE // 2]}…{found[-LONG_LINE // 4 :]}"


def _is_guest(arguments: Sequence[str]) -> bool:
    """A bundled guest of a command's name, opened as any other: no guest follows it."""
    following = arguments[1] if len(arguments) > 1 else "-"
    return following.startswith("-") and following not in ("-h", "--help") and guest_path(arguments[0]) is not None


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    if name in COMMANDS and not _is_guest(arguments):
        return _command(name)(arguments[1:])
    options = build_parser().parse_args(arguments)
    from mectui.commands import screen

    return screen.main(options, COMMANDS)
