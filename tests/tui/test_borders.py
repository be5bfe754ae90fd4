"""What the headless half may import, and what bundled data is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mectui import resources

ROOT = Path(__file__).parent.parent.parent

HEADLESS = """
import importlib, pkgutil, sys
import mectui.queries, mectui.render, mectui.resources, mectui.commandline, mectui.layout, mectui.themes
for package in (mectui.queries, mectui.render):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
loaded = [name for name in ("textual", "rich", "capstone") if name in sys.modules]
assert not loaded, loaded
"""


def test_queries_and_renderers_load_no_screen_and_no_disassembler() -> None:
    done = subprocess.run([sys.executable, "-c", HEADLESS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_bundled_guests_have_a_file_and_a_line_about_them() -> None:
    guests = resources.bundled_guests()
    assert "mecid" in [guest.name for guest in guests]
    for guest in guests:
        assert guest.path.read_bytes()[:4] == b"\x7fELF"
        assert guest.description, guest.name
        assert resources.guest_path(guest.name) == guest.path


def test_names_that_are_no_guest_have_no_path() -> None:
    assert resources.guest_path("../mecid") is None
    assert resources.guest_path("nothing") is None


def test_a_description_is_the_first_sentences_of_the_source() -> None:
    source = "// demo: shows a thing. It is small\n// and old. More.\n//\n// Not this.\n\nmov x0, x1\n"
    assert resources.header_paragraph(source) == "demo: shows a thing. It is small and old. More."
    assert resources.first_sentences("demo: shows a thing. It is small and old. More.", "demo") == (
        "Shows a thing. It is small and old."
    )
