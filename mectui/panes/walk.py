"""The page-table walk pane: follows the last data access, the program counter, or a pinned address."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.events import Resize
from textual.message import Message

from emu.architecture import Access, Regime
from emu.translation.records import Request, Walk
from mectui.actions import Scope
from mectui.export import markdown
from mectui.export.markdown import Circumstances
from mectui.panes.pane import Pane, bindings
from mectui.progress import Progress
from mectui.queries.walk import Follow, WalkView, step_of, walk, walk_coming, walk_followed
from mectui.render import numbers
from mectui.render import walk as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

ORDER = (Follow.ACCESS, Follow.PC, Follow.PINNED)


def folds(lines: list[Line]) -> set[str]:
    """The names of the folds that have a line."""
    return {str(line.target.value) for line in lines if line.target and line.target.kind is TargetKind.FOLD}


class WalkPane(Pane):
    NAME = "walk"
    TITLE = "page-table walk"
    TAB = "walk"
    SCOPE = Scope.WALK
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.WALK)

    class EditWanted(Message):
        """Somebody wants to change what is under the cursor: `command` is how the typed command begins."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    class Told(Message):
        """A sentence for the person at the screen."""

        def __init__(self, text: str, is_error: bool = False) -> None:
            super().__init__()
            self.text = text
            self.is_error = is_error

    class RealWanted(Message):
        """What is supposed is to be done to the machine; `walk` is the machine's own."""

        def __init__(self, suppositions: tuple[str, ...], walk: Walk | None) -> None:
            super().__init__()
            self.suppositions = suppositions
            self.walk = walk

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.follows = Follow.ACCESS
        self.pinned: tuple[int, Access] | None = None
        self.regime: Regime | None = None
        """The regime to walk the pinned address in; None for the current one."""
        self.remembered: Request | None = None
        """The last data access that was seen: most instructions make none."""
        self.coming: tuple[int, tuple[int, Access] | None] | None = None
        """(instruction count, the access if it is known) of a moment that somebody went back to for its access."""
        self.opened: set[str] = set()
        """The folds somebody opened."""
        self._unasked: set[str] = set()
        """Those that are open because there is room for them; none once somebody has folded or unfolded."""
        self._is_folded_by_hand = False
        self.supposed: tuple[str, ...] = ()
        """What is supposed to be other than it is: "TCR2_EL2.AMEC1=0x1"."""

    def look(self) -> Look:
        follow, pinned, remembered, supposed = self.follows, self.pinned, self.remembered, self.supposed
        if self.coming is not None:
            _, known = self.coming
            return lambda machine, around: walk_coming(machine, known, remembered, supposed)
        if follow is Follow.PINNED and pinned is not None:
            (va, access), regime = pinned, self.regime
            return lambda machine, around: walk(machine, va, access, supposed=supposed, regime=regime)
        return lambda machine, around: walk_followed(machine, follow, remembered, supposed)

    def accept(self, view: Any) -> None:
        if isinstance(view, WalkView):
            own = view.before or view.walk
            if view.follow is Follow.ACCESS and own is not None:
                self.remembered = own.request
            self._settle(view)
        super().accept(view)

    def _settle(self, view: WalkView) -> None:
        """Suppositions as they were understood; those that make no sense go, with a sentence."""
        wrong = dict(view.rejected)
        if wrong and set(wrong) <= set(self.supposed):
            self.supposed = view.suppositions
            self.post_message(self.Told(next(iter(wrong.values())), is_error=True))
        elif len(view.suppositions) == len(self.supposed):
            self.supposed = view.suppositions

    def forget(self) -> None:
        """A fresh machine: nothing has been accessed yet."""
        self.remembered = self.coming = None

    def expect(self, moment: int, access: tuple[int, Access] | None) -> None:
        """The machine is on its way to the moment before an access: its walk is shown there and nowhere else."""
        self.coming = moment, access

    def follow(self, progress: Progress) -> None:
        if self.coming is not None and (progress.status is None or progress.status.instructions != self.coming[0]):
            self.coming = None

    # --- what if ----------------------------------------------------------------------------------------------------

    def suppose(self, text: str) -> None:
        """Supposes "WHAT=VALUE" on top of what is supposed already; the same place again replaces what was said."""
        place = text.partition("=")[0].strip().lower()
        kept = (each for each in self.supposed if each.partition("=")[0].strip().lower() != place)
        self.supposed = (*kept, text.strip())
        self.want()

    def edit_text(self) -> str:
        """How the command begins that changes what is under the cursor: a descriptor, its field, or a register."""
        found = self.target()
        record = self.view.walk if isinstance(self.view, WalkView) else None
        if found is None or record is None:
            return "suppose "
        if found.kind is TargetKind.REGISTER:
            return f"suppose {found.value}="
        key, _, name = str(found.value).partition("#")
        step = step_of(record, key) if found.kind in (TargetKind.FOLD, TargetKind.FIELD) else None
        if step is None or step.pa is None:
            return "suppose "
        place = f"[pa:{step.pa:#x}]"
        if not name:
            return f"suppose {place}={step.descriptor or 0:#x}"
        value = next((field.value for field in step.fields if field.name == name), 0)
        return f"suppose {place}.{name}={numbers.short(value)}"

    def action_edit(self) -> None:
        self.post_message(self.EditWanted(self.edit_text()))

    def action_drop(self) -> None:
        if self.supposed:
            self.supposed = ()
            self.post_message(self.Told("Nothing is supposed any more: this is the machine's own walk."))
            self.want()
        else:
            self.post_message(self.Told("Nothing is supposed. e on a descriptor or register supposes another value."))

    def action_apply(self) -> None:
        view = self.view
        if not self.supposed or not isinstance(view, WalkView):
            self.post_message(self.Told("Nothing is supposed that could be done. e supposes another value."))
            return
        self.post_message(self.RealWanted(self.supposed, view.before or view.walk))
        self.supposed = ()

    def draw(self, width: int) -> list[Line]:
        self._unasked = set()
        lines = render.walk(self.view, width, self.opened, self.text_height)
        if not self._is_folded_by_hand and isinstance(self.view, WalkView) and len(lines) < self.text_height:
            for opened in (self.opened | {key for key in folds(lines) if key.endswith("stage2")}, render.ALL):
                roomy = render.walk(self.view, width, opened)
                if len(roomy) <= self.text_height:
                    self._unasked, lines = folds(roomy) if opened is render.ALL else set(opened), roomy
        return lines

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self.view is not None:
            self.redraw()  # another height leaves room for other folds

    def summary(self) -> str:
        return render.summary(self.view)

    def markdown(self, around: Circumstances) -> str:
        return super().markdown(around) if self.view is None else markdown.of_walk(self.view, around)

    def pin(self, va: int, access: Access = Access.READ, regime: Regime | None = None) -> None:
        self.follows, self.pinned, self.regime, self.coming = Follow.PINNED, (va, access), regime, None
        self.move_cursor(0)
        self.want()

    def action_follow(self) -> None:
        self.coming = None
        choices = [follow for follow in ORDER if follow is not Follow.PINNED or self.pinned is not None]
        at = choices.index(self.follows) if self.follows in choices else -1
        self.follows = choices[(at + 1) % len(choices)]
        self.want()

    def action_unfold_all(self) -> None:
        self.opened = set() if "*" in self.opened else {"*"}
        self._is_folded_by_hand = True
        if self.view is not None:
            self.redraw()

    def choose(self, target: Target, how: str = "") -> None:
        if target.kind in (TargetKind.FIELD, TargetKind.REGISTER):
            self.action_edit()
        elif target.kind is TargetKind.FOLD:
            self.opened = ((self.opened | self._unasked) - {"*"}) ^ {str(target.value)}
            self._is_folded_by_hand = True
            self.redraw()
        else:
            super().choose(target, how)
