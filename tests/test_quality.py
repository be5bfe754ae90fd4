"""The rules that no single test sees: formatting and lint, types, and who may import whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _run(*command: str) -> None:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_has_no_complaints() -> None:
    _run("-m", "ruff", "check", ".")


def test_ruff_would_format_nothing_otherwise() -> None:
    _run("-m", "ruff", "format", "--check", ".")


def test_types_hold() -> None:
    _run("-m", "mypy")


def test_imports_point_down_only() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    sorted(str(path.relative_to(ROOT)) for folder in ("emu", "mectui") for path in (ROOT / folder).rglob("*.py")),
)
def test_every_file_says_what_it_is_for(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").lstrip()
    assert not text or text.startswith('"""'), f"{name} does not start with a docstring"
