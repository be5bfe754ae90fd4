"""The commands that can be typed: their names, what they take, what they do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LONGEST = 4096
"""Characters of a command."""
CATCHES = ("exception", "smc", "hvc", "msr", "mrs", "tlbi", "mecid", "key", "hit", "finding", "security", "el")
"""The kinds of `emu.debug.stops.CatchKind`."""


class Kind(Enum):
    """What an argument is; completion offers what fits."""

    ADDRESS = "ADDRESS"
    COUNT = "N"
    NUMBER = "NUMBER"
    STEPS = "N|line"
    MOMENT = "#N"
    ASSIGNMENT = "PLACE=VALUE"
    SUPPOSITION = "PLACE=VALUE|apply|clear"
    EXPRESSION = "EXPRESSION"
    EYES = "seen|owner|mecid N|raw"
    THEME = "THEME"
    WORKSPACE = "WORKSPACE"
    KEYMAP = "KEYMAP"
    TEXT = "TEXT"
    SHOWN = "[NUMBER=]EXPRESSION"
    ACCESS = "read|write|fetch"
    BREAKPOINT = "NUMBER|all"
    REGISTER = "REGISTER"
    PLACE = "PLACE"
    RANGE = "PLACE[,SIZE]"
    CATCH = "KIND [ARGUMENT]"
    LOGGED = 'PLACE "text {expression}"'
    IF = "if EXPRESSION"
    PAST = "call|el|security|exception|hit|finding|stop|start"
    EVENT = "el|security|exception|hit|finding"
    CONDITION = "NUMBER [EXPRESSION]"
    IGNORE = "NUMBER COUNT"
    PANE = "PANE"
    FOLDER = "DIR"
    INFO = "registers|breakpoints|line|symbol"
    LESSON = "NAME|next|back|hint|do|restart|step N"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command: its names, what it takes, what it does."""

    name: str
    help: str
    needs: tuple[Kind, ...] = ()
    may: tuple[Kind, ...] = ()
    aliases: tuple[str, ...] = ()
    formats: str = ""
    """Letters that may follow its name and a slash: print/x."""

    @property
    def usage(self) -> str:
        """The name and what follows it: "walk ADDRESS [read|write|fetch]"."""
        name = f"{self.name}[/{'|'.join(self.formats)}]" if self.formats else self.name
        return " ".join([name, *(kind.value for kind in self.needs), *(f"[{kind.value}]" for kind in self.may)])

    @property
    def told(self) -> str:
        """What it does, and its other names."""
        return f"{self.help} Also: {', '.join(self.aliases)}." if self.aliases else self.help


COMMANDS = (
    CommandSpec(
        "step", "Execute N instructions (1), or to another line.", may=(Kind.STEPS,), aliases=("s", "si", "stepi")
    ),
    CommandSpec(
        "next",
        "The same over calls: N times, or to another line.",
        may=(Kind.STEPS,),
        aliases=("n", "ni", "nexti", "over"),
    ),
    CommandSpec("out", "Run to the end of this function.", aliases=("fin", "finish")),
    CommandSpec("run", "Run until a breakpoint, exit or pause.", aliases=("c", "continue")),
    CommandSpec("r", "As in gdb: run a guest that has not begun; of another one, how to go on or begin again."),
    CommandSpec(
        "until", "Run to an address, or a line such as mec.c:40.", needs=(Kind.ADDRESS,), aliases=("u", "advance")
    ),
    CommandSpec(
        "back",
        "Go back N instructions in time (1), or to the beginning of a line.",
        may=(Kind.STEPS,),
        aliases=("rstep", "rsi", "reverse-stepi"),
    ),
    CommandSpec(
        "rnext",
        "The same over calls: N times, or to the beginning of a line.",
        may=(Kind.STEPS,),
        aliases=("rn", "rni", "reverse-nexti"),
    ),
    CommandSpec("reverse-step", "Back to the beginning of a line, into calls; as back line.", aliases=("rs",)),
    CommandSpec("reverse-next", "Back to the beginning of a line, over calls; as rnext line."),
    CommandSpec("rout", "Back to the call of this function.", aliases=("rfinish", "reverse-finish")),
    CommandSpec("runtil", "Back to where an address came next.", needs=(Kind.ADDRESS,), aliases=("ru",)),
    CommandSpec("rcontinue", "Back to where a stop would have stopped the guest.", aliases=("rc", "reverse-continue")),
    CommandSpec("backto", "Back to the last change of el or security, exception, hit, finding, stop, …", (Kind.PAST,)),
    CommandSpec("at", "Go to the moment after so many instructions.", needs=(Kind.MOMENT,)),
    CommandSpec("forward", "Forward again to the furthest moment of the run."),
    CommandSpec("timeline", "Show the whole run and its marks."),
    CommandSpec("pause", "Pause the running guest.", aliases=("stop",)),
    CommandSpec("restart", "Start again from reset."),
    CommandSpec("to", "Run to the next change of el or security, the next exception, hit, finding.", (Kind.EVENT,)),
    CommandSpec(
        "break", "Stop before an instruction; pa: before a physical address.", (Kind.PLACE,), (Kind.IF,), ("b",)
    ),
    CommandSpec("tbreak", "The same, once.", needs=(Kind.PLACE,), may=(Kind.IF,), aliases=("tb",)),
    CommandSpec("watch", "Stop after a write to memory; pa: for every alias.", (Kind.RANGE,), (Kind.IF,)),
    CommandSpec("rwatch", "Stop after a read of memory.", needs=(Kind.RANGE,), may=(Kind.IF,)),
    CommandSpec("awatch", "Stop after a read or write of memory.", needs=(Kind.RANGE,), may=(Kind.IF,)),
    CommandSpec("catch", f"Stop after {', '.join(CATCHES)}.", needs=(Kind.CATCH,), may=(Kind.IF,)),
    CommandSpec(
        "log",
        "Write a message down and go on; PLACE may be watch … or catch … too.",
        needs=(Kind.LOGGED,),
        may=(Kind.IF,),
    ),
    CommandSpec("condition", "Stop only if; without an expression always.", needs=(Kind.CONDITION,), aliases=("cond",)),
    CommandSpec("ignore", "Pass over the next COUNT hits of a stop.", needs=(Kind.IGNORE,)),
    CommandSpec("enable", "Turn a stop on, or all.", needs=(Kind.BREAKPOINT,)),
    CommandSpec("disable", "Turn a stop off, or all.", needs=(Kind.BREAKPOINT,), aliases=("dis",)),
    CommandSpec("delete", "Remove a stop by number, or all.", needs=(Kind.BREAKPOINT,), aliases=("d",)),
    CommandSpec(
        "calls",
        "Show who called the present function, and who called that: N calls.",
        may=(Kind.COUNT,),
        aliases=("bt", "backtrace", "where"),
    ),
    CommandSpec(
        "frame",
        "Look at a call by its number: its code, its registers; 0 is the present one.",
        may=(Kind.NUMBER,),
        aliases=("f",),
    ),
    CommandSpec("up", "Look at the call further out: its code, its registers.", may=(Kind.COUNT,)),
    CommandSpec("down", "Look at the call further in.", may=(Kind.COUNT,)),
    CommandSpec(
        "variables",
        "Show the variables of the call that is looked at, with their types.",
        aliases=("locals", "vars"),
    ),
    CommandSpec("stops", "Show every stop.", aliases=("breakpoints", "breaks")),
    CommandSpec("walk", "Show the page-table walk of an address.", (Kind.ADDRESS,), (Kind.ACCESS,), ("w",)),
    CommandSpec("suppose", "What if? The walk with another register or descriptor.", needs=(Kind.SUPPOSITION,)),
    CommandSpec("instruction", "Show what the next instruction will do, step by step.", aliases=("explain",)),
    CommandSpec("gpt", "Show granule protection at a physical address.", needs=(Kind.ADDRESS,)),
    CommandSpec("goto", "Show an address in the disassembly.", needs=(Kind.ADDRESS,), aliases=("g",)),
    CommandSpec(
        "list",
        "Show the code at an address, or at the pc.",
        may=(Kind.ADDRESS,),
        aliases=("l", "disassemble", "disas"),
    ),
    CommandSpec("source", "Look for source files in a folder.", may=(Kind.FOLDER,), aliases=("directory",)),
    CommandSpec("mem", "Show memory at a virtual address.", needs=(Kind.ADDRESS,), aliases=("memory", "m")),
    CommandSpec("pmem", "Show memory at a physical address.", needs=(Kind.ADDRESS,)),
    CommandSpec("eyes", "Read memory as seen now, as its owner, as a MECID, or raw: encrypted.", needs=(Kind.EYES,)),
    CommandSpec("set", "Change a register, one of its fields, or memory.", needs=(Kind.ASSIGNMENT,)),
    CommandSpec("register", "Show a system register and its fields.", needs=(Kind.REGISTER,), aliases=("reg",)),
    CommandSpec(
        "print",
        "Show a value; /x hexadecimal, /d signed, /u unsigned, /t binary, /a as an address, /b its bits by field.",
        needs=(Kind.EXPRESSION,),
        aliases=("p",),
        formats="xdutab",
    ),
    CommandSpec(
        "display", "Show a value at every stop, or another in the place of one.", may=(Kind.SHOWN,), formats="xdutab"
    ),
    CommandSpec("undisplay", "Show it no more: one by its number, or all.", needs=(Kind.BREAKPOINT,)),
    CommandSpec(
        "x",
        "Show memory as gdb does: x/4gx sp, x/8wd ADDRESS, x/s ADDRESS, x/i ADDRESS.",
        needs=(Kind.ADDRESS,),
    ),
    CommandSpec("info", "As in gdb: registers, breakpoints, line, symbol.", needs=(Kind.INFO,), aliases=("i",)),
    CommandSpec("type", "Send text and a newline to the guest's console.", needs=(Kind.TEXT,)),
    CommandSpec("export", "Save the pane as FILE.md or FILE.txt, or the screen as FILE.svg.", may=(Kind.TEXT,)),
    CommandSpec("theme", "Change the theme.", needs=(Kind.THEME,)),
    CommandSpec("keymap", "Change the keys: default, gdb, vim, function-keys, mine.", needs=(Kind.KEYMAP,)),
    CommandSpec("workspace", "Change the workspace: debug, translation, mec, lesson.", needs=(Kind.WORKSPACE,)),
    CommandSpec("pane", "Bring a pane to the front, by its name.", needs=(Kind.PANE,)),
    CommandSpec("lesson", "Open a lesson; in one: its next step, a hint, do it for me, …", may=(Kind.LESSON,)),
    CommandSpec("answer", "Answer the lesson's question with a number.", needs=(Kind.TEXT,)),
    CommandSpec("messages", "What was said above the footer, whole, the last first."),
    CommandSpec("help", "All keys and commands.", aliases=("h",)),
    CommandSpec("quit", "Leave mectui.", aliases=("q", "exit")),
)
