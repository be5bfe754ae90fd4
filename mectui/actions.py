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
    SEARCH = "While a search is on"
    REGISTERS = "registers"
    WALK = "walk"
    MEMORY = "memory"
    MAP = "map"
    HITS = "hits"
    FINDINGS = "findings"
    TLB = "tlb"
    GPT = "gpt"
    PIPELINE = "pipeline"
    DISASSEMBLY = "disassembly"
    LESSON = "lesson"
    LEDGER = "ledger"
    EVENTS = "events"
    CONSOLE = "console"
    STOPS = "stops"
    DISPLAYS = "displays"
    CALLS = "calls"
    VARIABLES = "variables"
    TIMELINE = "timeline"


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
    def id(self) -> str:
        """What keymaps call it: "run.step"."""
        return f"{self.scope.name.lower()}.{self.name}"


LABELS = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "colon": ":",
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
    "delete": "Del",
    "full_stop": ".",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "grave_accent": "`",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def label(key: str) -> str:
    """A key as people call it."""
    if key.startswith("ctrl+"):
        return f"^{label(key[5:])}"
    is_function_key = key[:1] == "f" and key[1:].isdigit()
    return LABELS.get(key, key.upper() if is_function_key else key)


ACTIONS = (
    Action("step", ("s",), "step", "Execute one instruction.", Scope.RUN, 1),
    Action("over", ("n",), "over", "Execute one instruction, or a whole call: BL, SVC, HVC, SMC.", Scope.RUN, 2),
    Action(
        "over_line",
        ("L", "right_parenthesis"),
        "line",
        "Execute to another line of the source, calls included.",
        Scope.RUN,
        25,
    ),
    Action("step_line", ("D", "right_curly_bracket"), "line, in", "Execute to another line, into calls.", Scope.RUN),
    Action("out", ("f",), "out", "Run to the end of this function, past its RET or ERET.", Scope.RUN, 10),
    Action("resume", ("c",), "run", "Run until a breakpoint, the guest's exit, or a pause.", Scope.RUN, 3),
    Action("pause", ("p", "space"), "pause", "Pause the running guest.", Scope.RUN, 4),
    Action("until", ("u",), "to cursor", "Run to the instruction under the cursor of the disassembly.", Scope.RUN, 14),
    Action("until_event", ("U",), "run until", "Run to the next change of EL, hit, …: a letter more.", Scope.RUN, 23),
    Action("to_level", ("E",), "to next EL", "Run to the next exception level.", Scope.RUN),
    Action("to_security", ("Z",), "to next state", "Run to the next Security state.", Scope.RUN),
    Action("to_exception", ("X",), "to exception", "Run to the next exception, at its vector.", Scope.RUN),
    Action("to_hit", ("H",), "to next hit", "Run to the next substituted hit.", Scope.RUN),
    Action("to_finding", ("F",), "to finding", "Run to the next finding of a rule.", Scope.RUN),
    Action("back", ("B",), "back", "Go back one instruction in time.", Scope.RUN, 9),
    Action("over_back", ("N",), "over, back", "Go back one instruction, or a whole call.", Scope.RUN),
    Action(
        "over_line_back", ("left_parenthesis",), "line back", "Back to where a line began, calls included.", Scope.RUN
    ),
    Action("step_line_back", ("left_curly_bracket",), "line back, in", "The same, but back into calls.", Scope.RUN),
    Action("resume_back", ("C",), "run back", "Go back to where a stop would have stopped the guest.", Scope.RUN),
    Action(
        "back_to",
        ("less_than_sign",),
        "back to",
        "Back to the call, change of EL, hit, …: a letter more.",
        Scope.RUN,
        24,
    ),
    Action(
        "furthest", ("greater_than_sign",), "forward again", "Forward to the furthest moment of the run.", Scope.RUN
    ),
    Action("breakpoint", ("b",), "break", "Set or remove a breakpoint at the cursor.", Scope.RUN, 5),
    Action("restart", ("R",), "restart", "Start again from reset; stops stay.", Scope.RUN, 13),
    Action("walk", ("w",), "walk", "Show the page-table walk of the address at the cursor.", Scope.LOOK, 6),
    Action("goto", ("g",), "go to", "Type an address to show in the disassembly.", Scope.LOOK, 15),
    Action("memory", ("m",), "memory", "Type an address to show in the memory pane.", Scope.LOOK, 16),
    Action("instruction", ("I",), "instruction", "What the next instruction will do, step by step.", Scope.LOOK),
    Action("show_memory", ("M",), "memory here", "Show the memory at the cursor's address.", Scope.LOOK),
    Action("to_pc", ("full_stop",), "to pc", "Show the current instruction in the disassembly.", Scope.LOOK),
    Action("command", ("colon",), "command", "Type a command; Tab completes it.", Scope.LOOK, 7),
    Action("to_list", ("escape",), "back to list", "From the code back to the list that led to it.", Scope.LOOK),
    Action("search", ("slash",), "search", "Search in the focused pane, from the cursor on.", Scope.LOOK, 22),
    Action("workspace_debug", ("1",), "debug", "Workspace 1: everything at once.", Scope.SCREEN, 17),
    Action("workspace_translation", ("2",), "translation", "Workspace 2: walk, TLB, registers.", Scope.SCREEN, 18),
    Action("workspace_mec", ("3",), "MEC", "Workspace 3: MECID map, hits, MEC registers.", Scope.SCREEN, 19),
    Action("workspace_lesson", ("4",), "lesson", "Workspace 4: the lesson beside what it is about.", Scope.SCREEN),
    Action("next_pane", ("tab",), "next pane", "Focus the next pane; hidden ones come to the front.", Scope.SCREEN, 12),
    Action("previous_pane", ("shift+tab",), "previous pane", "Focus the pane before.", Scope.SCREEN),
    Action("jump", ("J", "grave_accent"), "jump", "A letter on every pane; the next key goes to one.", Scope.SCREEN),
    Action("copy_line", ("y",), "copy line", "Copy the line under the cursor to the clipboard.", Scope.SCREEN),
    Action("copy_pane", ("Y",), "copy pane", "Copy the text of the focused pane.", Scope.SCREEN),
    Action(
        "next_keymap", ("K",), "next keys", "Change to the next keymap: default, gdb, vim, function keys.", Scope.SCREEN
    ),
    Action("maximise", ("z",), "maximise", "The focused pane fills the screen, or goes back.", Scope.SCREEN, 11),
    Action("next_theme", ("T",), "next theme", "Change to the next theme.", Scope.SCREEN),
    Action("start_screen", ("O",), "open", "Go to the start screen and open another guest.", Scope.SCREEN),
    Action("help", ("question_mark",), "help", "All keys and commands.", Scope.SCREEN, 8),
    Action("messages", ("exclamation_mark",), "messages", "What was said above the footer, whole.", Scope.SCREEN),
    Action("palette", ("ctrl+p",), "palette", "Find anything by name.", Scope.SCREEN, 20),
    Action("suspend", ("ctrl+z",), "suspend", "Leave for the shell for a while; `fg` comes back.", Scope.SCREEN),
    Action("quit", ("q", "ctrl+c"), "quit", "Leave mectui.", Scope.SCREEN, 21),
    Action("cursor_up", ("up", "k"), "up", "Move the cursor up.", Scope.LIST),
    Action("cursor_down", ("down", "j"), "down", "Move the cursor down.", Scope.LIST),
    Action("page_up", ("pageup",), "page up", "Move a page up.", Scope.LIST),
    Action("page_down", ("pagedown",), "page down", "Move a page down.", Scope.LIST),
    Action("first", ("home",), "first", "To the first line.", Scope.LIST),
    Action("last", ("end",), "last", "To the last line.", Scope.LIST),
    Action("choose", ("enter",), "open", "Open or close what is under the cursor, or go to its address.", Scope.LIST),
    Action("search_next", ("n",), "next match", "To the next match; without a search n steps over.", Scope.SEARCH),
    Action("search_previous", ("N",), "match before", "To the match before.", Scope.SEARCH),
    Action("search_end", ("escape",), "end search", "Ends the search: n steps over again.", Scope.SEARCH),
    Action("previous_tab", ("left",), "tab before", "The registers' tab before this one.", Scope.REGISTERS),
    Action("next_tab", ("right",), "next tab", "The registers' next tab.", Scope.REGISTERS),
    Action("follow", ("l",), "follow", "Follow the last access, the PC, or stay pinned.", Scope.WALK),
    Action("unfold_all", ("x",), "open all", "Open or close every step of the walk.", Scope.WALK),
    Action("edit", ("e",), "what if", "Suppose another value: of a descriptor, a field, a register.", Scope.WALK),
    Action("apply", ("A",), "make it so", "Do to the machine what is supposed.", Scope.WALK),
    Action("drop", ("delete",), "drop what-if", "Suppose nothing any more.", Scope.WALK),
    Action("other", ("v",), "next or last", "The next instruction in full, or the last one.", Scope.PIPELINE),
    Action("unfold_all", ("x",), "open all", "Open or close every stage and walk.", Scope.PIPELINE),
    Action("table", ("v",), "entries or log", "The entries, or the log of invalidations.", Scope.TLB),
    Action("only", ("l",), "which", "All entries, those that are stale, or those of this context.", Scope.TLB),
    Action("order", ("o",), "sort", "By staleness, address, VMID, or age.", Scope.TLB),
    Action("follow", ("l",), "follow", "Follow the last data access, or stay at this address.", Scope.GPT),
    Action("only", ("v",), "near or all", "Around the address, or the whole table.", Scope.GPT),
    Action("follow", ("l",), "follow", "Follow the last data access, or stay at this address.", Scope.MEMORY),
    Action("eyes", ("v",), "eyes", "See memory as now, as its owner, as another MECID.", Scope.MEMORY),
    Action("mecid_up", ("plus", "equals_sign"), "MECID up", "The next MECID to look through.", Scope.MEMORY),
    Action("mecid_down", ("minus",), "MECID down", "The MECID before.", Scope.MEMORY),
    Action("zoom_out", ("minus",), "zoom out", "More memory in a square, up to all of it.", Scope.MAP),
    Action("zoom_in", ("plus", "equals_sign"), "zoom in", "Less memory in a square, down to a block.", Scope.MAP),
    Action("next_owner", ("right_square_bracket",), "next owner", "To the next page with another owner.", Scope.MAP),
    Action("previous_owner", ("left_square_bracket",), "owner before", "To the one before.", Scope.MAP),
    Action("next_mismatch", ("d",), "differs", "To the next page mapped under another MECID.", Scope.MAP),
    Action("next_mixed", ("x",), "mixed", "To the next page with more than one owner.", Scope.MAP),
    Action("all_owners", ("a",), "all owners", "Show every owner again, not one alone.", Scope.MAP),
    Action("cell_left", ("left", "h"), "left", "To the page before.", Scope.MAP),
    Action("cell_right", ("right",), "right", "To the next page.", Scope.MAP),
    Action("writer", ("W",), "writer", "Show the code that stored the bytes.", Scope.HITS),
    Action("travel", ("t",), "be there", "Go back in time to the moment of the read.", Scope.HITS),
    Action("travel_other", ("o",), "be at the store", "Go back in time to the moment of the store.", Scope.HITS),
    Action("next_alike", ("S",), "next like it", "Run to the next hit of this kind.", Scope.HITS),
    Action("other_moment", ("W",), "other moment", "Show the earlier of the two moments.", Scope.FINDINGS),
    Action("travel", ("t",), "be there", "Go back in time to the finding's moment.", Scope.FINDINGS),
    Action("travel_other", ("o",), "be at the other", "Go back in time to the earlier of the two.", Scope.FINDINGS),
    Action("byte_left", ("left",), "byte left", "To the byte before.", Scope.MEMORY),
    Action("byte_right", ("right",), "byte right", "To the next byte.", Scope.MEMORY),
    Action("edit", ("e",), "edit", "Change the byte under the cursor.", Scope.MEMORY),
    Action("physical", ("P",), "PA or VA", "Show the same place by its physical or virtual address.", Scope.MEMORY),
    Action("edit", ("e",), "edit", "Change the register or the field under the cursor.", Scope.REGISTERS),
    Action("kind_left", ("left",), "kind before", "To the kind of event before.", Scope.EVENTS),
    Action("kind_right", ("right",), "next kind", "To the next kind of event.", Scope.EVENTS),
    Action("toggle_kind", ("x",), "show or hide", "Show or hide events of this kind.", Scope.EVENTS),
    Action("all_kinds", ("a",), "all kinds", "Show events of every kind.", Scope.EVENTS),
    Action("travel", ("t",), "be there", "Go back in time to the moment of the event.", Scope.EVENTS),
    Action("mark_left", ("left",), "mark before", "Look at the mark before.", Scope.TIMELINE),
    Action("mark_right", ("right",), "next mark", "Look at the next mark.", Scope.TIMELINE),
    Action(
        "choose",
        ("t",),
        "be there",
        "The machine goes to the moment under ^, as with Enter or a click.",
        Scope.TIMELINE,
    ),
    Action("zoom_in", ("plus", "equals_sign"), "zoom in", "Fewer instructions in a column.", Scope.TIMELINE),
    Action("zoom_out", ("minus",), "zoom out", "More instructions in a column.", Scope.TIMELINE),
    Action("whole", ("a",), "whole run", "Show the whole run again.", Scope.TIMELINE),
    Action("next_kind", ("v",), "which marks", "Which marks ← and → go to.", Scope.TIMELINE),
    Action("moment_left", ("left_square_bracket",), "column before", "Look at the column before.", Scope.TIMELINE),
    Action("moment_right", ("right_square_bracket",), "next column", "Look at the next column.", Scope.TIMELINE),
    Action("watch", ("W",), "watch", "Stop at writes to the address under the cursor.", Scope.MEMORY),
    Action("watch", ("W",), "watch", "Stop at writes to the address in this register.", Scope.REGISTERS),
    Action("switch", ("e",), "on or off", "Turn the stop under the cursor off, or on again.", Scope.STOPS),
    Action("remove", ("delete", "x"), "remove", "Remove the stop under the cursor.", Scope.STOPS),
    Action("edit", ("i",), "condition", "Type another condition for the stop.", Scope.STOPS),
    Action("add", ("a",), "add", "Type an expression to show at every stop.", Scope.DISPLAYS),
    Action("edit", ("e", "i"), "edit", "Type another expression in its place.", Scope.DISPLAYS),
    Action(
        "format",
        ("v",),
        "format",
        "The next way to write the value: hexadecimal, decimal, bits and so on.",
        Scope.DISPLAYS,
    ),
    Action("remove", ("delete", "x"), "remove", "Show it no more.", Scope.DISPLAYS),
    Action("stack", ("v",), "stack", "The memory where the frame of the call is.", Scope.CALLS),
    Action("memory", ("v",), "memory", "The memory where the variable is.", Scope.VARIABLES),
    Action("watch", ("W",), "watch", "Stop at writes to the variable.", Scope.VARIABLES),
    Action("edit", ("e", "i"), "edit", "Type another value for the variable.", Scope.VARIABLES),
    Action("type", ("i",), "type", "Type a line to the guest.", Scope.CONSOLE),
    Action("view", ("v",), "view", "Source and instructions, instructions alone, source alone.", Scope.DISASSEMBLY),
    Action("next_page", ("right",), "next step", "The lesson's next step, once the goal is reached.", Scope.LESSON),
    Action("hint", ("h",), "hint", "One hint more.", Scope.LESSON),
    Action("do_step", ("d",), "do it for me", "Do what the step asks for.", Scope.LESSON),
    Action("rewind", ("r",), "back to its start", "The machine goes back to where the step began.", Scope.LESSON),
    Action("answer", tuple("123456789"), "answer", "Answer the question with that number.", Scope.LESSON),
    Action("type_answer", ("a",), "type answer", "Type a number as the answer.", Scope.LESSON),
    Action("page_before", ("left",), "step before", "The lesson's step before.", Scope.LESSON),
)


def of_scope(*scopes: Scope) -> list[Action]:
    return [action for action in ACTIONS if action.scope in scopes]


SCREEN_SCOPES = (Scope.RUN, Scope.LOOK, Scope.SCREEN)


def footer() -> list[Action]:
    """The footer's actions, the most important first."""
    return sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer)
