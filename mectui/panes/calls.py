"""The pane of calls: who called the present function, who called that, and how each is known."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.message import Message

from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.progress import Progress
from mectui.queries.calls import MOST, Call, CallsView, calls
from mectui.render import calls as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look


class CallsPane(Pane):
    """Asks for as many calls as can be seen; for all of them where somebody goes on to the last."""

    NAME = "calls"
    TITLE = "calls"
    SCOPE: ClassVar = Scope.CALLS
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.CALLS)

    class Told(Message):
        """A sentence for the person at the screen."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.number = 0
        """The call that is looked at, or is to be once the list is here: what is typed behind that means it already."""
        self._reached = 0
        """The last one that there was."""
        self._place: tuple[int, int] | None = None
        """Where the machine stands."""
        self._least = 0
        """How many calls somebody wants to see."""
        self._sought: int | None = None
        """The call to go to when the list is here."""

    def look(self) -> Look:
        most = max(self.text_height, self._least, self.cursor + 2, 0 if self._sought is None else self._sought + 1)
        return lambda machine, around: calls(machine, most)

    def follow(self, progress: Progress) -> None:
        """Another place, another list."""
        if progress.place == self._place:
            return
        self._place = progress.place
        self.number, self._reached, self._sought, self._least = 0, 0, None, 0
        self.cursor = 0
        if self.scroll_offset.y:
            self.scroll_to(y=0, animate=False)

    def accept(self, view: Any) -> None:
        super().accept(view)
        number, self._sought = self._sought, None
        if number is not None and isinstance(view, CallsView):
            self._go_to(number, view)

    def seek(self, number: int) -> None:
        """Goes to a call and to its code, once the list is here."""
        self._sought = number
        if number >= 0:
            self.number = number
        self.want()

    def reach(self, number: int) -> None:
        """It is looked at now."""
        self.number = self._reached = number

    def show_at_least(self, count: int) -> None:
        """The list has so many calls, where there are so many."""
        self._least = min(count, MOST)
        self.want()

    def _go_to(self, number: int, view: CallsView) -> None:
        if number < 0:
            self.post_message(self.Told("This is the innermost call already."))
            return
        if number >= len(view.calls):
            self.number, last = self._reached, view.calls[-1].number
            self.post_message(self.Told(f"Call {last} is the last one: {view.end}."))
            return
        target = Target(TargetKind.CALL, number)
        self.move_cursor(next((at for at, item in enumerate(self.lines) if self._is_row(item, target)), 0))
        self.choose(target)

    @staticmethod
    def _is_row(item: Line, target: Target) -> bool:
        return item.target == target and not item.text.startswith("-")

    def draw(self, width: int) -> list[Line]:
        return render.calls(self.view, width)

    def summary(self) -> str:
        return render.summary(self.view)

    def call(self, number: int) -> Call | None:
        if not isinstance(self.view, CallsView):
            return None
        return next((item for item in self.view.calls if item.number == number), None)

    def here(self) -> Call | None:
        """The call under the cursor."""
        found = self.target()
        return self.call(int(found.value)) if found is not None and found.kind is TargetKind.CALL else None

    def address_here(self) -> Target | None:
        item = self.here()
        return None if item is None else Target(TargetKind.VIRTUAL, item.place)

    def move_cursor(self, to: int) -> None:
        super().move_cursor(to)
        if isinstance(self.view, CallsView) and self.view.is_cut and to >= len(self.view.calls) - 1:
            self.show_at_least(MOST)

    def action_stack(self) -> None:
        self.choose_as("stack")
