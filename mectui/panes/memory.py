"""The memory pane: bytes as some context sees them, edited in place, searched."""

from __future__ import annotations

from typing import Any, ClassVar

from emu.architecture import PAGE
from mectui.actions import Scope
from mectui.panes.host import host
from mectui.panes.pane import bindings
from mectui.panes.windows import MASK64, WindowPane
from mectui.progress import Progress
from mectui.queries.memory import Eyes, MemoryRow, MemoryView, memory
from mectui.queries.needle import Find, pattern
from mectui.render import memory as render_memory
from mectui.render import numbers
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class MemoryPane(WindowPane):
    NAME = "memory"
    TITLE = "memory"
    SCOPE = Scope.MEMORY
    SEARCHES_WHILE_TYPING: ClassVar = False
    SEARCH_HINT = "text, bytes (de ad be ef) or a value as it lies there (0x1234); Enter searches"
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.MEMORY)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_physical = False
        self.eyes = Eyes.CONTEXT
        self.mecid = 0
        self.follows_access = True
        """Shows the last data access until somebody asks for an address."""
        self._stops = 0
        self._before: MemoryView | None = None
        self._at_stop: MemoryView | None = None
        """What was seen when the guest last stood."""
        self._virtual: tuple[int, int] | None = None
        """(VA, PA) of the place that was last shown by its virtual address."""
        self._sought: Find | None = None
        self._searches = 0
        self._told = ""
        """What came of the last search."""

    @property
    def unit(self) -> int:
        return 16 // render_memory.lines_per_block(self.text_width, self.top)

    @property
    def alignment(self) -> int:
        return 16

    def rows(self) -> int:
        return -(-self.text_height // render_memory.lines_per_block(self.text_width, self.top))

    def look(self) -> Look:
        top, rows, is_physical, eyes, mecid = self.top, self.rows(), self.is_physical, self.eyes, self.mecid
        before, sought = self._before, self._sought
        wanted = pattern(self.needle) if self.needle else b""

        def ask(machine: Any, around: Any) -> MemoryView:
            return memory(
                machine,
                top,
                rows,
                is_physical=is_physical,
                eyes=eyes,
                mecid=mecid,
                before=before,
                wanted=wanted,
                sought=sought,
            )

        return ask

    def accept(self, view: Any) -> None:
        if not self.is_guest_running:
            self._at_stop = view if isinstance(view, MemoryView) else None
        found = view.found if isinstance(view, MemoryView) else None
        if found is not None and self._sought is not None and found.number == self._sought.number:
            self._sought = None
            self._told = ""
            if found.address is not None:
                self.follows_access = False
                self.top, self.place = view.start, found.address
            elif found.reached is not None:
                self.place = found.reached
                self._told = f"not up to {numbers.address(found.reached)}, n goes on"
            else:
                self._told = "not found"
        super().accept(view)

    def follow(self, progress: Progress) -> None:
        """What is shown now is what the next view is compared with; at first the stack or the code is shown."""
        if progress.stops != self._stops:
            self._stops = progress.stops
            self._before = self._at_stop
        if self.follows_access and progress.status is not None:
            address = progress.status.pc if progress.last_access is None else progress.last_access
            self.place = address & -8
            shown = self.addresses_shown()
            if not shown or not shown[0] <= self.place < shown[-1] + self.unit:
                # Some lines before the access, but none of the page before: that is often not mapped.
                before = min(address & PAGE - 1 & -16, 32) if progress.last_access is not None else 0
                self.top = (address & -16) - before

    def draw(self, width: int) -> list[Line]:
        return render_memory.memory(self.view, width, self.place if self.has_focus else None)

    def summary(self) -> str:
        follows = "  last access" if self.follows_access else ""
        told = f"{self._told}  " if self._told and not self.needle else ""
        return told + render_memory.summary(self.view) + follows

    def show(self, address: int, is_physical: bool) -> None:
        """Shows an address. Physical memory is read as its owner at first: no context is implied by an address."""
        self.follows_access = False
        if is_physical != self.is_physical:
            self.is_physical = is_physical
            self.eyes = Eyes.OWNER if is_physical else Eyes.CONTEXT
        self.place = address & MASK64
        self.top = address & MASK64 & -16
        self.want()

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def go(self, lines: int) -> None:
        super().go(lines)
        if self.view is not None:
            self.redraw()

    def _move_byte(self, by: int) -> None:
        """To another byte; a line up or down where it is on another line."""
        wanted = max(0, min(self.place + by, MASK64))
        lines = wanted // self.unit - self.place // self.unit
        self.go(lines)
        self.place = wanted
        self.redraw()

    def action_byte_left(self) -> None:
        self._move_byte(-1)

    def action_byte_right(self) -> None:
        self._move_byte(1)

    def action_edit(self) -> None:
        """The command line, with the byte under the cursor to be assigned."""
        space = "pa:" if self.is_physical else ""
        host(self).open_command_line(f"set [{space}{numbers.address(self.place)}].b=")

    def action_physical(self) -> None:
        """The same place by its other address."""
        self._told = ""
        if not self.is_physical:
            row = self._row_here()
            if row is None or row.pa is None:
                self._told = "This address is not mapped: there is no physical one."
                self.show_borders()
                return
            pa = row.pa + self.place - row.address
            self._virtual = (self.place, pa)
            self.show(pa, is_physical=True)
            return
        if self._virtual is None or self._virtual[1] & -4096 != self.place & -4096:
            self._told = "No virtual address is known for this place."
            self.show_borders()
            return
        va, pa = self._virtual
        self.show(va + self.place - pa, is_physical=False)

    def _row_here(self) -> MemoryRow | None:
        rows = self.view.rows if isinstance(self.view, MemoryView) else ()
        return next((row for row in rows if row.address <= self.place < row.address + 16), None)

    def search(self, text: str) -> None:
        """From the cursor on, through everything that was ever written."""
        self.needle, self._told, self._sought = text, "", None
        if text.strip():
            self._seek(self.place, forward=True)
        else:
            self.needle = ""
            self.want()
        self.show_borders()

    def _seek(self, start: int, forward: bool) -> None:
        self._searches += 1
        self._told = "searching"
        self._sought = Find(pattern(self.needle), start & MASK64, forward, self._searches)
        self.want()

    def search_summary(self) -> str:
        return f"“{self.needle}” {self._told}".rstrip() + ", n N Esc"

    def move_cursor(self, to: int) -> None:
        """A search that was left: the cursor is an address here, and stays."""

    def action_search_next(self) -> None:
        self._seek(self.place + 1, forward=True)

    def action_search_previous(self) -> None:
        self._seek(self.place, forward=False)

    def see_as(self, eyes: Eyes, mecid: int | None = None) -> None:
        self.eyes = eyes
        if mecid is not None:
            self.mecid = mecid
        self.want()

    def address_here(self) -> Target | None:
        return Target(TargetKind.PHYSICAL if self.is_physical else TargetKind.VIRTUAL, self.place)

    def target(self) -> Target | None:
        return self.address_here()

    def action_follow(self) -> None:
        """Follow the last data access, or stay."""
        self.follows_access = not self.follows_access
        if self.follows_access:
            self.is_physical, self.eyes = False, Eyes.CONTEXT
        self.want()

    def action_eyes(self) -> None:
        order = tuple(Eyes)
        self.see_as(order[(order.index(self.eyes) + 1) % len(order)])

    def action_mecid_up(self) -> None:
        self.see_as(Eyes.MECID, (self.mecid + 1) & 0xFFFF)

    def action_mecid_down(self) -> None:
        self.see_as(Eyes.MECID, (self.mecid - 1) & 0xFFFF)

    def action_first(self) -> None:
        self.go(-self.text_height * 16)

    def action_last(self) -> None:
        self.go(self.text_height * 16)
