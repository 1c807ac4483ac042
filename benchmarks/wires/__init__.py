"""What `benchmarks/providers.py` measures of each provider; importing it puts the tests' doubles on the path."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

sys.path.insert(0, str(PROJECT / "tests"))
