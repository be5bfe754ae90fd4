"""Files opened before, kept in the user's state folder."""

from __future__ import annotations

import json
from pathlib import Path

from mectui import files

KEPT = 12


def store() -> Path:
    return files.state_folder() / "recent.json"


def recent_files() -> list[Path]:
    """Files opened before that still exist, the newest first."""
    try:
        names = json.loads(files.read_text(store()))
    except (OSError, ValueError, RecursionError):
        return []
    return [Path(name) for name in names if isinstance(name, str) and _is_there(name)] if type(names) is list else []


def _is_there(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def remember(path: Path) -> None:
    """Puts a file first. A state folder that cannot be written is no reason to stop."""
    resolved = path.resolve()
    names = [str(resolved), *(str(other) for other in recent_files() if other != resolved)]
    files.replace_text(store(), json.dumps(names[:KEPT], indent=1))
