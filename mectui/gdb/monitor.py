"""Commands behind gdb's `monitor`: what mectui knows and gdb has no word for, as the panes and commands tell it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.expressions import ExpressionError
from emu.debug.expressions.environment import error_of
from emu.errors import EmuError
from mectui.gdb.memory import Memory
from mectui.plain import sentence
from mectui.queries.memory import Eyes
from mectui.render.text import Line, plain

if TYPE_CHECKING:
    import emu

WIDTH = 80
"""Columns of what is told: the client does not say how many it has."""
MOST_MECID = 0xFFFF
_STALE = "gdb still shows the registers it read before: `maintenance flush register-cache` makes it look again."
_EYES = {"context": Eyes.CONTEXT, "owner": Eyes.OWNER, "mecid": Eyes.MECID, "raw": Eyes.RAW}


@dataclass(frozen=True, slots=True)
class Row:
    """One command: what follows its name, what it does, and the method that does it."""

    usage: str
    help: str
    run: Callable[[Monitor, str], str]
    needs: bool = False
    """Something has to follow the name."""


class Monitor:
    """Answers the commands of one client about one machine."""

    def __init__(self, machine: emu.Machine, memory: Memory, reset: Callable[[], None]) -> None:
        self._machine = machine
        self._memory = memory
        self._reset = reset
        self._notes: list[str] = []
        """What there is to know about the command that is carried out."""

    def answer(self, text: str) -> str:
        """What to print for a command; whole lines."""
        called, _, rest = text.strip().partition(" ")
        self._notes.clear()
        try:
            row = _row(called or "help")
            rest = rest.strip()
            if row.needs and not rest:
                raise EmuError(f"write: monitor {called} {row.usage}")
            if rest and not row.usage:
                raise EmuError(f"{called} takes nothing after it")
            said = row.run(self, rest)
        except ExpressionError as error:
            said = str(error)
        except EmuError as error:
            said = error_of(error)
        said = said if said.endswith("\n") else f"{said}\n"
        return "".join(f"{sentence(note)}\n" for note in self._notes) + said

    # What each command says. The queries and renderers are imported where they are used: gdb waits for the first stop.

    def help(self, topic: str) -> str:
        names = [topic] if topic else list(COMMANDS)
        rows = [(f"{name} {_row(name).usage}".rstrip(), _row(name).help) for name in names]
        width = max(len(usage) for usage, _ in rows)
        lines = "\n".join(f"  monitor {usage:<{width}}  {text}" for usage, text in rows)
        return f"{lines}\nADDRESS, PA and EXPRESSION: numbers, symbols, registers, such as shared+8 or $x0."

    def walk(self, rest: str) -> str:
        from emu.architecture import Access
        from mectui.queries.walk import walk
        from mectui.render import walk as render

        where, _, last = rest.rpartition(" ")
        accesses = {access.value: access for access in (Access.READ, Access.WRITE, Access.FETCH)}
        if not where or last not in accesses:
            where, last = rest, Access.READ.value
        return plain(render.walk(walk(self._machine, self._place(where), accesses[last]), WIDTH, render.ALL))

    def tlb(self, _: str) -> str:
        from mectui.queries.tlb import tlb
        from mectui.render import tlb as render

        view = tlb(self._machine)
        return f"{render.summary(view)}\n{plain(render.tlb(view, WIDTH))}"

    def mec(self, _: str) -> str:
        from mectui.queries.ledger import ledger
        from mectui.queries.mec import mec_map
        from mectui.queries.registers import mec_registers
        from mectui.render import ledger as render_ledger
        from mectui.render import mec, registers

        machine = self._machine
        parts: Sequence[list[Line]] = (
            registers.mec_registers(mec_registers(machine), WIDTH),
            render_ledger.ledger(ledger(machine), WIDTH, explains=True),
            mec.mec_map(mec_map(machine, mec.columns_for(WIDTH), None), WIDTH),
        )
        return "\n".join(map(plain, parts))

    def gpt(self, rest: str) -> str:
        from mectui.queries.gpt import gpt
        from mectui.render import gpt as render

        return plain(render.gpt(gpt(self._machine, self._place(rest) if rest else None), WIDTH, is_whole=True))

    def hits(self, _: str) -> str:
        from mectui.queries.hits import hits
        from mectui.render import hits as render

        return plain(render.hits(hits(self._machine), WIDTH))

    def findings(self, _: str) -> str:
        from mectui.queries.findings import findings
        from mectui.render import findings as render

        return plain(render.report(findings(self._machine), WIDTH))

    def next(self, _: str) -> str:
        from mectui.queries.pipeline import pipeline
        from mectui.render import pipeline as render

        view = pipeline(self._machine).next
        return plain(render.section("next", "will do", view, WIDTH, render.walks_open(view)))

    def register(self, rest: str) -> str:
        from mectui.queries.registers import system_register
        from mectui.render import registers as render

        wanted = rest.removeprefix("$").lower()
        for found in self._machine.registers.table:
            if found.name.lower() == wanted:
                return plain(render.one_system(system_register(self._machine, found), WIDTH, True))
        self._machine.cpu.sysreg[rest.upper()]  # names the ones that are like it
        raise EmuError(f"there is no system register {rest}")

    def print(self, rest: str) -> str:
        from mectui.commands.where import evaluated
        from mectui.queries.labels import label
        from mectui.render import values

        expression, number = evaluated(self._machine, rest, self._notes.append)
        return f"{rest} is {values.value(expression, number, label=lambda address: label(self._machine, address))}"

    def stops(self, _: str) -> str:
        from mectui.queries.stops import stops
        from mectui.render import stops as render

        view = stops(self._machine)
        if not view.stops:
            return "There are no stops but the client's own; `monitor break`, `watch` and `catch` set more."
        return plain(render.stops(view, WIDTH))

    def new_stop(self, line: str) -> str:
        """A stop in the language of the screen's command line."""
        from mectui.commandline import CommandError, Known, parse
        from mectui.queries import registers
        from mectui.stop_orders import NewCatch, NewCode, NewWatch

        machine = self._machine
        names = Known(registers.values(machine), machine.symbols.lookup, lambda: list(machine.symbols.names()))
        try:
            found = parse(line, names.on(machine))
        except CommandError as error:
            raise EmuError(str(error)) from None
        stop = found.arguments[0]
        assert isinstance(stop, NewCode | NewWatch | NewCatch)
        return stop.carry_out(machine)

    def delete(self, rest: str) -> str:
        from mectui.stop_orders import remove

        return remove(self._machine, None if rest == "all" else self._number(rest))

    def choose_eyes(self, rest: str) -> str:
        """How memory is read from now on; said in a sentence without anything behind it."""
        name, _, mecid = rest.lower().partition(" ")
        if name and name not in _EYES:
            raise EmuError(f"there are no eyes {name!r}: choose owner, mecid N, context or raw")
        if bool(mecid) != (name == "mecid"):
            raise EmuError("a MECID follows `mecid`, and nothing else: monitor eyes mecid 5")
        if name:
            wanted = self._number(mecid) if mecid else self._memory.mecid
            if wanted > MOST_MECID:
                raise EmuError(f"a MECID has 16 bits: {wanted:#x} is too large")
            self._memory.eyes, self._memory.mecid = _EYES[name], wanted
        said = {
            Eyes.CONTEXT: "as the current context sees it, noise where the MECID is not the owner's",
            Eyes.OWNER: "as the owner of each block stored it",
            Eyes.MECID: f"as MECID {self._memory.mecid} sees it",
            Eyes.RAW: "as it lies in memory, encrypted",
        }[self._memory.eyes]
        flush = " `maintenance flush dcache` makes gdb read again what it has read." if name else ""
        return f"Memory is read {said}.{flush}"

    def addresses(self, rest: str) -> str:
        if rest and rest not in ("virtual", "physical"):
            raise EmuError(f"addresses are virtual or physical, not {rest!r}")
        if rest:
            self._memory.is_physical = rest == "physical"
        return f"Addresses of memory are {'physical' if self._memory.is_physical else 'virtual'}."

    def why(self, _: str) -> str:
        return error_of(EmuError(self._memory.problem)) if self._memory.problem else "No read or write has failed."

    def reset(self, _: str) -> str:
        self._reset()
        return f"The guest starts over, at {self._machine.symbols.describe(self._machine.cpu.pc)}. {_STALE}"

    # Inside.

    def _place(self, text: str) -> int:
        from mectui.commands.where import resolve

        return resolve(self._machine, text, self._notes.append)

    def _number(self, text: str) -> int:
        from mectui.commands.where import evaluated

        return evaluated(self._machine, text, self._notes.append)[1]


def _new_stop(command: str) -> Callable[[Monitor, str], str]:
    return lambda monitor, rest: monitor.new_stop(f"{command} {rest}")


COMMANDS = {
    "walk": Row("ADDRESS [read|write|fetch]", "the page-table walk, with the MECID of every fetch", Monitor.walk, True),
    "next": Row("", "what the next instruction will do, stage by stage", Monitor.next),
    "mec": Row("", "MECID registers, enables, and who owns which page", Monitor.mec),
    "hits": Row("", "substituted accesses: who stored, who asked", Monitor.hits),
    "findings": Row("", "broken rules of memory encryption contexts", Monitor.findings),
    "tlb": Row("", "the TLB, stale entries marked", Monitor.tlb),
    "gpt": Row("[PA]", "the granule protection table", Monitor.gpt),
    "register": Row("NAME", "a system register by its fields", Monitor.register, True),
    "print": Row("EXPRESSION", "such as owner(pa(pc)) or [realm:0x40100000]", Monitor.print, True),
    "eyes": Row("[owner|mecid N|context|raw]", "how gdb reads memory", Monitor.choose_eyes),
    "addresses": Row("[virtual|physical]", "what gdb's addresses of memory mean", Monitor.addresses),
    "why": Row("", "why the last read or write of memory failed", Monitor.why),
    "stops": Row("", "what monitor break, watch and catch have set", Monitor.stops),
    "break": Row("PLACE [if EXPRESSION]", "stop; pa: before a physical place", _new_stop("break"), True),
    "watch": Row("RANGE [if EXPRESSION]", "stop after a write; pa: for every alias", _new_stop("watch"), True),
    "catch": Row("KIND [ARGUMENT] [if …]", "stop after a hit, exception, smc, tlbi, …", _new_stop("catch"), True),
    "delete": Row("NUMBER|all", "remove a stop", Monitor.delete, True),
    "reset": Row("", "start the guest over", Monitor.reset),
    "help": Row("[COMMAND]", "this list", Monitor.help),
}
"""By name; any beginning that fits one alone will do."""


def _row(called: str) -> Row:
    """Raises EmuError with the nearest name."""
    name = called.lower()
    if name in COMMANDS:
        return COMMANDS[name]
    fitting = [each for each in COMMANDS if each.startswith(name)]
    if len(fitting) == 1:
        return COMMANDS[fitting[0]]
    near = fitting or difflib.get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean {' or '.join(near)}?" if near else "`monitor help` lists them"
    raise EmuError(f"there is no command {called[:40]!r}: {hint}")
