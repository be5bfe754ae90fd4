"""What all panes share: lines drawn with the line API, a cursor, tabs in the border, and asking for a new view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from rich.style import Style
from textual.binding import Binding
from textual.content import Content
from textual.events import Click, MouseMove, Resize
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mectui.actions import Action, Scope, of_scope
from mectui.export import markdown
from mectui.export.markdown import Circumstances
from mectui.glossary import explain, word_at
from mectui.plain import spoken
from mectui.render.numbers import address, count
from mectui.render.text import Line, Span, Target, TargetKind, highlight, wrap
from mectui.styling import StyleBook

if TYPE_CHECKING:
    from mectui.app import MectuiApp
    from mectui.progress import Progress
    from mectui.session import Look

CURSOR = "›"
EXPORTED = 120
"""Columns that a report has at least, however narrow the pane is."""
GUTTER = 1
"""Columns before the text: the cursor's sign."""


def bindings(scope: Scope) -> list[Binding]:
    """The keys of a scope, from the action table."""
    return [
        Binding(",".join(action.keys), action.name, action.title, show=False, id=action.id)
        for action in of_scope(scope)
        if action.keys
    ]


def _looks(text: Content | None) -> tuple[Any, ...]:
    """What a text is compared by: a Content equals another of the same words in other colours."""
    return () if text is None else (text.plain, tuple(text.spans))


class Pane(ScrollView, can_focus=True):
    """Draws `lines`. Subclasses say what to ask the machine (`look`) and how to draw the answer (`draw`)."""

    NAME: ClassVar[str] = ""
    """What layouts, actions and commands call it."""
    TITLE: ClassVar[str] = ""
    TAB: ClassVar[str] = ""
    """A shorter title, for places that several panes share."""
    SCOPE: ClassVar[Scope | None] = None
    GROWS_OLD: ClassVar[bool] = True
    """Whether what it shows is out of date while the guest runs."""
    HAS_CURSOR: ClassVar[bool] = True
    UNSEARCHABLE: ClassVar[str] = ""
    """Why there is nothing to search in here, as a sentence."""
    SEARCH_HINT: ClassVar[str] = "Enter keeps the search: n and N go to the next and the last match; Esc ends it"
    SEARCHES_WHILE_TYPING: ClassVar[bool] = True
    BINDINGS: ClassVar[list[Any]] = [*bindings(Scope.LIST), *bindings(Scope.SEARCH)]

    DEFAULT_CSS = """
    Pane {
        position: absolute;
        border: round $pane-border;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        border-title-align: left;
        border-subtitle-align: right;
        background: $background;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        &:focus {
            border: heavy $pane-focus;
        }
    }
    .-plain Pane, .-plain Pane:focus { border: none; border-top: blank $background; border-bottom: blank $background; }
    """

    class Outdated(Message):
        """A pane wants a new view."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

    class Chosen(Message):
        """Enter or a click on the cursor's line: somebody wants to go where it points; or another key of the pane.

        `how` is the name of that other key's action.
        """

        def __init__(self, pane: Pane, target: Target, how: str = "") -> None:
            super().__init__()
            self.pane = pane
            self.target = target
            self.how = how

    class Prefilled(Message):
        """A command that somebody began by a key and goes on typing."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class TabClicked(Message):
        """A pane's name in a border was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.pane_name = name

    def __init__(self, name: str) -> None:
        super().__init__(id=name, name=name)
        self.pane_name = name
        self.lines: list[Line] = []
        self.view: Any = None
        self.cursor = 0
        self.is_pointed = False
        """Another pane points at the line of the cursor: it is marked without the focus too."""
        self.needle = ""
        """What is searched for; "" where no search is on."""
        self.tabs: tuple[tuple[str, str], ...] = ()
        """(pane name, title) of every pane that shares this place on the screen."""
        self._tab_ends: list[tuple[int, int, str]] = []
        self._border_rows: tuple[Region, ...] = ()
        """The rows to be painted while the borders are given their texts: no others."""
        self.is_outdated = False
        """Whether somebody has asked for a new view, and nobody has looked since."""
        self.is_guest_running = False
        """Whether the guest runs: what is shown is not how it is now."""
        self.as_of: int | None = None
        """The instruction count that is shown, where that must be said: the guest has run on for a while."""
        self._painted: dict[int, tuple[Line | None, bool, str, int]] = {}
        """What was painted last, by row: see `_row`."""
        self._drawn_width = 0
        self._base = Style()
        """The pane's own colours, found once for every repaint."""
        self._geometry = 0, 0
        """Width of the text and the line in the uppermost row, found once for every repaint."""

    # --- for subclasses -------------------------------------------------------------------------------------------

    def look(self) -> Look | None:
        """The question to the machine for the view as it should be now; None for no question."""
        return None

    def draw(self, width: int) -> list[Line]:
        """The view as lines of at most `width` columns."""
        raise NotImplementedError

    def summary(self) -> str:
        """What the lower border says."""
        return ""

    def follow(self, progress: Progress) -> None:
        """Called when the machine stopped, before the pane is asked for its look."""

    @classmethod
    def own_actions(cls) -> list[Action]:
        """What can be done in this pane and in no other, in the order of the table."""
        # The digits answer a lesson's question: the question itself lists them.
        return [] if cls.SCOPE is None else [action for action in of_scope(cls.SCOPE) if action.name != "answer"]

    # --- views ----------------------------------------------------------------------------------------------------

    @property
    def book(self) -> StyleBook:
        app: MectuiApp = self.app  # type: ignore[assignment]
        return app.style_book

    @property
    def text_width(self) -> int:
        return max(self.scrollable_content_region.width - GUTTER, 8)

    @property
    def text_height(self) -> int:
        return max(self.scrollable_content_region.height, 1)

    def accept(self, view: Any) -> None:
        """A new view has arrived."""
        self.view = view
        self.redraw()

    def redraw(self) -> None:
        """Makes the lines anew from the view that is there."""
        self._drawn_width = self.text_width
        if isinstance(self.view, Exception):
            text = f"This cannot be shown: {type(self.view).__name__}: {self.view}"
            self.lines = wrap(text, self._drawn_width, "fault")
        elif self.view is None:
            self.lines = []
        else:
            self.lines = self.draw(self._drawn_width)
        self.cursor = max(0, min(self.cursor, len(self.lines) - 1))
        self._show_extent()
        self.show_borders()
        self.show_place()
        self.call_next(self._repaint)  # when subclasses are done with the lines and the cursor

    def _show_extent(self) -> None:
        """How far the pane scrolls. Another size has the whole screen laid out: what fits has one size for all."""
        room = self.scrollable_content_region.size
        self.virtual_size = Size(room.width, max(len(self.lines), room.height))

    def _repaint(self) -> None:
        """Has the rows painted again that look different now: after a step that is a few of them."""
        if not self._painted:
            self.refresh()
            return
        width, top = self.scrollable_content_region.width, self.scroll_offset.y
        changed = [y for y, row in self._painted.items() if row != self._row(y, width, top)]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As every widget's; texts of the borders have only the borders painted again."""
        return super().refresh(*(regions or self._border_rows), repaint=repaint, layout=layout, recompose=recompose)

    def show_borders(self) -> None:
        """The names of the panes in this place, the open one marked, and the summary below."""
        outer, (left, top) = self.outer_size, self.content_offset
        above, below = self.upper_border(), self._aged(self.lower_border())
        if _looks(above) != _looks(self._border_title):
            self._border_rows = (Region(-left, -top, outer.width, 1),)
            self.border_title = above
        if _looks(below) != _looks(self._border_subtitle):
            self._border_rows = (Region(-left, outer.height - 1 - top, outer.width, 1),)
            self.border_subtitle = below
        self._border_rows = ()

    def _aged(self, below: Content) -> Content:
        """The lower border with the age of what is shown before it, as exactly as there is room."""
        if self.as_of is None:
            return below
        room = self.outer_size.width - 8 - below.cell_length  # two corners, two dashes, and gaps
        age = next((text for text in (f"as of #{count(self.as_of)}", "old") if len(text) <= room), "")
        return Content(f"{age}  ") + below if age else below

    def grow_old(self, as_of: int | None) -> None:
        """What is shown is how it was at this instruction count; None where it is how it is."""
        if as_of != self.as_of:
            self.as_of = as_of
            self.show_borders()

    @property
    def looks_while_running(self) -> bool:
        """Whether a view may be taken at a moment that is no stop."""
        return True

    def upper_border(self) -> Content:
        """The names of the panes in this place, the open one marked."""
        parts: list[Content | tuple[str, str] | str] = []
        self._tab_ends = []
        at = 3  # behind the corner, a dash and a space
        for text, name, is_open in self._tab_texts():
            if self._tab_ends:
                parts.append(("  ", ""))
                at += 2
            parts.append((text, "bold $foreground" if is_open else "$quiet"))
            self._tab_ends.append((at, at + len(text), name))
            at += len(text)
        return Content.assemble(*parts)

    def lower_border(self) -> Content:
        """What is searched for, and the summary."""
        summary = "" if isinstance(self.view, Exception) or self.view is None else self.summary()
        if self.needle:
            summary = f"{self.search_summary()}  {summary}"
        return Content(spoken(summary) if self._is_plain else summary)

    @property
    def _is_plain(self) -> bool:
        return self.app.has_class("-plain")

    def show_place(self) -> None:
        """Puts the terminal's own cursor where this pane's is: that is what a screen reader reads."""
        if self.has_focus:
            region = self.scrollable_content_region  # on the screen
            self.app.cursor_position = Offset(region.x, region.y + self.cursor - self.scroll_offset.y)

    def _tab_texts(self) -> list[tuple[str, str, bool]]:
        """(text, pane it leads to, whether it is this one) of the tabs; "‹" and "›" stand for those without room."""
        tabs = self.tabs or ((self.pane_name, self.TITLE),)
        if self._is_plain:
            at = next((at for at, (name, _) in enumerate(tabs) if name == self.pane_name), 0)
            place = f", pane {at + 1} of {len(tabs)}, Tab for the next" if len(tabs) > 1 else ""
            return [(f"{self.TITLE}{place}", self.pane_name, True)]
        texts = [(f"[{title}]" if name == self.pane_name and len(tabs) > 1 else title) for name, title in tabs]
        own = next((at for at, (name, _) in enumerate(tabs) if name == self.pane_name), 0)
        first, last = own, own + 1
        room = max(self.outer_size.width, 12) - 6 - len(texts[own])
        while first > 0 or last < len(tabs):
            # Towards the end first: a person reads on from the open tab; the two signs need six columns.
            if last < len(tabs) and len(texts[last]) + 2 <= room - 6 * (first > 0 or last + 1 < len(tabs)):
                room -= len(texts[last]) + 2
                last += 1
            elif first > 0 and len(texts[first - 1]) + 2 <= room - 6 * (first > 1 or last < len(tabs)):
                first -= 1
                room -= len(texts[first]) + 2
            else:
                break
        shown = [(texts[at], tabs[at][0], at == own) for at in range(first, last)]
        before = [("‹", tabs[first - 1][0], False)] if first > 0 else []
        after = [("›", tabs[last][0], False)] if last < len(tabs) else []
        return [*before, *shown, *after]

    def tab_starts(self) -> list[tuple[str, int]]:
        """Every pane that a click on the upper border leads to, and the column where its name starts."""
        return [(name, start) for start, _, name in self._tab_ends]

    def text_of_line(self) -> str:
        """What stands under the cursor, for copying."""
        return self.lines[self.cursor].text.strip() if self.cursor < len(self.lines) else ""

    def markdown(self, around: Circumstances) -> str:
        """What the pane shows as a report for people."""
        is_drawn = self.view is not None and not isinstance(self.view, Exception)
        lines = self.draw(max(self._drawn_width, EXPORTED)) if is_drawn else self.lines
        return markdown.of_pane(self.TITLE, lines, around)

    def want(self) -> None:
        """Asks for a new view, unless one is asked for anyway before the message arrives."""
        self.is_outdated = True
        self.post_message(self.Outdated(self))

    def on_resize(self, event: Resize) -> None:
        self._painted.clear()
        if self.text_width != self._drawn_width:
            self.redraw()
        else:
            self._show_extent()
        self.want()

    # --- drawing --------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        self._base = self.rich_style
        self._geometry = self.scrollable_content_region.width, self.scroll_offset.y
        return super().render_lines(crop)

    def _row(self, y: int, width: int, top: int) -> tuple[Line | None, bool, str, int]:
        """All that a row of the screen depends on: its line, whether it has the cursor, what is sought, its width.

        `top` is the number of the line in the uppermost row.
        """
        index = top + y
        if index >= len(self.lines):
            return None, False, "", width
        is_cursor = self.HAS_CURSOR and (self.has_focus or self.is_pointed) and index == self.cursor
        return self.lines[index], is_cursor, self.needle, width

    def render_line(self, y: int) -> Strip:
        width, top = self._geometry
        item, is_cursor, needle, width = self._painted[y] = self._row(y, width, top)
        base = self._base
        if item is None:
            return Strip.blank(width, base)
        if needle:
            item = highlight(item, needle)
        sign = Span(CURSOR if is_cursor else " ", "strong")
        return self.book.strip(Line((sign, *item.spans)), width, base, "cursor" if is_cursor else "")

    def point(self, is_pointed: bool) -> None:
        """Another pane points here, or does no more."""
        if is_pointed is not self.is_pointed:
            self.is_pointed = is_pointed
            self.refresh()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # --- searching ------------------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Goes to the first line from the cursor on that has this text, whatever the case; "" ends the search."""
        self.needle = text
        found = self.matches()
        if found:
            self.go_to_match(next((at for at in found if at >= self.cursor), found[0]))
        self.show_borders()
        self.refresh()

    def matches(self) -> list[int]:
        """Numbers of the lines that have what is searched for."""
        wanted = self.needle.lower()
        return [at for at, item in enumerate(self.lines) if wanted in item.text.lower()] if wanted else []

    def go_to_match(self, line: int) -> None:
        self.move_cursor(line)

    def search_summary(self) -> str:
        """ "“stur” 2 of 5 n N Esc"."""
        found = self.matches()
        if not found:
            return f"“{self.needle}” not here, Esc ends"
        at = next((number for number, line in enumerate(found, 1) if line >= self.cursor), len(found))
        return f"“{self.needle}” {at} of {len(found)}, n N Esc"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the search are the search's only while one is on."""
        return bool(self.needle) if action in ("search_next", "search_previous", "search_end") else True

    def action_search_next(self) -> None:
        found = self.matches()
        if found:
            self.go_to_match(next((at for at in found if at > self.cursor), found[0]))
            self.show_borders()

    def action_search_previous(self) -> None:
        found = self.matches()
        if found:
            self.go_to_match(next((at for at in reversed(found) if at < self.cursor), found[-1]))
            self.show_borders()

    def action_search_end(self) -> None:
        self.search("")

    # --- cursor ---------------------------------------------------------------------------------------------------

    def target(self) -> Target | None:
        """What the cursor's line stands for."""
        return self.lines[self.cursor].target if self.cursor < len(self.lines) else None

    def address_here(self) -> Target | None:
        """The address the cursor is at, for `walk this` and its like."""
        found = self.target()
        return found if found is not None and found.kind in (TargetKind.VIRTUAL, TargetKind.PHYSICAL) else None

    def move_cursor(self, to: int) -> None:
        self.cursor = max(0, min(to, len(self.lines) - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.show_place()
        self.refresh()

    def action_cursor_up(self) -> None:
        self.move_cursor(self.cursor - 1)

    def action_cursor_down(self) -> None:
        self.move_cursor(self.cursor + 1)

    def action_page_up(self) -> None:
        self.move_cursor(self.cursor - self.text_height)

    def action_page_down(self) -> None:
        self.move_cursor(self.cursor + self.text_height)

    def action_first(self) -> None:
        self.move_cursor(0)

    def action_last(self) -> None:
        self.move_cursor(len(self.lines) - 1)

    def action_choose(self) -> None:
        found = self.target()
        if found is not None:
            self.choose(found)

    def choose(self, target: Target, how: str = "") -> None:
        self.post_message(self.Chosen(self, target, how))

    def action_watch(self) -> None:
        """A watchpoint on the address under the cursor: its command, for somebody to finish."""
        found = self.address_here()
        if found is not None:
            space = "pa:" if found.kind is TargetKind.PHYSICAL else ""
            self.post_message(self.Prefilled(f"watch {space}{address(int(found.value))},8"))

    def action_travel(self) -> None:
        """To the moment of what is under the cursor."""
        self.choose_as("travel")

    def action_travel_other(self) -> None:
        """To its other moment, where it has two."""
        self.choose_as("travel_other")

    def choose_as(self, how: str) -> None:
        """Another key than Enter on what is under the cursor."""
        found = self.target()
        if found is not None:
            self.choose(found, how)

    def on_mouse_move(self, event: MouseMove) -> None:
        """A word that the glossary knows is explained while the mouse rests on it."""
        offset = event.get_content_offset(self)
        self.tooltip = None if offset is None else self.hint_at(offset.x - GUTTER, self.scroll_offset.y + offset.y)

    def hint_at(self, x: int, line: int) -> str | None:
        """What there is to say about a place in the text."""
        return explain(word_at(self.lines[line].text, x)) if 0 <= line < len(self.lines) else None

    def on_click(self, event: Click) -> None:
        self.focus()
        offset = event.get_content_offset(self)
        if offset is None:
            if event.y == 0:
                for start, end, name in self._tab_ends:
                    if start <= event.x < end:
                        self.post_message(self.TabClicked(name))
            return
        self.clicked(offset.x - GUTTER, self.scroll_offset.y + offset.y, event.chain)

    def clicked(self, x: int, line: int, chain: int) -> None:
        """A click in the text: the cursor goes there, a second click chooses."""
        if line < len(self.lines):
            again = line == self.cursor and chain >= 2
            self.move_cursor(line)
            if again:
                self.action_choose()
