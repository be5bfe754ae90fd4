"""The screen's part in a lesson: showing what a step is about, doing it, going back to where it began."""

from __future__ import annotations

from emu.architecture import Access
from mectui.commandline import STEPS_OF_LESSONS
from mectui.layout import Workspace
from mectui.lessons import bookmark, shelf
from mectui.lessons.conditions import Look
from mectui.lessons.course import Course
from mectui.lessons.text import LessonError
from mectui.lessons.values import number
from mectui.panes.lesson import LessonPane
from mectui.panes.pane import Pane
from mectui.progress import RunState
from mectui.render.findings import sentence
from mectui.screens.debugger.looking import Looking
from mectui.screens.debugger.workspaces import Workspaces

SHOW = "lesson show"
"""The command that ends bringing the machine to a step."""

ELSEWHERE = "The goal is not reached here: r goes back to where the step began, h gives a hint."


class Lessons(Looking, Workspaces):
    """Actions and commands of lessons. Does nothing on a screen without one."""

    first_commands: list[str]
    _is_showing = False
    """What is opened now is the step's doing, not the reader's."""

    @property
    def lesson_pane(self) -> LessonPane:
        return self.query_one(LessonPane)

    @property
    def course(self) -> Course | None:
        return self.lesson_pane.course

    def begin_lesson(self, course: Course) -> None:
        """Before the machine is there: the pane is opened; commands lead to the step where the reader left."""
        self.lesson_pane.open(course, following(course))
        self.use_workspace(Workspace.LESSON)
        self.show_pane("lesson", focus=True)
        self.lesson_pane.is_suspended = True
        self.first_commands[:0] = [*course.commands_before(), SHOW]
        self.say("Tab: to other panes and back.  ?: all keys.")

    def to_look_at(self) -> list[Pane]:
        """The panes in front; a lesson is checked wherever it is."""
        panes = self.board.in_front()
        lesson = self.lesson_pane
        if lesson.course is not None and lesson not in panes:
            panes = [*panes, lesson]
        if self.progress.state is RunState.ENDED and lesson.is_suspended:
            lesson.is_suspended = False  # the way to the step ends here
            self.first_commands.clear()
        return panes

    def on_lesson_pane_wants(self, message: LessonPane.Wants) -> None:
        course = self.course
        if course is None:
            return
        match message.what:
            case "show":
                self.show_step()
            case "do":
                self.do_it(course)
            case "rewind":
                self.rewind(course.step.number)
            case "reached":
                self._keep()
                if self.command_line.message == ELSEWHERE:
                    self.say("")
                if not self.lesson_pane.display:
                    self.say("The step's goal is reached; 4 goes back to the lesson.")
            case "answered 1" | "answered 2" | "answered 3" | "answered 4":
                key = message.what[-1]
                self.say(f"This question is answered. {key} once more goes to workspace {key}; 4 comes back here.")
            case answered if answered.startswith("answered"):
                self.say("This question is answered.")
            case "answer first":
                self.say("Answer the question first: press its number, or a to type a value.")
            case "elsewhere":
                # Unless more is to come, or something else is said of this stop.
                if not self.first_commands and self.command_line.message == self.command_line.HINT:
                    self.say(ELSEWHERE)
            case "not reached":
                self.say("The goal is not reached yet: h gives a hint, d does it for you.")
            case "finished":
                self._keep()
                self.finish(course)
            case _:
                self.say("")
                self._keep()

    def action_type_answer(self) -> None:
        """A key of the lesson's pane."""
        self.open_command_line("answer ")

    def finish(self, course: Course) -> None:
        name = following(course)
        if name:
            self.mectui.open_lesson(shelf.find_lesson(name))
        else:
            self.mectui.show_start_screen()

    def rewind(self, step: int) -> None:
        """The machine as it was when the step began, and the step as if nobody had been there."""
        course = self.course
        if course is None or not course.begin_again(step):
            return
        self.lesson_pane.is_suspended = True
        self.lesson_pane.redraw()
        self._keep()
        self.first_commands.clear()
        self.session.pause()
        self.queue(["restart", *course.commands_before(), SHOW])

    def queue(self, commands: list[str] | tuple[str, ...]) -> None:
        """Commands to be carried out one after the other, each when the machine has stopped."""
        self.first_commands += commands
        if self.first_commands[:1] == ["restart"] and not self.progress.can_run:
            del self.first_commands[0]  # works on a guest that has ended, too; its stop goes on with the others
            self.session.restart()
        else:
            self._execute_first_commands()

    def do_it(self, course: Course) -> None:
        """Carries out the step's own commands."""
        if course.step.goals and course.standing.is_reached:
            # Once more would run past it, to the guest's end.
            self.say("It is done already. Enter goes on; r goes back to where the step began.")
        elif not self.progress.can_run and course.step.does[:1] != ("restart",):
            self.say("The guest cannot go on from here: r goes back to where the step began.")
        elif course.step.does:
            self.queue(course.step.does)
        else:
            self.say("There is nothing to do in this step.")

    def _execute_first_commands(self) -> None:
        raise NotImplementedError

    def show_step(self) -> None:
        """Opens what the step is about; the focus stays where it is."""
        course = self.course
        if course is None:
            return
        self._is_showing = True
        try:
            self.show_pane("console")
            self.show_pane("disassembly")
            for command in course.step.shows:
                self.execute(command)
        finally:
            self._is_showing = False
        if self.board.workspace is Workspace.LESSON and not self.lesson_pane.display:
            self.show_pane("lesson", focus=True)  # on a small screen all panes share one place

    def _keep(self) -> None:
        if self.course is not None:
            bookmark.save(self.course.lesson.name, self.course.bookmark())

    def _seen(self, pane: str, address: int | None = None) -> None:
        if not self._is_showing and self.course is not None:
            self.lesson_pane.seen(frozenset({Look(pane), Look(pane, address)}))

    # --- what counts as looking -----------------------------------------------------------------------------------

    def walk(self, va: int, access: Access = Access.READ) -> None:
        super().walk(va, access)
        self._seen("walk", va)

    def show_memory(self, address: int, is_physical: bool = False) -> None:
        super().show_memory(address, is_physical)
        self._seen("memory", address)

    def show_code(self, address: int) -> None:
        super().show_code(address)
        self._seen("disassembly", address)

    # --- commands -------------------------------------------------------------------------------------------------

    def command_answer(self, text: str) -> None:
        value = number(text)
        if value is None:
            self.say(f"“{text}” is no number; write 0x4000_0000 or 42.", is_error=True)
        elif self.course is None:
            self.say("There is no lesson open, and so no question.", is_error=True)
        elif not self.lesson_pane.answer_value(value):
            self.say("There is no question here that this could answer.", is_error=True)

    def command_pane(self, name: str) -> None:
        if name not in self.board.panes:
            self.say(f"There is no pane “{name}”; there are {', '.join(self.board.panes)}.", is_error=True)
            return
        self.show_pane(name)
        self._seen(name)

    def command_lesson(self, text: str = "") -> None:
        """Without a word: back to the lesson. `step N` goes to a step and brings the machine there, `restart` to 1.

        While no lesson is open a word is the name of one to open, or its number.
        """
        course, words = self.course, text.split()
        if course is None:
            self._open_named(text.strip())
            return
        match words:
            case []:
                self.use_workspace(Workspace.LESSON)
                self.show_pane("lesson", focus=True)
            case ["show"]:
                self.lesson_pane.is_suspended = False
                self.show_step()
                self.lesson_pane.want()
            case ["restart"]:
                course.done.clear()
                self.rewind(1)
            case ["step", digits] if (
                digits.isdecimal() and len(digits) < 10 and 1 <= int(digits) <= len(course.lesson.steps)
            ):
                self.rewind(int(digits))
            case ["next"]:
                self.lesson_pane.action_next_page()
            case ["back"]:
                self.lesson_pane.action_page_before()
            case ["hint"]:
                self.lesson_pane.action_hint()
            case ["do"]:
                self.do_it(course)
            case _:
                last = len(course.lesson.steps)
                self.say(f"“lesson” takes next, back, hint, do, restart, or step 1 to {last}.", is_error=True)

    def _open_named(self, name: str) -> None:
        if not name or name.split()[0] in STEPS_OF_LESSONS:
            self.use_workspace(Workspace.LESSON)
            self.say("No lesson is open: “lesson NAME” opens one.")
            return
        try:
            self.mectui.open_lesson(shelf.find_lesson(name))
        except LessonError as error:
            self.say(sentence(str(error)), is_error=True)


def following(course: Course) -> str:
    """The name of the lesson after this one, or ""."""
    try:
        names = [lesson.name for lesson in shelf.lessons()]
    except LessonError:
        return ""
    at = names.index(course.lesson.name) + 1 if course.lesson.name in names else len(names)
    return names[at] if at < len(names) else ""
