"""Ctrl-C at every stage of a command: one line at most, exit code 130."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LOOP = (0x1400_0000).to_bytes(4, "little")  # b .
SLOWLY = "import signal, sys, os; os.kill(os.getpid(), signal.SIGINT)"
"""A module that is interrupted while it is read."""


@pytest.mark.parametrize("arguments", [["run"], ["run", "--json"], ["check"]], ids=" ".join)
@pytest.mark.parametrize("after", [0.4, 2.0])
def test_an_endless_guest_is_interrupted(arguments: list[str], after: float, tmp_path: Path) -> None:
    guest = tmp_path / "loop.bin"
    guest.write_bytes(LOOP)
    command = [sys.executable, "-m", "mectui", *arguments, str(guest), "--load-at", "0x40000000"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(after)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "Traceback" not in told
    assert told.count("\n") <= 1


def test_an_interrupt_while_modules_are_read_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text(SLOWLY)  # the first module that the command line needs
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mectui.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
