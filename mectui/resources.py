"""Where the bundled guests and themes are: beside the package in a source tree, inside it in an installed wheel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent
SOURCE_SUFFIXES = (".S", ".c")


class BundledGuest(NamedTuple):
    """A guest that comes with mectui: its name, its ELF file, and one line about it from its source."""

    name: str
    path: Path
    description: str


def folder(name: str) -> Path | None:
    """The folder of bundled data called `name` ("guests", "themes"), or None where this copy has none."""
    for candidate in (PACKAGE / "data" / name, PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    return None


def bundled_guests() -> list[BundledGuest]:
    """Every guest that has been built, by name."""
    root = folder("guests")
    if root is None:
        return []
    found = []
    for directory in sorted(root.iterdir()):
        elf = directory / f"{directory.name}.elf"
        if elf.is_file():
            found.append(BundledGuest(directory.name, elf, describe(directory)))
    return found


def bench_guests() -> list[BundledGuest]:
    """The guests that `mectui bench` measures, by name; they are no part of `bundled_guests`."""
    root = folder("guests")
    if root is None:
        return []
    here = root / "bench"
    return [BundledGuest(elf.stem, elf, describe(here, elf.stem)) for elf in sorted(here.glob("*.elf"))]


def guest_path(name: str) -> Path | None:
    """The ELF file of the bundled guest called `name`, or None."""
    root = folder("guests")
    if root is None or not re.fullmatch(r"[\w-]+", name):
        return None
    elf = root / name / f"{name}.elf"
    return elf if elf.is_file() else None


def describe(directory: Path, name: str = "") -> str:
    """One line about a guest: the first sentences of the comment its source starts with, without the name.

    The source is named after its folder unless `name` says otherwise.
    """
    name = name or directory.name
    for suffix in SOURCE_SUFFIXES:
        source = directory / f"{name}{suffix}"
        if source.is_file():
            text = source.read_text(encoding="utf-8", errors="replace")
            return first_sentences(header_paragraph(text), name)
    return ""


def header_paragraph(source: str) -> str:
    """The first paragraph of the comment at the top of a source file, on one line."""
    words: list[str] = []
    for raw in source.splitlines():
        stripped = raw.strip()
        if not stripped.startswith(("//", "/*", "*")):
            break
        text = stripped.lstrip("/*").removesuffix("*/").strip()
        if not text:
            if words:
                break
            continue
        words.append(text)
    return " ".join(words)


def first_sentences(paragraph: str, name: str, enough: int = 30) -> str:
    """Sentences of `paragraph` until there are `enough` characters; a leading "name: " is left out."""
    text = re.sub(rf"^{re.escape(name)}\s*[:—-]\s*", "", paragraph)
    taken = ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        taken = f"{taken} {sentence}".strip()
        if len(taken) >= enough:
            break
    return taken[:1].upper() + taken[1:]


def theme_files() -> list[Path]:
    """The bundled theme files, by name."""
    root = folder("themes")
    return sorted(root.glob("*.toml")) if root else []


def typed_path(text: str) -> Path:
    """A path as somebody typed it; "~" is home, and itself where nobody of that name has one."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
