"""Compiled code on disk: whatever stands there, the machine runs the right code, compiled anew at worst."""

from __future__ import annotations

import ast
import os
import random
import resource
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import emu
from emu.engine import choice
from emu.engine.cache import ObjectCache
from emu.engine.native import NativeCode, made_of
from tests.engines.flat import CODE, flat_machine

NAMES = ("add-1", "sub-1", "loop")
CODES = {name: random.Random(name).randbytes(300) for name in NAMES}


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    made = ObjectCache(tmp_path, "finger")
    for name, code in CODES.items():
        made.store(name, code)
    return made


def in_time(what: Callable[[], Any]) -> Any:
    """The result; a pipe that nobody writes to would be waited for without end."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(what()), daemon=True)
    thread.start()
    thread.join(10)
    assert found, "it waits or failed"
    return found[0]


def test_no_bit_can_change_unseen(cache: ObjectCache, tmp_path: Path) -> None:
    path = tmp_path / "finger" / "loop.o"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1 << at % 8,)) + whole[at + 1 :])
        assert cache.load("loop") is None, at
    for data in (b"", whole[:-1], whole + b"\0", whole[1:], whole * 2, whole[:48], bytes(len(whole))):
        path.write_bytes(data)
        assert cache.load("loop") is None
    path.write_bytes(whole)
    assert cache.load("loop") == CODES["loop"]


def test_whole_files_of_others_are_not_taken(cache: ObjectCache, tmp_path: Path) -> None:
    """Each is sound in itself: another instruction's, and the same one's of another version or host."""
    folder = tmp_path / "finger"
    shutil.copy(folder / "add-1.o", folder / "sub-1.o")
    assert cache.load("sub-1") is None
    ObjectCache(tmp_path, "other").store("loop", b"code of another version")
    shutil.copy(tmp_path / "other" / "loop.o", folder / "loop.o")
    assert cache.load("loop") is None
    assert cache.load("add-1") == CODES["add-1"]


def test_code_is_of_another_name_as_soon_as_anything_it_is_made_of_changes() -> None:
    """Every module that a generator of code takes a value from is part of the fingerprint."""
    root = Path(emu.__file__).parent
    files = {path.relative_to(root.parent) for path in made_of()}
    missing: set[str] = set()
    for path in files:
        if path.parts[1] == "mec":
            continue  # of these the values alone count, not what they are made for
        tree = ast.parse((root.parent / path).read_text())
        for node in tree.body:  # not those for types alone
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("emu."):
                continue
            module = Path(*str(node.module).split("."))
            for name in node.names:
                places = {module.with_suffix(".py"), module / "__init__.py", module / f"{name.name}.py"}
                if not places & files:
                    missing.add(f"{node.module}.{name.name}")
    assert missing == {"emu.engine.cache.ObjectCache", "emu.engine.cache.fingerprint"}


def folder_there(path: Path) -> None:
    path.mkdir()


def endless(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


PLACED: dict[str, Callable[[Path], None]] = {
    "folder": folder_there,
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terabyte": endless,
}


@pytest.mark.parametrize("placed", PLACED)
def test_what_is_no_file_is_not_waited_for(cache: ObjectCache, tmp_path: Path, placed: str) -> None:
    path = tmp_path / "finger" / "loop.o"
    path.unlink()
    PLACED[placed](path)
    assert in_time(lambda: cache.load("loop")) is None
    cache.store("loop", b"new")
    assert cache.load("loop") == (None if placed == "folder" else b"new")
    assert not list(path.parent.glob(".new-*"))


@contextmanager
def no_larger_files(most: int) -> Iterator[None]:
    """As on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_what_was_there(cache: ObjectCache, tmp_path: Path) -> None:
    with no_larger_files(64):
        cache.store("loop", b"x" * 1000)
        cache.store("mul-1", b"x" * 1000)
    assert cache.load("loop") == CODES["loop"]
    assert cache.load("mul-1") is None
    assert sorted(path.name for path in (tmp_path / "finger").iterdir()) == sorted(f"{name}.o" for name in NAMES)


def test_two_at_once_never_see_half_a_file(tmp_path: Path) -> None:
    caches = [ObjectCache(tmp_path, "finger") for _ in range(2)]
    texts = {b"a" * 5_000, b"b" * 90_000}
    seen: set[bytes | None] = set()

    def write() -> None:
        for _ in range(100):
            for text in texts:
                caches[0].store("loop", text)

    writer = threading.Thread(target=write)
    caches[1].store("loop", b"a" * 5_000)
    writer.start()
    while writer.is_alive():
        seen.add(caches[1].load("loop"))
    writer.join()
    assert seen <= texts


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next machine starts like one of a new process."""
    monkeypatch.setattr(NativeCode, "_shared", None)


def runs(folder: Path | None) -> None:
    """A few instructions with their results, on code from this cache."""
    machine = flat_machine("interpreter", cache_folder=folder)
    words = (0x9100_1442, 0xD100_0463, 0xAA03_0044)  # ADD X2, X2, #5; SUB X3, X3, #1; ORR X4, X2, X3
    machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
    machine.cpu.x[2], machine.cpu.x[3] = 0x100, 0x11
    assert machine.run(max_instructions=3).reason == "limit"
    assert [machine.cpu.x[number] for number in (2, 3, 4)] == [0x105, 0x10, 0x115]


def test_a_machine_runs_on_a_cache_in_which_everything_is_wrong(
    tmp_path: Path, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(tmp_path)
    files = sorted(tmp_path.rglob("*.o"))
    assert len(files) > 5
    contents = [path.read_bytes() for path in files]
    for path, content in zip(files, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)  # each in another's place
    monkeypatch.setattr(NativeCode, "_shared", None)
    runs(tmp_path)
    for index, path in enumerate(files):
        path.unlink()
        list(PLACED.values())[index % len(PLACED)](path)
    monkeypatch.setattr(NativeCode, "_shared", None)
    in_time(lambda: runs(tmp_path) or True)


@pytest.mark.parametrize("place", ["file", "below a file"])
def test_a_machine_runs_without_a_place_for_its_cache(tmp_path: Path, place: str, fresh: None) -> None:
    (tmp_path / "file").write_text("")
    runs(tmp_path / "file" / ("x" if place == "below a file" else ""))


def test_where_nobody_has_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert choice._default_folder() is not None

    def homeless(_: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    for found in (homeless, lambda _: Path("~/.cache/mectui")):  # as platformdirs has it, now and earlier
        monkeypatch.setattr("platformdirs.user_cache_path", found)
        assert choice._default_folder() is None
        assert emu.Machine(memory="1M", engine="interpreter").run(max_instructions=1)
    assert not list(tmp_path.iterdir())
