"""Which key does what: the action table's own keys, presets that change some of them, and the user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mectui import files
from mectui.actions import ACTIONS, SCREEN_SCOPES, Action, Scope, label

DEFAULT = "default"
MANY = 4
"""Keys of one action that are named one by one."""
FILE = "keymap.toml"
"""The user's own keys, in the folder of their settings: `base = "vim"` and a table `[keys]` of action = [keys]."""


@dataclass(frozen=True, slots=True)
class Keymap:
    """Keys by action. `changed` has the actions, by `Action.id`, whose keys are not those of the table."""

    name: str
    title: str
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, action: Action) -> tuple[str, ...]:
        return self.changed.get(action.id, action.keys)

    def shown_key(self, action: Action) -> str:
        """The first key, as people call it; "" where an action has none."""
        keys = self.keys(action)
        return label(keys[0]) if keys else ""

    def all_keys(self, action: Action) -> str:
        """All keys, as people call them; a long row of digits by its ends: "1 to 9"."""
        keys = self.keys(action)
        if len(keys) > MANY and all(key.isdigit() for key in keys):
            return f"{keys[0]} to {keys[-1]}"
        return ", ".join(dict.fromkeys(label(key) for key in keys))

    def for_textual(self) -> dict[str, str]:
        """What `App.set_keymap` takes: keys by binding id."""
        return {name: ",".join(keys) for name, keys in self.changed.items()}


PRESETS = {
    keymap.name: keymap
    for keymap in (
        Keymap(DEFAULT, "letters, as the help shows them"),
        Keymap(
            "gdb",
            "i, o and r step, step over and restart, as in gdb's single-key mode",
            {
                "run.step": ("s", "i"),
                "run.over": ("n", "o"),
                "run.restart": ("r", "R"),
            },
        ),
        Keymap(
            "vim",
            "movement and search as in vim",
            {
                "list.page_up": ("pageup", "ctrl+u", "ctrl+b"),
                "list.page_down": ("pagedown", "ctrl+d", "ctrl+f"),
                "list.last": ("end", "G"),
                "list.first": ("home", "0"),
            },
        ),
        Keymap(
            "function-keys",
            "F5 runs, F10 steps over, F11 steps in, as in graphical debuggers",
            {
                "run.resume": ("f5", "c"),
                "run.pause": ("f6", "p", "space"),
                "run.restart": ("ctrl+f5", "R"),
                "run.breakpoint": ("f9", "b"),
                "run.over": ("f10", "n"),
                "run.step": ("f11", "s"),
                "run.out": ("f12", "f"),
            },
        ),
    )
}


def clashes(keymap: Keymap) -> list[str]:
    """A sentence for every key that two actions of one place would have."""
    found = []
    common = [action for action in ACTIONS if action.scope in (*SCREEN_SCOPES, Scope.LIST)]
    in_every_pane = {key: action for action in common if action.scope is Scope.LIST for key in keymap.keys(action)}
    for scope in Scope:
        if scope in SCREEN_SCOPES:
            continue
        own = [] if scope is Scope.LIST else [action for action in ACTIONS if action.scope is scope]
        taken: dict[str, Action] = {} if scope in (Scope.LIST, Scope.SEARCH) else dict(in_every_pane)
        for action in own:
            for key in keymap.keys(action):
                if key in taken:
                    found.append(f"{label(key)} is both “{taken[key].title}” and “{action.title}” in {scope.value}")
                taken[key] = action
        if scope is Scope.LIST:
            for action in common:
                for key in keymap.keys(action):
                    if key in taken and taken[key] is not action:
                        found.append(f"{label(key)} is both “{taken[key].title}” and “{action.title}”")
                    taken[key] = action
    return found


def parse(text: str, name: str) -> tuple[Keymap, list[str]]:
    """The user's keymap from its file's text, and a sentence for whatever in it cannot be used."""
    try:
        data = files.toml(text)
    except ValueError as error:
        return PRESETS[DEFAULT], [f"{name} is not valid TOML: {error}."]
    problems: list[str] = []
    base = data.get("base", DEFAULT)
    if not isinstance(base, str) or base not in PRESETS:
        problems.append(f"{name}: there is no keymap {base!r}; there are {', '.join(PRESETS)}.")
        base = DEFAULT
    table = data.get("keys", {})
    known = {action.id for action in ACTIONS}
    changed = dict(PRESETS[base].changed)
    for action, keys in table.items() if isinstance(table, dict) else ():
        listed = [keys] if isinstance(keys, str) else keys
        if action not in known:
            problems.append(f"{name}: there is no action {action!r}; the help names them.")
        elif not isinstance(listed, list) or not listed or not all(map(_is_key, listed)):
            problems.append(f'{name}: {action} needs a list of keys, such as ["s", "f11"].')
        else:
            changed[action] = tuple(listed)
    keymap = Keymap("mine", f"your own, from {name}", changed)
    found = clashes(keymap)
    return keymap, [*problems, *(f"{name}: {clash}." for clash in found)]


def _is_key(value: object) -> bool:
    """Whether it could be a key: a modifier alone, as in "ctrl+", is none."""
    return isinstance(value, str) and value.isprintable() and (value == "+" or not value.endswith("+")) and value != ""


def load(directory: Path) -> tuple[dict[str, Keymap], list[str]]:
    """Every keymap there is, the user's own ("mine") included, and a sentence for each problem with that."""
    path = directory / FILE
    try:
        text = files.read_text(path, errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return dict(PRESETS), []
    except OSError as error:
        return dict(PRESETS), [f"{path} cannot be read: {error.strerror or error}."]
    keymap, problems = parse(text, FILE)
    return {**PRESETS, keymap.name: keymap}, problems
