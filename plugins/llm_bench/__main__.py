"""``python -m llm_bench``: the command ``llm-bench``."""

from __future__ import annotations

import sys

from llm_bench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
