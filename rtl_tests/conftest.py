"""The small networks of tests/networks.py are tried in hardware too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
