"""The options that every command shares, and a parser whose errors are for people."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import IO

from emu.errors import EmuError

MACHINE = "machine"
"""The group of options that every command shares: its usage does not repeat them."""
WIDEST = 100
LOOKED = "exit codes: 0; 2 for anything wrong with the input, or a place that is never reached; 130 when interrupted.\n"
"""Of commands that look at a machine."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and whose exit code is 2.

    Its help begins with what the command alone takes, and shows examples.
    """

    listed: Callable[[int], str] | None = None
    """What stands before the examples, so wide at most; made when somebody asks for help."""

    def format_usage(self) -> str:
        return self._with_texts(super().format_usage)

    def format_help(self) -> str:
        return self._with_texts(super().format_help)

    def _with_texts(self, form: Callable[[], str]) -> str:
        """What `form` makes of the usage and the description as people read them."""
        from mectui.commands.examples import examples

        before = self.usage, self.description
        width = min(shutil.get_terminal_size().columns, WIDEST) - 2
        name = self.prog.partition(" ")[2]
        about = textwrap.fill(self.description or "", width) + "\n"
        parts = (about, "" if self.listed is None else self.listed(width), examples(name))
        self.usage = self._usage_of(width).replace("%", "%%")
        self.description = "\n".join(part for part in parts if part).rstrip()
        try:
            return form()
        finally:
            self.usage, self.description = before

    def _usage_of(self, width: int) -> str:
        """ "mectui walk GUEST ADDRESS [--until WHERE] [--json] [machine options]"."""
        shared = [action for group in self._action_groups if group.title == MACHINE for action in group._group_actions]
        own = [action for action in self._actions if action not in shared and action.dest != "help"]
        taken = [_word(action) for action in own if not action.option_strings]
        options = [_word(action) for action in own if action.option_strings]
        # A word of its own is not broken.
        words = [word.replace(" ", "\xa0") for word in (*taken, *options, *(["[machine options]"] if shared else []))]
        indent = " " * len(f"usage: {self.prog} ")
        folded = textwrap.fill(
            " ".join(words), width - len(indent), break_long_words=False, break_on_hyphens=False
        ).replace("\n", f"\n{indent}")
        return f"{self.prog} {folded}".replace("\xa0", " ")

    def error(self, message: str) -> None:  # type: ignore[override]
        raise EmuError(f"{message}; see `{self.prog} --help`")

    def _print_message(self, message: str, file: IO[str] | None = None) -> None:  # type: ignore[override]
        """argparse's own passes over a disk that is full, and ends as if all were well."""
        (file or sys.stdout).write(message)


def integer(text: str) -> int:
    """An option's whole number, as people write them: 16, 0x10, 4_096."""
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number: write one such as 16 or 0x10") from None


def _word(action: argparse.Action) -> str:
    """An argument as a usage has it: "GUEST", "[FILE ...]", "[--until WHERE]"."""
    name = str(action.metavar or action.dest.upper())
    if not action.option_strings:
        return {"?": f"[{name}]", "*": f"[{name} ...]"}.get(str(action.nargs), name)
    if action.choices is not None and action.metavar is None:
        name = f"{{{','.join(str(choice) for choice in action.choices)}}}"
    return f"[{action.option_strings[-1]}{'' if action.nargs == 0 else f' {name}'}]"


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """The options that describe the machine, the same for every command."""
    group = parser.add_argument_group(MACHINE)
    group.add_argument("--engine", default="auto", metavar="NAME", help="auto, jit, interpreter or reference (auto)")
    group.add_argument("--jit-threshold", type=integer, metavar="N",
                       help="times a branch target is reached before it is compiled; 0 compiles at once")  # fmt: skip
    group.add_argument("--memory", default="256M", metavar="SIZE", help="RAM at 0x4000_0000, such as 1G (256M)")
    group.add_argument("--cpu", default="max", metavar="NAME", help="max, or v8.0 without later extensions (max)")
    group.add_argument("--cpus", type=integer, default=1, metavar="N", help="CPUs; this version models 1")
    group.add_argument("--el", type=integer, default=3, choices=(1, 2, 3), help="exception level to start at (3)")
    group.add_argument("--mec", choices=("on", "off"), default="on", help="whether FEAT_MEC is there (on)")
    group.add_argument("--mec-model", choices=("cipher", "substitute"), default="cipher", help="memory model (cipher)")
    group.add_argument("--mecid-width", type=integer, default=16, metavar="BITS", help="bits of a MECID, 1 to 16 (16)")
    group.add_argument("--pas-keys", choices=("on", "off"), default="on",
                       help="whether each physical address space has keys of its own (on)")  # fmt: skip
    group.add_argument("--tlb", choices=("strict", "forgiving"), default="strict",
                       help="whether a forgotten TLBI has consequences (strict)")  # fmt: skip
    group.add_argument("--mec-cache", choices=("on", "off"), default="off",
                       help="whether a data cache of lines with MECIDs is modelled; slow (off)")  # fmt: skip
    group.add_argument("--tlb-entries", type=integer, default=128, metavar="N", help="size of the TLB (128)")
    group.add_argument(
        "--sync",
        choices=("architectural", "immediate"),
        default="architectural",
        help="when an MSR acts on the MMU: with the next ISB or the like, or at once (architectural)",
    )
    group.add_argument("--seed", type=integer, default=0, metavar="N", help="chooses what is UNKNOWN after reset (0)")
    group.add_argument("--load-at", metavar="ADDRESS", help="the guest is a raw image, to be loaded here")
    group.add_argument("--entry", metavar="ADDRESS", help="start here rather than at the image's entry point")
    group.add_argument("--rules", default="default", metavar="LIST",
                       help="MEC rules to check: default, all, none, ids, -id; comma between (default)")  # fmt: skip
    group.add_argument("--command-line", default="", metavar="TEXT", help="what the guest gets from semihosting")


def add_images_option(parser: argparse.ArgumentParser) -> None:
    """Behind the machine's other options, of commands whose second argument is no further file, as it is for `run`."""
    group = next(group for group in parser._action_groups if group.title == MACHINE)
    group.add_argument("--with", dest="more", action="append", default=[], metavar="FILE",
                       help="a further ELF file to load; may be given again")  # fmt: skip


def add_script_option(parser: argparse.ArgumentParser) -> None:
    """For commands that run a guest without a screen."""
    parser.add_argument("-x", dest="script", metavar="FILE",
                        help="first carry out the commands in FILE: break, set, print, until, …")  # fmt: skip


def add_source_option(parser: argparse.ArgumentParser) -> None:
    """For commands that show source."""
    parser.add_argument("--source", dest="sources", action="append", default=[], metavar="DIR",
                        help="look for source files in this folder too; may be given again")  # fmt: skip


def add_stop_option(parser: argparse.ArgumentParser) -> None:
    """For commands that run the guest to some end."""
    parser.add_argument("--stop-on", default="", metavar="LIST",
                        help="stop at a broken rule: findings (any), or ids of rules; comma between")  # fmt: skip
