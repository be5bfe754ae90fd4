"""The pane of code: instructions with the source they come from, instructions alone, or the source alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from textual.message import Message

from mectui.actions import Scope
from mectui.panes.pane import bindings
from mectui.panes.windows import MASK64, WHEEL_LINES, WindowPane
from mectui.progress import Progress
from mectui.queries.code import CodeMode, CodeView, LineFound, SourceView, code, source
from mectui.queries.code_search import CodeFound, FindCode, find_code
from mectui.render import code as render
from mectui.render.text import Line, TargetKind
from mectui.session import Look

ORDER = (CodeMode.MIXED, CodeMode.INSTRUCTIONS, CodeMode.SOURCE)
"""What the key goes through."""
Found = CodeFound | LineFound | None


class DisassemblyPane(WindowPane):
    """Its cursor is an address; in the source alone it is a line, and the address is where that line's code begins."""

    NAME = "disassembly"
    TITLE = "disassembly"
    SCOPE = Scope.DISASSEMBLY
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.DISASSEMBLY)
    SEARCHES_WHILE_TYPING: ClassVar = False
    SEARCH_HINT = "instruction, operand or symbol; Enter searches, n and N go on, Esc leaves"

    class Told(Message):
        """A sentence for the person at the screen."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._sought: FindCode | None = None
        self._searches = 0
        self._told = ""
        self.mode: CodeMode | None = None
        """What somebody chose to see; until then the source where there is some."""
        self.line: int | None = None
        """In the source alone: the line under the cursor; None for that of the cursor's address."""
        self._first: int | None = None
        """In the source alone: the first line shown."""
        self._keep: Callable[[int, int], int] | None = None
        """Which line becomes the first one so that the cursor's is seen; None where it needs not be."""
        self._has_told_missing = False

    # --- what is shown --------------------------------------------------------------------------------------------

    def use(self, name: str) -> None:
        """Shows what the mode of a name shows; what is no such name changes nothing."""
        self.mode = CodeMode.__members__.get(name, self.mode)

    @property
    def chosen_name(self) -> str:
        """The name of the mode that somebody chose, or ""."""
        return "" if self.mode is None else self.mode.name

    @property
    def is_source(self) -> bool:
        return self.mode is CodeMode.SOURCE

    def action_view(self) -> None:
        """The next of the three views."""
        present = self.mode
        if present is None:
            has_source = isinstance(self.view, CodeView) and bool(self.view.blocks)
            present = CodeMode.MIXED if has_source else CodeMode.INSTRUCTIONS
        self.mode = ORDER[(ORDER.index(present) + 1) % len(ORDER)]
        self.line, self._keep = None, _middle
        self.post_message(self.Told(f"Shown: {self.mode.value}. v shows something else."))
        self.want()

    def look(self) -> Look:
        top, count, sought, mode = self.top, self.text_height, self._sought, self.mode
        place, line, first = self.place, self.line, self._first

        def ask_code(machine: Any, around: Any) -> tuple[CodeView, Found]:
            found = None if sought is None else find_code(machine, sought)
            start = top
            if found is not None and found.address is not None and not top <= found.address < top + 4 * (count - 2):
                start = max(found.address - 4 * (count // 4), 0)
            chosen = CodeMode.INSTRUCTIONS if mode is CodeMode.SOURCE else mode
            return code(machine, around.sources, start, count, chosen), found

        def ask_source(machine: Any, around: Any) -> tuple[SourceView | CodeView, Found]:
            view, found = source(machine, around.sources, place, count, line, first, sought)
            if not view.problem:
                return view, found
            instead, where = ask_code(machine, around)
            return replace(instead, problem=view.problem, reading=view.reading), where

        return ask_source if mode is CodeMode.SOURCE else ask_code

    def accept(self, view: Any) -> None:
        if isinstance(view, tuple):
            view, found = view
            if found is not None and self._sought is not None and found.number == self._sought.number:
                self._take(view, found)
        if isinstance(view, SourceView) and self.is_source and view.rows:
            self.line, self._first = view.line, view.first
            if view.following is not None:
                self.place = view.following
        if isinstance(view, CodeView):
            self.line = self._first = None
        super().accept(view)
        missing = view.missing if isinstance(view, CodeView) else ""
        if missing and not self._has_told_missing:
            self._has_told_missing = True
            self.post_message(self.Told(f"{missing} is not here: “source DIR” names the folder that the source is in."))

    def _take(self, view: Any, found: CodeFound | LineFound) -> None:
        """What a search has come to."""
        self._sought = None
        if isinstance(found, LineFound):
            self._told = "" if found.line is not None else "not found"
            return
        self._told = "" if found.address is not None else "not found"
        if found.reached is not None:
            self._told = "n goes on"
            self.place = found.reached
        if found.address is not None and isinstance(view, CodeView):
            self.top, self.place, self._keep = view.code.start, found.address, _middle

    def draw(self, width: int) -> list[Line]:
        return render.source(self.view, width) if isinstance(self.view, SourceView) else render.code(self.view, width)

    def cropped(self, lines: list[Line]) -> list[Line]:
        """With source between the instructions fewer of them have room: the cursor's is among those that stay."""
        stays = len(render.problem(self.view, self.text_width)) if isinstance(self.view, CodeView) else 0
        head, lines = lines[:stays], lines[stays:]
        height = max(self.text_height - stays, 1)
        at = max((at for at, item in enumerate(lines) if self._is_here(item)), default=0)
        # What comes next matters more than what was before: the program counter is not left in the last rows.
        if self._keep is None or at < (height - height // 3 if self._keep is _middle else height):
            return [*head, *lines[:height]]
        first = max(min(self._keep(at, height), len(lines) - height), 0)
        shown = lines[first : first + height]
        self.top = next((int(item.target.value) for item in shown if item.target is not None), self.top)
        return [*head, *shown]

    def _is_here(self, item: Line) -> bool:
        target = item.target
        return target is not None and target.kind is TargetKind.VIRTUAL and target.value == self.place

    def _place_cursor(self) -> None:
        if isinstance(self.view, SourceView):
            if self.line is not None:
                self.cursor = max(0, min(self.line - self.view.first, len(self.lines) - 1))
            self.show_place()
            return
        super()._place_cursor()
        self.show_borders()

    def summary(self) -> str:
        view = self.view
        if isinstance(view, SourceView):
            return render.place(view)
        if not isinstance(view, CodeView):
            return ""
        reading = "" if view.reading is None else f"reading line tables {view.reading:.0%}"
        here = view.places.get(self.place, view.code.where)
        return "  ".join(part for part in (reading, here) if part)

    # --- moving ---------------------------------------------------------------------------------------------------

    def go(self, lines: int) -> None:
        view = self.view
        if not (self.is_source and isinstance(view, SourceView) and view.rows):
            self._keep = _edge
            super().go(lines)
            return
        self._go_to_line((self.line or view.line) + lines)

    def _go_to_line(self, line: int) -> None:
        assert isinstance(self.view, SourceView)
        self.line = max(1, min(line, self.view.total))
        first = self.view.first
        height = self.text_height
        if not first <= self.line < first + height:
            self._first = self.line if self.line < first else self.line - height + 1
        self.want()

    def _move_window(self, by: int) -> None:
        view = self.view
        if self.is_source and isinstance(view, SourceView) and view.rows:
            # A look keeps the cursor's line in sight: it goes along with the window.
            lines = WHEEL_LINES if by > 0 else -WHEEL_LINES
            first = max(1, min(view.first + lines, view.total - self.text_height + 1))
            self._first = first
            self.line = max(first, min(self.line or view.line, first + self.text_height - 1))
            self.want()
            return
        super()._move_window(by)

    def action_page_up(self) -> None:
        self.go(-self._page())

    def action_page_down(self) -> None:
        self.go(self._page())

    def _page(self) -> int:
        """Lines, or instructions, that are shown at once."""
        return self.text_height if self._has_rows() else max(len(set(self.addresses_shown())) - 1, 1)

    def action_first(self) -> None:
        self.go(-self.view.total if self._has_rows() else -(self.text_height // 2))

    def action_last(self) -> None:
        self.go(self.view.total if self._has_rows() else self.text_height // 2)

    def _has_rows(self) -> bool:
        return self.is_source and isinstance(self.view, SourceView) and bool(self.view.rows)

    def clicked(self, x: int, line: int, chain: int) -> None:
        if self._has_rows():
            again = self.line == self.view.first + line and chain >= 2
            self._go_to_line(self.view.first + line)
            if again:
                self.action_choose()
            return
        self._keep = None
        super().clicked(x, line, chain)

    def on_mouse_scroll_down(self, event: Any) -> None:
        self._keep = None
        super().on_mouse_scroll_down(event)

    def on_mouse_scroll_up(self, event: Any) -> None:
        self._keep = None
        super().on_mouse_scroll_up(event)

    # --- searching ------------------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Through the code from the cursor on, as far as it is mapped; in the source alone through the file."""
        self.needle, self._told = text, ""
        self._sought = None
        if text.strip():
            self._seek(self.place, forward=True, is_first=True)
        self.show_borders()
        self.refresh()

    def _seek(self, start: int, forward: bool, is_first: bool = False) -> None:
        self._searches += 1
        self._told = "searching"
        self._sought = FindCode(self.needle.strip().lower(), start & MASK64, forward, self._searches, is_first)
        self.want()

    def search_summary(self) -> str:
        return f"“{self.needle}” {self._told}".rstrip() + ", n N Esc"

    def move_cursor(self, to: int) -> None:
        """A search that was left: the cursor is an address here, and stays."""

    def action_search_next(self) -> None:
        self._seek(self.place + 4, forward=True)

    def action_search_previous(self) -> None:
        self._seek(self.place - 4, forward=False)

    # --- following ------------------------------------------------------------------------------------------------

    def follow(self, progress: Progress) -> None:
        """The window follows the program counter at every stop."""
        if progress.status is not None:
            label = progress.status.pc_label
            self.show_pc(progress.status.pc, is_function_start=bool(label) and "+" not in label)

    def show(self, address: int) -> None:
        """Puts an address under the cursor, a little below the upper edge."""
        self.place, self.line, self._keep = address & MASK64 & ~3, None, _middle
        self.top = max(self.place - 8, 0)
        self.want()

    def show_pc(self, pc: int, is_function_start: bool = False) -> None:
        shown = self.addresses_shown()
        self.place, self.line, self._keep = pc & ~3, None, _middle
        room = max(len(shown) // 4, 1)
        if not shown or self.place not in shown[:-room]:
            before = 0 if is_function_start else max(self.text_height // 4, 1)
            self.top = max(self.place - 4 * before, 0)
        self.want()


def _middle(at: int, height: int) -> int:
    """The first line, where the one at `at` is to have as much behind it as before it."""
    return at - height // 2


def _edge(at: int, height: int) -> int:
    """The first line, where the one at `at` is to be the last."""
    return at - height + 1
