"""Panes that look at a stretch of a 64-bit address space through a window: disassembly and memory."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.events import MouseScrollDown, MouseScrollUp

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.disassembly import DisassemblyView, disassembly
from mectui.queries.memory import Eyes, MemoryView, memory
from mectui.render import disassembly as render_disassembly
from mectui.render import memory as render_memory
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look, Progress

MASK64 = (1 << 64) - 1
WHEEL_LINES = 3


class WindowPane(Pane):
    """A window on addresses. The cursor is an address; moving past an edge moves the window."""

    DEFAULT_CSS = """
    WindowPane { overflow-y: hidden; scrollbar-gutter: auto; }
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.top = 0
        self.place = 0
        """Address under the cursor."""

    @property
    def text_width(self) -> int:
        return max(self.scrollable_content_region.width - 1, 8)

    @property
    def unit(self) -> int:
        """Bytes in a line: what the cursor moves by."""
        return 4

    @property
    def alignment(self) -> int:
        """What the window's first address is a multiple of."""
        return self.unit

    def redraw(self) -> None:
        super().redraw()
        self.lines = self.lines[: self.text_height]
        self.virtual_size = self.scrollable_content_region.size
        self._place_cursor()

    def _place_cursor(self) -> None:
        for at, item in enumerate(self.lines):
            if item.target is not None and int(item.target.value) <= self.place < int(item.target.value) + self.unit:
                self.cursor = at

    def go(self, lines: int) -> None:
        """Moves the cursor, and the window with it where needed."""
        self.place = max(0, min(self.place + lines * self.unit, MASK64 + 1 - self.unit))
        shown = self.addresses_shown()
        if shown and not shown[0] <= self.place < shown[-1] + self.unit:
            beyond = self.place - (shown[-1] if self.place > shown[-1] else shown[0])
            step = self.alignment
            self._move_window(-(-beyond // step) * step if beyond > 0 else beyond // step * step)
        else:
            self._place_cursor()
            self.refresh()

    def _move_window(self, by: int) -> None:
        self.top = max(0, min(self.top + by, (MASK64 + 1 - self.alignment)))
        self.want()

    def addresses_shown(self) -> list[int]:
        return [
            int(item.target.value)
            for item in self.lines
            if item.target is not None and item.target.kind is TargetKind.VIRTUAL
        ]

    def target(self) -> Target | None:
        return Target(TargetKind.VIRTUAL, self.place)

    def action_cursor_up(self) -> None:
        self.go(-1)

    def action_cursor_down(self) -> None:
        self.go(1)

    def action_page_up(self) -> None:
        self.go(-self.text_height)

    def action_page_down(self) -> None:
        self.go(self.text_height)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._move_window(WHEEL_LINES * self.alignment)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._move_window(-WHEEL_LINES * self.alignment)

    def clicked(self, x: int, line: int, chain: int) -> None:
        found = self.lines[line].target if line < len(self.lines) else None
        if found is not None and found.kind is TargetKind.VIRTUAL:
            again = self.place == found.value and chain >= 2
            self.place = int(found.value)
            self._place_cursor()
            self.refresh()
            if again:
                self.action_choose()


class DisassemblyPane(WindowPane):
    NAME = "disassembly"
    TITLE = "disassembly"
    SCOPE = Scope.DISASSEMBLY

    def look(self) -> Look:
        top, count = self.top, self.text_height
        return lambda machine, around: disassembly(machine, top, count)

    def draw(self, width: int) -> list[Line]:
        return render_disassembly.disassembly(self.view, width)

    def summary(self) -> str:
        return self.view.where if isinstance(self.view, DisassemblyView) else ""

    def follow(self, progress: Progress) -> None:
        """The window follows the program counter at every stop."""
        if progress.status is not None:
            label = progress.status.pc_label
            self.show_pc(progress.status.pc, is_function_start=bool(label) and "+" not in label)

    def show(self, address: int) -> None:
        """Puts an address under the cursor, a little below the upper edge."""
        self.place = address & MASK64 & ~3
        self.top = max(self.place - 8, 0)
        self.want()

    def show_pc(self, pc: int, is_function_start: bool = False) -> None:
        shown = self.addresses_shown()
        self.place = pc & ~3
        room = max(len(shown) // 4, 1)
        if not shown or self.place not in shown[:-room]:
            before = 0 if is_function_start else max(self.text_height // 4, 1)
            self.top = max(self.place - 4 * before, 0)
        self.want()

    def action_first(self) -> None:
        self.go(-(self.text_height // 2))

    def action_last(self) -> None:
        self.go(self.text_height // 2)


class MemoryPane(WindowPane):
    NAME = "memory"
    TITLE = "memory"
    SCOPE = Scope.MEMORY
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
        before = self._before

        def ask(machine: Any, around: Any) -> MemoryView:
            return memory(machine, top, rows, is_physical=is_physical, eyes=eyes, mecid=mecid, before=before)

        return ask

    def follow(self, progress: Progress) -> None:
        """What is shown now is what the next view is compared with; at first the stack or the code is shown."""
        if progress.stops != self._stops:
            self._stops = progress.stops
            self._before = self.view if isinstance(self.view, MemoryView) else None
        if self.follows_access and progress.status is not None:
            address = progress.status.pc if progress.last_access is None else progress.last_access
            self.place = address & -8
            shown = self.addresses_shown()
            if not shown or not shown[0] <= self.place < shown[-1] + self.unit:
                self.top = max((address & -16) - 32, 0) if progress.last_access is not None else address & -16

    def draw(self, width: int) -> list[Line]:
        return render_memory.memory(self.view, width)

    def summary(self) -> str:
        follows = "  following" if self.follows_access else ""
        return render_memory.summary(self.view) + follows

    def show(self, address: int, is_physical: bool) -> None:
        """Shows an address. Physical memory is read as its owner at first: no context is implied by an address."""
        self.follows_access = False
        if is_physical != self.is_physical:
            self.is_physical = is_physical
            self.eyes = Eyes.OWNER if is_physical else Eyes.CONTEXT
        self.place = address & MASK64 & -8
        self.top = address & MASK64 & -16
        self.want()

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
