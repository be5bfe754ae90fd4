"""The debugger's screen: passes orders to the session, and the session's news to the panes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from emu.architecture import Access
from emu.debug.events import StopReason
from mectui import running
from mectui.actions import SCREEN_SCOPES, of_scope
from mectui.commandline import COMMANDS, Command, CommandError, Known, completions, parse
from mectui.layout import Workspace
from mectui.panes.findings import FindingsPane
from mectui.panes.hits import HitsPane
from mectui.panes.lists import ConsolePane, EventsPane, TlbPane
from mectui.panes.map import MapPane
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane, RegisterTab
from mectui.panes.walk import WalkPane
from mectui.panes.windows import DisassemblyPane, MemoryPane
from mectui.queries.memory import Eyes
from mectui.render import numbers
from mectui.render.text import Target, TargetKind, line
from mectui.screens.help import HelpScreen
from mectui.session import News, Progress, RunState, Session
from mectui.widgets.bars import ActionBar, Header
from mectui.widgets.board import Board
from mectui.widgets.command_line import CommandInput, CommandLine

if TYPE_CHECKING:
    import emu
    from mectui.app import MectuiApp

WORKSPACE_TABS = {
    Workspace.DEBUG: RegisterTab.GENERAL,
    Workspace.TRANSLATION: RegisterTab.SYSTEM,
    Workspace.MEC: RegisterTab.MEC,
}
"""The registers a workspace opens with."""


TOLD = (StopReason.EXIT, StopReason.HALTED, StopReason.ERROR)
"""Stops whose message is a sentence for people."""
RUNNING_COMMANDS = frozenset(
    name
    for spec in COMMANDS
    if spec.name in ("step", "next", "out", "run", "until", "restart", "set")
    for name in (spec.name, *spec.aliases)
)
OPENS_COMMAND_LINE = ("command", "goto", "memory")


def sentence(text: str) -> str:
    """With a capital and a full stop, as a sentence of its own."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"


class SessionNews(Message):
    """Something happened on the machine's thread."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class DebuggerScreen(Screen[None]):
    """One machine and everything about it."""

    BINDINGS: ClassVar = [
        Binding(
            ",".join(action.keys),
            f"do('{action.name}')",
            action.title,
            show=False,
            # These open the command line: keys typed right behind must not reach the pane.
            priority=action.name in OPENS_COMMAND_LINE,
        )
        for action in of_scope(*SCREEN_SCOPES)
        if action.keys and action.name != "palette"
    ]
    CSS = """
    DebuggerScreen { layout: vertical; background: $background; }
    """

    def __init__(self, factory: Callable[[], emu.Machine], guest: str, commands: Sequence[str] = ()) -> None:
        super().__init__()
        self.guest = guest
        self.session = Session(factory, self.tell)
        self.progress = Progress()
        self.first_commands = list(commands)
        self._focused_before = "disassembly"
        """The pane that gets the focus back when the command line shuts."""

    def tell(self, news: News) -> None:
        """Called on the machine's thread."""
        self.post_message(SessionNews(news))

    # --- parts ----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Header(self.guest)
        yield Board(
            (
                DisassemblyPane("disassembly"),
                RegistersPane("registers"),
                WalkPane("walk"),
                MemoryPane("memory"),
                TlbPane("tlb"),
                MapPane("map"),
                HitsPane("hits"),
                FindingsPane("findings"),
                ConsolePane("console"),
                EventsPane("events"),
            )
        )
        yield CommandLine(lambda text: completions(text, self.known()))
        yield ActionBar()

    def on_mount(self) -> None:
        self.disassembly.focus()
        self.session.start()

    def on_unmount(self) -> None:
        self.session.close()

    @property
    def board(self) -> Board:
        return self.query_one(Board)

    @property
    def command_line(self) -> CommandLine:
        return self.query_one(CommandLine)

    @property
    def disassembly(self) -> DisassemblyPane:
        return self.query_one(DisassemblyPane)

    @property
    def memory(self) -> MemoryPane:
        return self.query_one(MemoryPane)

    @property
    def focused_pane(self) -> Pane | None:
        return self.focused if isinstance(self.focused, Pane) else None

    def say(self, text: str, is_error: bool = False) -> None:
        self.command_line.say(text, is_error)

    # --- news from the machine ------------------------------------------------------------------------------------

    def on_session_news(self, message: SessionNews) -> None:
        match message.news:
            case News.STATE:
                self.show_progress(self.session.take_progress())
            case News.LOOKED:
                for name, view in self.session.take_looked().items():
                    self.board.panes[name].accept(view)
            case News.NOTICE:
                for notice in self.session.take_notices():
                    self.say(notice.text, notice.is_error)

    def show_progress(self, progress: Progress) -> None:
        """Brings the screen up to date with the machine."""
        old, self.progress = self.progress, progress
        self.query_one(Header).show(progress)
        if progress.state is RunState.FAILED:
            if not self.mectui.failed(sentence(progress.reason)):
                self.say(sentence(progress.reason), is_error=True)
            return
        console = self.query_one(ConsolePane)
        console.follow(progress)
        if progress.state is RunState.RUNNING:
            return
        if progress.stops != old.stops:
            for pane in self.board.panes.values():
                if pane is not console:
                    pane.follow(progress)
            if progress.stop is None:
                self.query_one(WalkPane).forget()
            elif progress.stop.message and progress.stop.reason in TOLD:
                is_error = progress.stop.reason is StopReason.ERROR or progress.stop.code != 0
                self.say(sentence(progress.stop.message), is_error)
        self.look(self.board.in_front())
        self._execute_first_commands()

    def _execute_first_commands(self) -> None:
        """Up to the next one that runs the guest: the rest waits for the stop."""
        while self.first_commands and self.progress.can_run:
            text = self.first_commands.pop(0)
            self.execute(text)
            if text.split()[0] in RUNNING_COMMANDS:
                return

    def look(self, panes: Sequence[Pane]) -> None:
        looks = {pane.pane_name: pane.look() for pane in panes}
        self.session.look({name: look for name, look in looks.items() if look is not None})

    def on_pane_outdated(self, message: Pane.Outdated) -> None:
        if message.pane.display and self.progress.has_machine:
            self.look([message.pane])

    def on_board_arranged(self) -> None:
        if self.progress.has_machine:
            self.look(self.board.in_front())
        focused = self.focused_pane
        if focused is not None and not focused.display:
            self.board.in_front()[0].focus()

    # --- orders ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While somebody types, keys are text."""
        return not (action == "do" and any(line.is_typing for line in self.query(CommandLine)))

    def action_do(self, name: str) -> None:
        """Runs an action of the table."""
        getattr(self, f"do_{name}")()

    def on_action_bar_pressed(self, message: ActionBar.Pressed) -> None:
        self.action_do(message.action)

    def run_plan(self, plan: Callable[..., running.Plan], *arguments: int) -> None:
        if not self.progress.has_machine:
            self.say("There is no guest to run.", is_error=True)
            return
        self.say("")
        self.session.run(plan, *arguments)

    def do_step(self) -> None:
        self.run_plan(running.step)

    def do_over(self) -> None:
        self.run_plan(running.over)

    def do_out(self) -> None:
        self.run_plan(running.out)

    def do_resume(self) -> None:
        self.run_plan(running.resume)

    def do_until(self) -> None:
        self.run_plan(running.until, self.disassembly.place)

    def do_pause(self) -> None:
        self.session.pause()

    def do_restart(self) -> None:
        self.say("Restarted.")
        self.session.restart()

    def do_breakpoint(self) -> None:
        """At the cursor of the disassembly, or at a virtual address another pane's cursor is at."""
        pane = self.focused_pane
        found = pane.address_here() if pane is not None and not isinstance(pane, RegistersPane) else None
        if isinstance(pane, WalkPane | MapPane | HitsPane | FindingsPane | TlbPane | MemoryPane) or found is None:
            found = self.disassembly.target()
        if found is not None and self.progress.has_machine:
            self.session.toggle_breakpoint(int(found.value))

    def address_here(self) -> Target | None:
        pane = self.focused_pane or self.disassembly
        found = pane.address_here()
        if found is None:
            self.say(f"There is no address under the cursor of the pane “{pane.TITLE}”.", is_error=True)
        return found

    def do_walk(self) -> None:
        found = self.address_here()
        if found is None:
            return
        if found.kind is TargetKind.PHYSICAL:
            self.say("A walk starts at a virtual address; this one is physical.", is_error=True)
            return
        self.walk(int(found.value))

    def walk(self, va: int, access: Access = Access.READ) -> None:
        self.show_pane("walk")
        self.query_one(WalkPane).pin(va, access)

    def do_show_memory(self) -> None:
        found = self.address_here()
        if found is not None:
            self.show_memory(int(found.value), found.kind is TargetKind.PHYSICAL)

    def show_memory(self, address: int, is_physical: bool = False) -> None:
        self.show_pane("memory")
        self.memory.show(address, is_physical)

    def show_code(self, address: int) -> None:
        self.show_pane("disassembly")
        self.disassembly.show(address)

    def do_to_pc(self) -> None:
        if self.progress.status is not None:
            self.show_code(self.progress.status.pc)

    def do_goto(self) -> None:
        self.open_command_line("goto ")

    def do_memory(self) -> None:
        self.open_command_line("mem ")

    def do_command(self) -> None:
        self.open_command_line()

    def do_help(self) -> None:
        pane = self.focused_pane
        self.app.push_screen(HelpScreen(type(pane) if pane is not None else None))

    def do_palette(self) -> None:
        self.app.action_command_palette()

    def do_quit(self) -> None:
        self.app.exit(0)

    def do_start_screen(self) -> None:
        self.mectui.show_start_screen()

    def do_next_theme(self) -> None:
        self.say(f"Theme: {self.mectui.next_theme()}.")

    def do_workspace_debug(self) -> None:
        self.use_workspace(Workspace.DEBUG)

    def do_workspace_translation(self) -> None:
        self.use_workspace(Workspace.TRANSLATION)

    def do_workspace_mec(self) -> None:
        self.use_workspace(Workspace.MEC)

    def use_workspace(self, workspace: Workspace) -> None:
        self.board.use(workspace)
        self.query_one(RegistersPane).open_tab(WORKSPACE_TABS[workspace])
        self.say(f"Workspace {workspace.value}.")

    def do_next_pane(self) -> None:
        self.focus_neighbour(1)

    def do_previous_pane(self) -> None:
        self.focus_neighbour(-1)

    def focus_neighbour(self, by: int) -> None:
        order = self.board.order()
        pane = self.focused_pane
        at = order.index(pane.pane_name) if pane is not None else -by
        self.show_pane(order[(at + by) % len(order)], focus=True)

    def do_maximise(self) -> None:
        pane = self.focused_pane
        self.board.toggle_maximised(pane.pane_name if pane is not None else "disassembly")

    def show_pane(self, name: str, focus: bool = False) -> None:
        """Brings a pane to the front; a maximised one gives way to it."""
        self.board.bring_forward(name)
        if focus:
            self.board.panes[name].focus(scroll_visible=False)

    def on_pane_tab_clicked(self, message: Pane.TabClicked) -> None:
        self.show_pane(message.pane_name, focus=True)

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        """Enter on a line: code leads to its branch target or walk, data to memory, a hit to both its sides."""
        target, pane = message.target, message.pane
        match target.kind:
            case TargetKind.HIT if isinstance(pane, HitsPane):
                item = pane.hit(int(target.value))
                if item is not None:
                    self.disassembly.show(item.hit.pc)
                    self.show_memory(item.hit.pa, is_physical=True)
                    self.say(f"Hit {item.number}, likely: {item.likely}.")
            case TargetKind.FINDING if isinstance(pane, FindingsPane):
                found = pane.finding(int(target.value))
                if found is not None:
                    self.disassembly.show(found.finding.pc)
                    if found.finding.pa is not None:
                        self.show_memory(found.finding.pa, is_physical=True)
                    self.say(f"Finding {found.number}, {found.finding.rule}: {found.finding.fix}.")
            case TargetKind.PHYSICAL:
                self.show_memory(int(target.value), is_physical=True)
            case TargetKind.VIRTUAL if pane.pane_name in ("disassembly", "tlb", "memory"):
                self.walk(int(target.value))
            case TargetKind.VIRTUAL if pane.pane_name == "events":
                self.show_code(int(target.value))
            case TargetKind.VIRTUAL:
                self.show_memory(int(target.value))

    # --- command line ---------------------------------------------------------------------------------------------

    def known(self) -> Known:
        return Known(
            registers=self.progress.values,
            symbol=self.session.symbol,
            symbols=self.session.symbol_names,
            themes=self.mectui.theme_names(),
        )

    def open_command_line(self, text: str = "") -> None:
        if self.focused_pane is not None:
            self._focused_before = self.focused_pane.pane_name
        self.command_line.open(text)
        self.show_completions()

    def shut_command_line(self) -> None:
        self.command_line.shut()
        self.query_one(ActionBar).replace(None)
        pane = self.board.panes[self._focused_before]
        self.set_focus(pane if pane.display else self.board.in_front()[0])

    def show_completions(self) -> None:
        found = self.command_line.input.completions()
        spans: list[str | tuple[str, str]] = [" "]
        for each in found[:24]:
            spans += [(each.strip().rpartition(" ")[2] if " " in each.strip() else each.strip(), "text"), "  "]
        hint = "Enter runs it, Esc leaves" if not found else ""
        self.query_one(ActionBar).replace(line(*spans, (hint, "muted")))

    def on_input_changed(self, event: Input.Changed) -> None:
        if self.command_line.is_typing:
            self.show_completions()

    def on_command_input_left(self, message: CommandInput.Left) -> None:
        self.shut_command_line()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        self.command_line.input.remember(text)
        if not text:
            self.shut_command_line()
            return
        try:
            command = parse(text, self.known())
        except CommandError as error:
            self.say(str(error), is_error=True)
            self.query_one(ActionBar).replace(line((f" ✗ {error}", "fault")))
            return
        self.shut_command_line()
        self.carry_out(command)

    def execute(self, text: str) -> None:
        """A command from somewhere else than the keyboard: a file of commands, a test."""
        try:
            self.carry_out(parse(text, self.known()))
        except CommandError as error:
            self.say(str(error), is_error=True)

    def carry_out(self, command: Command) -> None:
        if not self.progress.has_machine and command.name not in ("help", "quit", "theme", "restart"):
            self.say("There is no guest yet.", is_error=True)
            return
        getattr(self, f"command_{command.name}")(*command.arguments)

    def command_step(self, count: int = 1) -> None:
        self.run_plan(running.step, count)

    def command_next(self) -> None:
        self.do_over()

    def command_out(self) -> None:
        self.do_out()

    def command_run(self) -> None:
        self.do_resume()

    def command_until(self, address: int) -> None:
        self.run_plan(running.until, address)

    def command_pause(self) -> None:
        self.do_pause()

    def command_restart(self) -> None:
        self.do_restart()

    def command_break(self, address: int) -> None:
        self.session.toggle_breakpoint(address)

    def command_delete(self, which: int | str) -> None:
        self.session.remove_breakpoint(None if which == "all" else int(which))

    def command_breakpoints(self) -> None:
        listed = [f"{number} at {numbers.address(va)}" for number, va in self.progress.breakpoints.items()]
        self.say(f"Breakpoints: {', '.join(listed)}." if listed else "There are no breakpoints; b sets one.")

    def command_walk(self, va: int, access: str = "read") -> None:
        self.walk(va, Access(access))

    def command_goto(self, address: int) -> None:
        self.show_code(address)

    def command_mem(self, address: int) -> None:
        self.show_memory(address)

    def command_pmem(self, address: int) -> None:
        self.show_memory(address, is_physical=True)

    def command_eyes(self, which: str, mecid: int | None = None) -> None:
        self.show_pane("memory")
        self.memory.see_as({"seen": Eyes.CONTEXT, "owner": Eyes.OWNER, "mecid": Eyes.MECID}[which], mecid)

    def command_set(self, register: str, value: int) -> None:
        self.session.set_register(register, value)

    def command_register(self, name: str) -> None:
        self.show_pane("registers")
        self.query_one(RegistersPane).reveal(name)

    def command_print(self, value: int) -> None:
        self.say(f"{numbers.short(value)} = {value}")

    def command_type(self, text: str) -> None:
        self.session.type_to_guest(f"{text}\n")
        self.say(f"Sent {numbers.plural(len(text) + 1, 'character')} to the guest.")

    def command_theme(self, name: str) -> None:
        self.mectui.use_theme(name)

    def command_workspace(self, name: str) -> None:
        self.use_workspace(Workspace(name))

    def command_help(self) -> None:
        self.do_help()

    def command_quit(self) -> None:
        self.do_quit()

    @property
    def mectui(self) -> MectuiApp:
        return cast("MectuiApp", self.app)
