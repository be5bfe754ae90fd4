"""python -m mectui, and the command `mectui`."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    """The command line's exit code. Ctrl-C while the modules are still being read is no traceback either."""
    try:
        from mectui.cli import main as run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
