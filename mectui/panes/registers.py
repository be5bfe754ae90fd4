"""The registers pane: general, system, MEC and SIMD registers in tabs."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from textual.content import Content
from textual.events import Click

from mectui.actions import Scope
from mectui.panes.host import host
from mectui.panes.pane import Pane, bindings
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


class RegistersPane(Pane):
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
        self._register_tab_ends: list[tuple[int, int, RegisterTab]] = []

    def look(self) -> Look:
        tab = self.tab
        match tab:
            case RegisterTab.GENERAL:
                return lambda machine, around: (tab, ask.general(machine, around.before))
            case RegisterTab.SYSTEM:
                return lambda machine, around: (tab, ask.system(machine, around.before, around.history))
            case RegisterTab.MEC:
                return lambda machine, around: (tab, ask.mec_registers(machine, around.before, around.history))
            case RegisterTab.SIMD:
                return lambda machine, around: (tab, ask.simd(machine, around.before))

    def draw(self, width: int) -> list[Line]:
        match self.view[1]:
            case ask.GeneralView() as view:
                return render.general(view, width)
            case ask.SystemView() as view:
                return render.system(view, width, self.opened)
            case ask.MecRegistersView() as view:
                return render.mec_registers(view, width)
            case view:
                return render.simd(view, width)

    def show_borders(self) -> None:
        """The register tabs stand in the lower border."""
        super().show_borders()
        parts: list[tuple[str, str]] = []
        self._register_tab_ends = []
        at = 0
        for tab in TABS:
            text = f"[{tab.value}]" if tab is self.tab else f" {tab.value} "
            parts.append((text, "bold $foreground" if tab is self.tab else "$quiet"))
            self._register_tab_ends.append((at, at + len(text), tab))
            at += len(text)
        self.border_subtitle = Content.assemble(*parts)

    def open_tab(self, tab: RegisterTab) -> None:
        if tab is not self.tab:
            self.tab = tab
            self.cursor = 0
            self.scroll_to(y=0, animate=False)
            self.show_borders()
            self.want()

    def reveal(self, name: str) -> None:
        """Shows a register: a general one in its tab, a system register with its fields."""
        if (name[0] in "xv" and name[1:].isdigit()) or name in ("sp", "pc", "nzcv"):
            self.open_tab(RegisterTab.SIMD if name[0] == "v" else RegisterTab.GENERAL)
            return
        self.opened.add(name)
        self._wanted = name
        self.open_tab(RegisterTab.SYSTEM)
        self.want()

    def accept(self, view: Any) -> None:
        super().accept(view)
        if self._wanted and self.tab is RegisterTab.SYSTEM and not isinstance(view, Exception):
            found = Target(TargetKind.REGISTER, self._wanted)
            places = [at for at, item in enumerate(self.lines) if item.target == found]
            if places:
                self._wanted = ""
                self.move_cursor(places[-1])
                self.move_cursor(places[0])

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
