"""The page-table walk pane: follows the last data access, the program counter, or a pinned address."""

from __future__ import annotations

from typing import Any, ClassVar

from emu.architecture import Access
from emu.translation.records import Request
from mectui.actions import Scope
from mectui.panes.pane import Pane, bindings
from mectui.queries.walk import Follow, WalkView, walk, walk_followed
from mectui.render import walk as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

ORDER = tuple(Follow)


class WalkPane(Pane):
    NAME = "walk"
    TITLE = "page-table walk"
    TAB = "walk"
    SCOPE = Scope.WALK
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.WALK)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.follows = Follow.ACCESS
        self.pinned: tuple[int, Access] | None = None
        self.remembered: Request | None = None
        """The last data access that was seen: most instructions make none."""
        self.opened: set[str] = set()

    def look(self) -> Look:
        follow, pinned, remembered = self.follows, self.pinned, self.remembered
        if follow is Follow.PINNED and pinned is not None:
            va, access = pinned
            return lambda machine, around: walk(machine, va, access)
        return lambda machine, around: walk_followed(machine, follow, remembered)

    def accept(self, view: Any) -> None:
        if isinstance(view, WalkView) and view.follow is Follow.ACCESS and view.walk is not None:
            self.remembered = view.walk.request
        super().accept(view)

    def forget(self) -> None:
        """A fresh machine: nothing has been accessed yet."""
        self.remembered = None

    def draw(self, width: int) -> list[Line]:
        return render.walk(self.view, width, self.opened)

    def summary(self) -> str:
        return render.summary(self.view)

    def pin(self, va: int, access: Access = Access.READ) -> None:
        self.follows, self.pinned = Follow.PINNED, (va, access)
        self.move_cursor(0)
        self.want()

    def action_follow(self) -> None:
        choices = [follow for follow in ORDER if follow is not Follow.PINNED or self.pinned is not None]
        at = choices.index(self.follows) if self.follows in choices else -1
        self.follows = choices[(at + 1) % len(choices)]
        self.want()

    def action_unfold_all(self) -> None:
        self.opened = set() if "*" in self.opened else {"*"}
        if self.view is not None:
            self.redraw()

    def choose(self, target: Target) -> None:
        if target.kind is TargetKind.FOLD:
            self.opened.discard("*")
            self.opened ^= {str(target.value)}
            self.redraw()
        else:
            super().choose(target)
