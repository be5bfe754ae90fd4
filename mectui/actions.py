"""The one table of what people can do: keys, footer, palette and help all come from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action works. Pane scopes are the panes' names."""

    RUN = "Run control"
    LOOK = "Looking around"
    SCREEN = "Screen"
    LIST = "In every pane"
    REGISTERS = "registers"
    WALK = "walk"
    MEMORY = "memory"
    MAP = "map"
    HITS = "hits"
    FINDINGS = "findings"
    TLB = "tlb"
    DISASSEMBLY = "disassembly"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `footer` is its place in the footer, 0 for not there; smaller ones stay longest."""

    name: str
    keys: tuple[str, ...]
    title: str
    help: str
    scope: Scope
    footer: int = 0

    @property
    def shown_key(self) -> str:
        return label(self.keys[0])

    @property
    def all_keys(self) -> str:
        return ", ".join(dict.fromkeys(label(key) for key in self.keys))


LABELS = {
    "question_mark": "?",
    "colon": ":",
    "ctrl+p": "^p",
    "ctrl+c": "^c",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "escape": "Esc",
    "full_stop": ".",
}


def label(key: str) -> str:
    """A key as people call it."""
    return LABELS.get(key, key)


ACTIONS = (
    Action("step", ("s",), "step", "Execute one instruction.", Scope.RUN, 1),
    Action("over", ("n",), "over", "Execute one instruction, or a whole call: BL, SVC, HVC, SMC.", Scope.RUN, 2),
    Action("out", ("f",), "out", "Run to the end of this function, past its RET or ERET.", Scope.RUN, 9),
    Action("resume", ("c",), "run", "Run until a breakpoint, the guest's exit, or a pause.", Scope.RUN, 3),
    Action("pause", ("p", "space"), "pause", "Pause the running guest.", Scope.RUN, 4),
    Action("until", ("u",), "to cursor", "Run to the instruction under the cursor of the disassembly.", Scope.RUN, 13),
    Action("breakpoint", ("b",), "break", "Set or remove a breakpoint at the cursor.", Scope.RUN, 5),
    Action("restart", ("R",), "restart", "Start again from reset; breakpoints stay.", Scope.RUN, 12),
    Action("walk", ("w",), "walk", "Show the page-table walk of the address at the cursor.", Scope.LOOK, 6),
    Action("goto", ("g",), "go to", "Type an address to show in the disassembly.", Scope.LOOK, 14),
    Action("memory", ("m",), "memory", "Type an address to show in the memory pane.", Scope.LOOK, 15),
    Action("show_memory", ("M",), "memory here", "Show the memory at the cursor's address.", Scope.LOOK),
    Action("to_pc", ("full_stop",), "to pc", "Show the current instruction in the disassembly.", Scope.LOOK),
    Action("command", ("colon",), "command", "Type a command; Tab completes it.", Scope.LOOK, 7),
    Action("workspace_debug", ("1",), "debug", "Workspace 1: everything at once.", Scope.SCREEN, 16),
    Action("workspace_translation", ("2",), "translation", "Workspace 2: walk, TLB, registers.", Scope.SCREEN, 17),
    Action("workspace_mec", ("3",), "MEC", "Workspace 3: MECID map, hits, MEC registers.", Scope.SCREEN, 18),
    Action("workspace_lesson", ("4",), "lesson", "Workspace 4: the lesson beside what it is about.", Scope.SCREEN),
    Action("next_pane", ("tab",), "next pane", "Focus the next pane; hidden ones come to the front.", Scope.SCREEN, 11),
    Action("previous_pane", ("shift+tab",), "previous pane", "Focus the pane before.", Scope.SCREEN),
    Action("maximise", ("z",), "maximise", "The focused pane fills the screen, or goes back.", Scope.SCREEN, 10),
    Action("next_theme", ("T",), "next theme", "Change to the next theme.", Scope.SCREEN),
    Action("start_screen", ("O",), "open", "Go to the start screen and open another guest.", Scope.SCREEN),
    Action("help", ("question_mark",), "help", "All keys and commands.", Scope.SCREEN, 8),
    Action("palette", ("ctrl+p",), "palette", "Find anything by name.", Scope.SCREEN, 19),
    Action("quit", ("q", "ctrl+c"), "quit", "Leave mectui.", Scope.SCREEN, 20),
    Action("cursor_up", ("up", "k"), "up", "Move the cursor up.", Scope.LIST),
    Action("cursor_down", ("down", "j"), "down", "Move the cursor down.", Scope.LIST),
    Action("page_up", ("pageup",), "page up", "Move a page up.", Scope.LIST),
    Action("page_down", ("pagedown",), "page down", "Move a page down.", Scope.LIST),
    Action("first", ("home",), "first", "To the first line.", Scope.LIST),
    Action("last", ("end",), "last", "To the last line.", Scope.LIST),
    Action("choose", ("enter",), "open", "Open or close what is under the cursor, or go to its address.", Scope.LIST),
    Action("previous_tab", ("left",), "tab before", "The registers' tab before this one.", Scope.REGISTERS),
    Action("next_tab", ("right",), "next tab", "The registers' next tab.", Scope.REGISTERS),
    Action("follow", ("l",), "follow", "Follow the last access, the PC, or stay pinned.", Scope.WALK),
    Action("unfold_all", ("x",), "open all", "Open or close every step of the walk.", Scope.WALK),
    Action("follow", ("l",), "follow", "Follow the last data access, or stay at this address.", Scope.MEMORY),
    Action("eyes", ("v",), "eyes", "See memory as now, as its owner, as another MECID.", Scope.MEMORY),
    Action("mecid_up", ("plus", "equals_sign"), "MECID up", "The next MECID to look through.", Scope.MEMORY),
    Action("mecid_down", ("minus",), "MECID down", "The MECID before.", Scope.MEMORY),
    Action("zoom_out", ("minus",), "zoom out", "More pages in a square.", Scope.MAP),
    Action("zoom_in", ("plus", "equals_sign"), "zoom in", "Fewer pages in a square.", Scope.MAP),
    Action("cell_left", ("left", "h"), "left", "To the page before.", Scope.MAP),
    Action("cell_right", ("right",), "right", "To the next page.", Scope.MAP),
)


def of_scope(*scopes: Scope) -> list[Action]:
    return [action for action in ACTIONS if action.scope in scopes]


SCREEN_SCOPES = (Scope.RUN, Scope.LOOK, Scope.SCREEN)


def footer() -> list[Action]:
    """The footer's actions, the most important first."""
    return sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer)
