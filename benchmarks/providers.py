"""Whether each provider of LiteLLM's list is measured right: ``benchmarks/providers.py [--write] [provider …]``.

Each is asked through its Airflow connection by the product's own client, against a double that speaks the format that
the provider documents, faults included. The exit code is 0 where no cell is wrong; the last line is the figure.
``--write`` then keeps the result in docs/providers.json, and the tables that are made from it in docs/providers.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict

from wires import PROJECT  # it puts the doubles on the path

# isort: split
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="llm-bench-providers-")
os.environ["HF_HUB_OFFLINE"] = os.environ["NO_GCE_CHECK"] = "1"

from fixtures.replies import KEY
from wires.google import signed_in
from wires.listed import LISTED, Listed
from wires.page import PAGE, RESULT, line, page
from wires.trial import Row, Trial

AT_ONCE = 12
"""Providers whose faults are tried at once: most of their time is spent in deadlines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries and prints; 0 where every cell is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("providers", nargs="*", help="LiteLLM's names; all, where left out")
    parser.add_argument("--write", action="store_true", help="keep the result, and write the page's tables")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # LiteLLM says there what the rows say
    sys.setswitchinterval(1e-4)  # double and client share this process, and so its interpreter's lock
    started = time.monotonic()
    rows = _rows([listed for listed in LISTED if not options.providers or listed.provider in options.providers])
    measured = [row for row in rows if not row.refused]
    wrong = sum(len(row.wrong) for row in rows)
    if options.write and not wrong:
        kept = [asdict(row) | {"also": listed.also} for row, listed in zip(rows, LISTED, strict=True)]
        RESULT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")
        print(f"written: {RESULT.relative_to(PROJECT)}, {PAGE.relative_to(PROJECT)}")
    print(
        f"{len(measured)} providers measured, {len(rows) - len(measured)} refused with the reason, {wrong} wrong cells "
        f"({time.monotonic() - started:.0f} s)"
    )
    return 1 if wrong else 0


def _rows(chosen: Sequence[Listed]) -> list[Row]:
    """The providers' rows, each printed when it is there."""
    print(line(None), flush=True)
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        stack.enter_context(signed_in(KEY))
        trials = [stack.enter_context(Trial(listed)) for listed in chosen]
        for trial in trials:
            trial.alone()
        rows = []
        for row in pool.map(Trial.beside, trials):
            print(line(asdict(row)), *(f"  wrong: {wrong}" for wrong in row.wrong), sep="\n", flush=True)
            rows.append(row)
        return rows


if __name__ == "__main__":
    sys.exit(main())
