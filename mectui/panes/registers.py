"""The registers pane: general, system, MEC and SIMD registers in tabs."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from textual.content import Content
from textual.events import Click

from mectui.actions import Scope
from mectui.panes.host import host
from mectui.panes.of_call import OfCall
from mectui.panes.pane import bindings
from mectui.queries import call_registers
from mectui.queries import registers as ask
from mectui.render import registers as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class RegisterTab(StrEnum):
    GENERAL = "general"
    SYSTEM = "system"
    MEC = "MEC"
    SIMD = "SIMD"


TABS = tuple(RegisterTab)
GENERAL_REGISTERS = 31
ROOM_FOR_POINTERS = 52
"""Columns from which a register's line tells what stands where it points."""


class RegistersPane(OfCall):
    """General registers are those of a call; all others are the machine's."""

    NAME = "registers"
    TITLE = "registers"
    SCOPE = Scope.REGISTERS
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.REGISTERS)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tab = RegisterTab.GENERAL
        self.opened: set[str] = set()
        self._wanted = ""
        """The register to move the cursor to once its view is there."""
        self.column = 0
        """Of the general registers, which stand in several columns where they must."""
        self._register_tab_ends: list[tuple[int, int, RegisterTab]] = []

    # --- the general registers: the cursor goes down one column, then the next ------------------------------------

    def _columns(self) -> tuple[int, int]:
        """(columns, registers in each but the last) of the general registers; (1, 0) in another tab."""
        view = self.view[1] if isinstance(self.view, tuple) else None
        if not isinstance(view, ask.GeneralView):
            return 1, 0
        columns = render.general_columns(len(view.x), self.text_width, self.text_height)
        return columns, -(-len(view.x) // columns)

    def register_here(self) -> ask.RegisterView | None:
        """The general register under the cursor."""
        view = self.view[1] if isinstance(self.view, tuple) else None
        if not isinstance(view, ask.GeneralView) or self.cursor < render.ABOVE:
            return {1: view.pc, 2: view.sp}.get(self.cursor) if isinstance(view, ask.GeneralView) else None
        columns, rows = self._columns()
        at = min(self.column, columns - 1) * rows + self.cursor - render.ABOVE
        return view.x[at] if at < len(view.x) else view.x[self.cursor - render.ABOVE]

    @property
    def place(self) -> str:
        """The name of the register under the cursor, to be marked in its line."""
        here = self.register_here() if self.has_focus else None
        return "" if here is None else here.name

    def target(self) -> Target | None:
        here = self.register_here()
        if here is None:
            return super().target()
        return None if here.is_lost else Target(TargetKind.VIRTUAL, here.value)

    def move_cursor(self, to: int) -> None:
        super().move_cursor(to)
        self._mark_place()

    def _mark_place(self) -> None:
        if self.view is not None and self._columns()[0] > 1:
            self.lines = self.draw(self.text_width)
            self.refresh()

    def on_focus(self) -> None:
        super().on_focus()
        self._mark_place()

    def on_blur(self) -> None:
        super().on_blur()
        self._mark_place()

    def action_cursor_down(self) -> None:
        columns, rows = self._columns()
        last = render.ABOVE + rows - 1
        count = len(self.view[1].x) if rows else 0
        if columns > 1 and self.cursor >= last and (self.column + 1) * rows < count:
            self.column = min(self.column, columns - 1) + 1
            self.move_cursor(render.ABOVE)
        elif not (columns > 1 and self.column * rows + self.cursor - render.ABOVE >= count - 1):
            super().action_cursor_down()

    def action_cursor_up(self) -> None:
        columns, rows = self._columns()
        if columns > 1 and self.column > 0 and self.cursor <= render.ABOVE:
            self.column -= 1
            self.move_cursor(render.ABOVE + rows - 1)
        else:
            super().action_cursor_up()

    def clicked(self, x: int, line: int, chain: int) -> None:
        columns, rows = self._columns()
        if rows:
            self.column = max(0, min(x // ((self.text_width + 1) // columns), columns - 1))
        super().clicked(x, line, chain)

    # --- asking and drawing ---------------------------------------------------------------------------------------

    def _has_room_for_pointers(self) -> bool:
        """One column, and something behind the symbols."""
        columns = render.general_columns(GENERAL_REGISTERS, self.text_width, self.text_height)
        return columns == 1 and self.text_width >= ROOM_FOR_POINTERS

    def look(self) -> Look:
        tab = self.tab
        match tab:
            case RegisterTab.GENERAL:
                follows, call = self._has_room_for_pointers(), self.call
                if call:
                    return lambda machine, around: (
                        tab, call_registers.general(machine, call, follows_pointers=follows)
                    )  # fmt: skip
                return lambda machine, around: (tab, ask.general(machine, around.before, follows_pointers=follows))
            case RegisterTab.SYSTEM:
                return lambda machine, around: (tab, ask.system(machine, around.before, around.history))
            case RegisterTab.MEC:
                return lambda machine, around: (tab, ask.mec_registers(machine, around.before, around.history))
            case RegisterTab.SIMD:
                return lambda machine, around: (tab, ask.simd(machine, around.before))

    def draw(self, width: int) -> list[Line]:
        match self.view[1]:
            case ask.GeneralView() as view:
                return render.general(view, width, self.text_height, self.place)
            case ask.SystemView() as view:
                return render.system(view, width, self.opened)
            case ask.MecRegistersView() as view:
                return render.mec_registers(view, width)
            case view:
                return render.simd(view, width)

    def lower_border(self) -> Content:
        """The register tabs."""
        parts: list[tuple[str, str]] = []
        self._register_tab_ends = []
        at = 0
        for tab in TABS:
            text = f"[{tab.value}]" if tab is self.tab else f" {tab.value} "
            parts.append((text, "bold $foreground" if tab is self.tab else "$quiet"))
            self._register_tab_ends.append((at, at + len(text), tab))
            at += len(text)
        return Content.assemble(*parts)

    def open_tab(self, tab: RegisterTab) -> None:
        if tab is not self.tab:
            self.tab = tab
            self.cursor = self.column = 0
            self.scroll_to(y=0, animate=False)
            self.show_borders()
            self.want()

    def reveal(self, name: str) -> None:
        """Shows a register: a general one in its tab, a system register with its fields."""
        if (name[0] in "xv" and name[1:].isdigit()) or name in ("sp", "pc", "nzcv"):
            self.open_tab(RegisterTab.SIMD if name[0] == "v" else RegisterTab.GENERAL)
            self._wanted = name
            self.want()
            return
        self.opened.add(name)
        self._wanted = name
        self.open_tab(RegisterTab.SYSTEM)
        self.want()

    def accept(self, view: Any) -> None:
        super().accept(view)
        if self._wanted and isinstance(view, tuple) and isinstance(view[1], ask.GeneralView):
            self._go_to_general(view[1])
        if self._wanted and self.tab is RegisterTab.SYSTEM and not isinstance(view, Exception):
            found = Target(TargetKind.REGISTER, self._wanted)
            places = [at for at, item in enumerate(self.lines) if item.target == found]
            if places:
                self._wanted = ""
                self.move_cursor(places[-1])
                self.move_cursor(places[0])

    def _go_to_general(self, view: ask.GeneralView) -> None:
        """Puts the cursor on the general register that is wanted."""
        name, self._wanted = self._wanted, ""
        above = {"nzcv": 0, "pc": 1, "sp": 2}
        at = next((at for at, register in enumerate(view.x) if register.name == name), 0)
        self.column, row = divmod(at, max(self._columns()[1], 1))
        if name in above:
            self.column = 0
        self.move_cursor(above.get(name, render.ABOVE + row))

    def action_next_tab(self) -> None:
        self.open_tab(TABS[(TABS.index(self.tab) + 1) % len(TABS)])

    def action_previous_tab(self) -> None:
        self.open_tab(TABS[(TABS.index(self.tab) - 1) % len(TABS)])

    def on_click(self, event: Click) -> None:
        if event.y == self.outer_size.height - 1:
            # The subtitle is flush right, one column of border and one of padding from the edge.
            start = self.outer_size.width - 2 - self._register_tab_ends[-1][1]
            for begin, end, tab in self._register_tab_ends:
                if begin <= event.x - start < end:
                    self.open_tab(tab)
                    event.stop()
                    event.prevent_default()

    def action_edit(self) -> None:
        """The command line, with the register or the field under the cursor to be assigned."""
        here = self.register_here()
        if here is not None:
            host(self).open_command_line(f"set {here.name}=")
            return
        found = self.target()
        is_named = found is not None and found.kind in (TargetKind.REGISTER, TargetKind.FIELD)
        host(self).open_command_line(f"set {found.value}=" if found is not None and is_named else "set ")

    def choose(self, target: Target, how: str = "") -> None:
        """A system register opens to its fields, a field to its change; a general one's value is an address."""
        if target.kind is TargetKind.FIELD:
            self.action_edit()
        elif target.kind is TargetKind.REGISTER:
            self.opened ^= {str(target.value)}
            self.redraw()
        else:
            super().choose(target, how)
