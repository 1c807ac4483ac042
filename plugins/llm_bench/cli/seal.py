"""The command that seals a study's protocol: what is primary, before anyone has seen a result."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from llm_bench import __version__
from llm_bench.analysis.view import View
from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, add_study, complete, llm_names
from llm_bench.cli.results import VIEW, add_view, records_of, view_of
from llm_bench.cli.studies import find_study, store_at
from llm_bench.errors import unknown
from llm_bench.paths import include

if TYPE_CHECKING:
    from pathlib import Path

    from llm_bench.protocol.content import Protocol
    from llm_bench.study import Study


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Seal a study's protocol: what is primary, how it is analysed, and what is measured."
    detail = (
        "Give it before the first batch. The protocol goes to the study's store, where nothing replaces it, and to "
        "include/studies/STUDY.protocol.yaml. The report then says which results are primary, and every departure. "
        "The view is that of the analysis: the records that it leaves out are the exclusions."
    )
    example = "llm-bench seal thesis --metric ttft_sec --run-type scheduled --suspect exclude"
    command = add_command(actions, seal, summary, detail=detail, example=example)
    add_study(command)
    text = "a metric that is primary; may be given again; left out: latency_sec and success"
    complete(command.add_argument("--metric", action="append", help=text), _metrics)
    text = "two LLMs whose comparison is primary; may be given again; left out: every two of the study, twins apart"
    complete(command.add_argument("--pair", action="append", nargs=2, metavar="LLM", help=text), llm_names)
    text = "amend what was sealed, and why; what isn't given stays as it was; both are kept, and the report says so"
    command.add_argument("--amend", metavar="REASON", help=text)
    add_view(command)


def _metrics(**_: object) -> list[str]:
    from llm_bench.analysis.queries.comparisons import MAIN, SUCCESS

    return [*MAIN, SUCCESS]


def seal(study: str, metric: list[str] | None, pair: list[list[str]] | None, amend: str | None, **options: Any) -> int:
    """Seals a study's protocol, and writes it beside the study's file.

    :raises InputError: another protocol was sealed, or what was given can't be used.
    """
    from llm_bench.protocol import keeping
    from llm_bench.protocol.content import DEFAULT_METRICS, primary_pairs
    from llm_bench.protocol.draft import draft
    from llm_bench.study import protocol_file

    chosen = find_study(study)
    view = view_of(chosen, options)
    store = store_at(chosen.storage)
    protocols = keeping.held(store, chosen.name) if amend is not None else []
    last = protocols[-1] if protocols else None
    for name in metric or ():
        if name not in _metrics():
            raise unknown(f"LLMs aren't compared in {name!r}.", name, _metrics())
    filters = view.to_query()
    if last and not any(options[name] for name in VIEW):
        filters = [(name, value) for name, values in last.plan.filters.items() for value in values]
    names, twins = [llm.name for llm in chosen.llms], chosen.twins.values()
    pairs = last.plan.pairs if last and not pair else primary_pairs(names, pair or (), twins)
    metrics = list(dict.fromkeys(metric or (last.plan.metrics if last else DEFAULT_METRICS)))
    counts = _counts(chosen, View.from_query(filters))
    plan = draft(chosen, include(), filters, metrics, pairs)
    versions = {"llm_bench": __version__, "litellm": version("litellm")}
    path, protocol, new = keeping.seal(store, chosen.name, plan, counts=counts, versions=versions, amend=amend)
    file = protocol_file(include(), chosen.name)
    _write(file, protocol.content)
    _show(chosen, protocol, new, [str(file), f"{chosen.storage}: {path}"])
    return 0


def _counts(study: Study, view: View) -> tuple[int, int]:
    """Records that a protocol is about, and others, that are in the store."""
    records = records_of(study, view)
    where, parameters = view.where()
    sql = "SELECT slot, count(*) FILTER ({}) AS kept, count(*) AS records FROM records GROUP BY slot"
    rows = records.rows(sql.format(where), parameters)
    schedule = study.window.schedule if study.window else None
    about = sum(row["kept"] for row in rows if schedule is None or row["slot"] in schedule)
    return about, sum(row["records"] for row in rows) - about


def _write(file: Path, content: bytes) -> None:
    from llm_bench.files import storage_errors

    with storage_errors(file, "written"):
        file.write_bytes(content)


def _show(study: Study, protocol: Protocol, new: bool, places: list[str]) -> None:
    from llm_bench.protocol import words

    said = words.sealed(protocol, lambda moment: f"{moment.astimezone(study.zone):%Y-%m-%d %H:%M:%S %z}")
    plan = protocol.plan
    begin = "was sealed, and is as it was" if not new else "is amended" if protocol.reason else "is sealed"
    console().print(f"{study.name} {begin}: {said}", style="bold green" if protocol.beforehand else "bold yellow")
    primary = f"{len(plan.metrics) * len(plan.pairs)} comparisons in {', '.join(plan.metrics)}"
    for line in (f"primary  {primary}", *(f"kept in  {place}" for place in places), f"SHA-256  {protocol.sha256}"):
        console().print(line)
    console().print("→ Give the SHA-256 to your supervisor or a registry: it shows later that nothing was changed.")
