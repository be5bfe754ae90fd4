"""The lesson's pane: the step a reader is at, checked against the machine at every stop."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message

from mectui.actions import Scope, of_scope
from mectui.lessons import bookmark
from mectui.lessons.conditions import Look as Seen
from mectui.lessons.conditions import Situation
from mectui.lessons.course import Checked, Course
from mectui.lessons.shelf import lessons
from mectui.lessons.text import Lesson, LessonError
from mectui.panes.pane import Pane, bindings
from mectui.progress import Progress, RunState
from mectui.queries.lesson import check
from mectui.render import lesson as render
from mectui.render.text import BLANK, Line, empty_pane
from mectui.running import ARRIVED
from mectui.session import Look

NOTHING = "A lesson appears here: “lesson NAME” opens one, and O leads to them all."


def on_the_shelf() -> tuple[tuple[Lesson, bookmark.Bookmark], ...]:
    """The lessons there are, with how far the reader is in each."""
    try:
        return tuple((lesson, bookmark.load(lesson)) for lesson in lessons())
    except LessonError:
        return ()


def own_bindings() -> list[Binding]:
    """As every pane's, and one for each number that answers."""
    keys = [key for action in of_scope(Scope.LESSON) if action.name == "answer" for key in action.keys]
    others = [binding for binding in bindings(Scope.LESSON) if binding.action not in ("answer", "type_answer")]
    # It opens the command line: keys typed right behind must not come here.
    typing = [
        Binding(",".join(action.keys), "screen.type_answer", action.title, show=False, id=action.id, priority=True)
        for action in of_scope(Scope.LESSON)
        if action.name == "type_answer"
    ]
    return [*others, *typing, *(Binding(key, f"answer({key})", "answer", show=False) for key in keys)]


class LessonPane(Pane):
    NAME = "lesson"
    TITLE = "lesson"
    SCOPE = Scope.LESSON
    HAS_CURSOR: ClassVar = False
    BINDINGS: ClassVar[list[Any]] = own_bindings()

    class Wants(Message):
        """Somebody wants what only the screen can do; `what` is a word that `Lessons` knows."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.course: Course | None = None
        self.next_lesson = ""
        self._shelf: tuple[tuple[Lesson, bookmark.Bookmark], ...] | None = None
        """What is listed while no lesson is open."""
        self.is_suspended = False
        """The machine is being brought somewhere: what it passes on the way does not count."""
        self._progress = Progress()
        self._seen_stop = 0
        """Which of the machine's stops the step was last checked at."""
        self._told_of = 0
        """The step whose reader knows that the question is answered."""

    # --- asking and drawing ---------------------------------------------------------------------------------------

    @property
    def looks_while_running(self) -> bool:
        """A goal is reached where the guest stops, not on the way."""
        return self.course is None

    def open(self, course: Course, next_lesson: str) -> None:
        self.course, self.next_lesson = course, next_lesson
        self.view = ()
        self.redraw()

    def follow(self, progress: Progress) -> None:
        self._progress = progress

    def look(self) -> Look:
        if self.course is None:
            known = self._shelf
            return lambda machine, around: on_the_shelf() if known is None else known
        step, looks, stop = self.course.step, self.course.standing.looks, self._progress.stop
        return lambda machine, around: check(Situation(machine, around.events, looks, stop), step)

    def accept(self, view: Any) -> None:
        if isinstance(view, Checked) and self.course is not None and not self.is_suspended:
            before = self.course.standing.is_reached
            if self.course.note(view) and not before and self.course.standing.is_reached and self.course.step.goals:
                self.post_message(self.Wants("reached"))
                self._show_end()
            elif self._is_elsewhere():
                self.post_message(self.Wants("elsewhere"))
        elif isinstance(view, tuple):
            self._shelf = view
        super().accept(view)

    def _is_elsewhere(self) -> bool:
        """Whether the machine has just been run to some place, and it is not what the step asks for."""
        course, progress = self.course, self._progress
        is_new = progress.stops != self._seen_stop
        self._seen_stop = progress.stops
        if course is None or progress.state is not RunState.STOPPED or progress.reason != ARRIVED:
            return False
        return is_new and bool(course.step.goals) and not course.standing.is_reached and not course.page().is_open

    def draw(self, width: int) -> list[Line]:
        if self.course is None:
            return [*empty_pane(NOTHING, width), BLANK, *render.shelf(self._shelf or (), width, is_brief=True)]
        has_ended = self._progress.state is RunState.ENDED
        return render.page(self.course.page(self.next_lesson, has_ended), width)

    def summary(self) -> str:
        if self.course is None:
            return ""
        more = "  ↓ more" if self.max_scroll_y > self.scroll_offset.y else ""
        return render.summary(self.course.page()) + more

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        self.show_borders()

    def upper_border(self) -> Content:
        """The lesson's own title stands in the border while no other pane shares the place."""
        tabs = super().upper_border()
        if self.course is None or len(self.tabs) > 1:
            return tabs
        return Content(f"lesson: {self.course.lesson.title}")

    def seen(self, looks: frozenset[Seen]) -> None:
        """Something was looked at, which may be the goal."""
        if self.course is not None and not self.is_suspended and self.course.looked(looks):
            self.want()

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Numbers answer while there is a question; otherwise they are the screen's.

        Whoever answers a second time does not want to be thrown out of the lesson: once they are only told.
        """
        if action == "answer":
            course = self.course
            prediction = None if course is None else course.step.prediction
            if course is None or prediction is None or not prediction.choices:
                return False
            return course.standing.answer is None or course.step.number != self._told_of
        return super().check_action(action, parameters)

    def action_answer(self, number: int) -> None:
        if self.course is None:
            return
        if self.course.standing.answer is not None:
            self._told_of = self.course.step.number
            self.post_message(self.Wants(f"answered {number}"))
        elif self.course.answer(int(number) - 1):
            self._changed()
            self._show_end()

    def answer_value(self, value: int) -> bool:
        """A typed answer: the number of a choice, or the value that was asked for."""
        course = self.course
        if course is None or course.step.prediction is None:
            return False
        if not course.answer(value - 1 if course.step.prediction.choices else value):
            return False
        self._changed()
        self._show_end()
        return True

    def action_hint(self) -> None:
        if self.course is not None and self.course.hint():
            self.redraw()
            self._show_end()

    def action_do_step(self) -> None:
        self.post_message(self.Wants("do"))

    def action_rewind(self) -> None:
        self.post_message(self.Wants("rewind"))

    def action_choose(self) -> None:
        """Enter: on with the text, and from its end to what its last line says."""
        course = self.course
        if course is None:
            return
        if self.scroll_offset.y < self.max_scroll_y:
            self.scroll_page_down(animate=False)
            return
        page = course.page(self.next_lesson)
        if page.is_last and (page.step.is_only_read or course.standing.is_reached):
            course.forward()  # a last step that is only read is done now
            self.post_message(self.Wants("finished"))
        elif page.is_open and not page.is_done:
            self.post_message(self.Wants("answer first"))
        elif course.forward():
            self._turned()
        else:
            self.post_message(self.Wants("not reached"))

    def action_next_page(self) -> None:
        self.scroll_end(animate=False, immediate=True)
        self.action_choose()

    def action_page_before(self) -> None:
        if self.course is not None and self.course.back():
            self._turned()

    def action_cursor_up(self) -> None:
        self.scroll_up(animate=False)

    def action_cursor_down(self) -> None:
        self.scroll_down(animate=False)

    def action_page_up(self) -> None:
        self.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        self.scroll_page_down(animate=False)

    def action_first(self) -> None:
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        self.scroll_end(animate=False)

    def clicked(self, x: int, line: int, chain: int) -> None:
        """A click on an answer gives it."""
        text = self.lines[line].text.strip() if line < len(self.lines) else ""
        course = self.course
        if course is not None and course.page().is_open and course.step.prediction is not None:
            for number, choice in enumerate(course.step.prediction.choices, 1):
                if text.startswith(f"{number} ") and choice.text[:12].replace("`", "") in text:
                    self.action_answer(number)
                    return

    def _show_end(self) -> None:
        """What has just been added stands at the end of the page."""
        self.call_after_refresh(self.scroll_end, animate=False)

    def _changed(self) -> None:
        self.post_message(self.Wants("moved"))
        self.redraw()
        self.want()

    def _turned(self) -> None:
        """Another page: from its top, with what it shows."""
        self.scroll_home(animate=False)
        self.post_message(self.Wants("show"))
        self._changed()
