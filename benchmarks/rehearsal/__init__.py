"""A rehearsal of a whole study: a real Airflow on Postgres, doubles of the providers, and what does harm to them.

``benchmarks/rehearse.py`` (``make rehearse``) is the command. The stack alone serves other benchmarks and tests, too.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout."""

if str(PROJECT / "tests") not in sys.path:
    sys.path.append(str(PROJECT / "tests"))  # the doubles are there
