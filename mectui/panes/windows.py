"""Panes that look at a stretch of a 64-bit address space through a window; the disassembly is one."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.events import MouseScrollDown, MouseScrollUp

from mectui.actions import Scope
from mectui.panes.pane import Pane
from mectui.progress import Progress
from mectui.queries.code_search import CodeFound, FindCode, find_code
from mectui.queries.disassembly import DisassemblyView, disassembly
from mectui.render import disassembly as render_disassembly
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

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
        self.show_place()

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
    SEARCHES_WHILE_TYPING: ClassVar = False
    SEARCH_HINT = "an instruction, an operand or a symbol; Enter searches from the cursor on, n and N go on, Esc leaves"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._sought: FindCode | None = None
        self._searches = 0
        self._told = ""

    def look(self) -> Look:
        top, count, sought = self.top, self.text_height, self._sought

        def ask(machine: Any, around: Any) -> tuple[DisassemblyView, CodeFound | None]:
            found = None if sought is None else find_code(machine, sought)
            start = top
            if found is not None and found.address is not None and not top <= found.address < top + 4 * (count - 2):
                start = max(found.address - 4 * (count // 4), 0)
            return disassembly(machine, start, count), found

        return ask

    def accept(self, view: Any) -> None:
        if isinstance(view, tuple):
            view, found = view
            if found is not None and self._sought is not None and found.number == self._sought.number:
                self._sought = None
                self._told = "" if found.address is not None else "not found"
                if found.reached is not None:
                    self._told = "n goes on"
                    self.place = found.reached
                if found.address is not None:
                    self.top, self.place = view.start, found.address
        super().accept(view)

    def search(self, text: str) -> None:
        """Through the code from the cursor on, as far as it is mapped."""
        self.needle, self._told = text, ""
        self._sought = None
        if text.strip():
            self._seek(self.place, forward=True)
        self.show_borders()
        self.refresh()

    def _seek(self, start: int, forward: bool) -> None:
        self._searches += 1
        self._told = "searching"
        self._sought = FindCode(self.needle.strip().lower(), start & MASK64, forward, self._searches)
        self.want()

    def search_summary(self) -> str:
        return f"“{self.needle}” {self._told}".rstrip() + ", n N Esc"

    def move_cursor(self, to: int) -> None:
        """A search that was left: the cursor is an address here, and stays."""

    def action_search_next(self) -> None:
        self._seek(self.place + 4, forward=True)

    def action_search_previous(self) -> None:
        self._seek(self.place - 4, forward=False)

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
