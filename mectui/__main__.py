"""python -m mectui."""

import sys

from mectui.cli import main

sys.exit(main())
