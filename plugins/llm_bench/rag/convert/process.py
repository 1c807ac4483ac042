"""The process in which a document is made into Markdown, within bounds: ``conversion`` starts it."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from contextlib import suppress

from llm_bench.rag.convert.lists import text_table
from llm_bench.rag.convert.office import docx, xlsx
from llm_bench.rag.convert.outcome import Converted, UnusableError
from llm_bench.rag.convert.page import html
from llm_bench.rag.convert.pdf import pdf

MEMORY_BYTES = 4 * 2**30
CPU_SEC = 120

CONVERTERS: dict[str, Callable[[bytes], Converted]] = {
    ".pdf": pdf,
    ".docx": docx,
    ".html": html,
    ".htm": html,
    ".csv": text_table,
    ".xlsx": xlsx,
}
"""Ending of a document's file → what makes Markdown of it."""


def main(ending: str) -> None:
    """Converts what comes by standard input, and writes what came of it as JSON."""
    for kind, limit in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SEC), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # macOS knows not all of them, and an administrator may have set less
            resource.setrlimit(kind, (limit, limit))
    import defusedxml  # noqa: PLC0415

    defusedxml.defuse_stdlib()  # an entity of a document's own, within or without, is refused
    try:
        text, notes = CONVERTERS[ending](sys.stdin.buffer.read())
        outcome = {"text": text, "notes": notes}
    except UnusableError as unusable:
        outcome = {"problem": str(unusable)}
    except MemoryError:
        outcome = {"problem": f"takes more than {MEMORY_BYTES // 2**30} GiB to read; allowed: a smaller file"}
    except Exception as fault:  # each library has its own
        reason = " ".join(str(fault).split())[:200]
        outcome = {
            "problem": f"can't be read ({type(fault).__name__}: {reason}); allowed: a file that its program opens"
        }
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main(sys.argv[1])
