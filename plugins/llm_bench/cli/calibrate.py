"""The commands of the instrument itself: its error on this machine, and the baselines that it measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_bench.cli.console import console, say
from llm_bench.cli.options import Actions, add_command, add_study, port
from llm_bench.cli.studies import find_study, store_at

if TYPE_CHECKING:
    from rich.table import Table

    from llm_bench.measure.calibration import Calibration


def register(actions: Actions) -> None:
    """Add the commands."""
    summary = "Measure this machine's own client error, and keep it with a study's data."
    detail = "Run it on the machine that measures, while nothing else runs."
    command = add_command(actions, calibrate, summary, detail=detail, example="llm-bench calibrate thesis")
    add_study(command, default="quickstart")

    summary = "Serve the built-in baselines on this machine, as an API of OpenAI's form."
    detail = "The commands run and up start it by themselves."
    command = add_command(actions, baselines, summary, detail=detail, example="llm-bench baselines --port 9000")
    command.add_argument("--port", type=port, required=True, help="port to listen on, on this machine alone")
    command.add_argument("--first-token-sec", type=float, default=0.0, help="seconds before the first token")
    command.add_argument("--token-sec", type=float, default=0.0, help="seconds before each further token")


def calibrate(study: str) -> int:
    """Measures this machine's own client error and keeps it with a study's data."""
    from llm_bench.measure import calibration
    from llm_bench.paths import client

    chosen = find_study(study)
    store = store_at(chosen.storage)
    result = calibration.calibrate(say)
    path = calibration.keep(store, chosen.name, result, client())
    console().print(_errors_table(result))
    console().print(f"Kept: {chosen.storage.removeprefix('file://')}/{path}")
    return 0


def baselines(port: int, first_token_sec: float, token_sec: float) -> int:
    """Serves the built-in baselines on 127.0.0.1."""
    import uvicorn

    from llm_bench.local.services import check_port
    from llm_bench.measure.endpoint import application
    from llm_bench.paths import include

    check_port(port, f"Choose another: --port {port + 1}")
    app = application(first_token_sec=first_token_sec, token_sec=token_sec, include=include())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
    return 0


def _errors_table(result: Calibration) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"This client's error on this machine ({result.machine['cores']} cores), in ms",
        caption="How much later than the server's own truth; suspect: marked so in a record.",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("cells at once", "error of", "median", "p99", "max", "of", "suspect"):
        table.add_column(heading, justify="left" if heading == "error of" else "right")
    for part in (result.alone, result.eight):
        suspect = f"{part.suspect}/{part.requests}"
        for name, errors, more in (("TTFT", part.ttft_error_sec, suspect), ("each token", part.token_error_sec, "")):
            numbers = (f"{value * 1000:.3f}" for value in (errors.median, errors.p99, errors.max))
            table.add_row(str(part.cells), name, *numbers, str(errors.count), more)
    return table
