"""Looking: walks, memory, code, registers, and what Enter on a line leads to."""

from __future__ import annotations

from emu.architecture import Access
from mectui.editing import Assignment
from mectui.gdb_words import Examine, examine, examined
from mectui.panes.disassembly import DisassemblyPane
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane
from mectui.panes.walk import WalkPane
from mectui.queries.memory import Eyes
from mectui.render.text import Target, TargetKind
from mectui.screens.debugger.stories import Stories


class Looking(Stories):
    """Actions and commands that show a place, and those that change what is there."""

    def address_here(self) -> Target | None:
        pane = self.focused_pane or self.disassembly
        found = pane.address_here()
        if found is None:
            self.say(f"There is no address under the cursor of the pane “{pane.TITLE}”.", is_error=True)
        return found

    def do_walk(self) -> None:
        found = self.address_here()
        if found is None:
            return
        if found.kind is TargetKind.PHYSICAL:
            self.say("A walk starts at a virtual address; this one is physical.", is_error=True)
            return
        self.walk(int(found.value))

    def walk(self, va: int, access: Access = Access.READ) -> None:
        self.show_pane("walk")
        self.query_one(WalkPane).pin(va, access)

    def do_show_memory(self) -> None:
        found = self.address_here()
        if found is not None:
            self.show_memory(int(found.value), found.kind is TargetKind.PHYSICAL)

    def do_to_pc(self) -> None:
        if self.progress.status is not None:
            self.show_code(self.progress.status.pc)

    def do_goto(self) -> None:
        self.open_command_line("goto ")

    def do_memory(self) -> None:
        self.open_command_line("mem ")

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        """Enter on a line: code leads to its branch target or walk, data to memory, a hit to both its sides."""
        target, pane = message.target, message.pane
        match target.kind:
            case TargetKind.HIT | TargetKind.FINDING | TargetKind.MECID | TargetKind.EVENT | TargetKind.MOMENT:
                self.go_to_story(pane, target, message.how)
            case TargetKind.REGISTER | TargetKind.FIELD:
                self.open_command_line(f"set {target.value}=")
            case TargetKind.PHYSICAL:
                self.show_memory(int(target.value), is_physical=True)
            case TargetKind.VIRTUAL if pane.pane_name in ("disassembly", "tlb", "memory"):
                self.walk(int(target.value))
            case TargetKind.VIRTUAL:
                self.show_memory(int(target.value))

    def command_walk(self, va: int, access: str = "read") -> None:
        self.walk(va, Access(access))

    def command_goto(self, address: int) -> None:
        self.show_code(address)

    def command_list(self, address: int | None = None) -> None:
        if address is None:
            self.do_to_pc()
        else:
            self.show_code(address)

    def command_x(self, address: int, form: str) -> None:
        how = examine(form)
        assert isinstance(how, Examine), "who typed it has been told otherwise"
        if how.form == "i":
            self.show_code(address)
            return
        self.show_memory(address)
        self.session.tell_of(lambda machine: examined(machine, address, how))

    def command_info(self, what: str, of: str) -> None:
        match what:
            case "registers" if of:
                self.command_register(of)
            case "registers":
                self.show_pane("registers", focus=True)
            case "breakpoints" | "watchpoints":
                self.show_pane("stops", focus=True)
            case "source":
                self.command_source()
            case "frame" | "stack":
                self.show_pane("calls", focus=True)
            case "locals" | "args":
                self.show_pane("variables", focus=True)
            case _:
                self.say(of)

    def command_source(self, folder: str = "") -> None:
        self.session.add_source_folder(folder)

    def on_disassembly_pane_told(self, message: DisassemblyPane.Told) -> None:
        self.say(message.text)

    def command_mem(self, address: int) -> None:
        self.show_memory(address)

    def command_pmem(self, address: int) -> None:
        self.show_memory(address, is_physical=True)

    def command_eyes(self, which: str, mecid: int | None = None) -> None:
        self.show_pane("memory")
        self.memory.see_as(
            {"seen": Eyes.CONTEXT, "owner": Eyes.OWNER, "mecid": Eyes.MECID, "raw": Eyes.RAW}[which], mecid
        )

    def command_set(self, assignment: Assignment) -> None:
        self.session.change(assignment.carry_out)

    def command_register(self, name: str) -> None:
        self.show_pane("registers")
        self.query_one(RegistersPane).reveal(name)

    def command_print(self, text: str) -> None:
        self.say(text)
