"""A report as files in a folder, and packed: the same data give the same bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from llm_bench.analysis.cache import Records
from llm_bench.analysis.export import stream
from llm_bench.analysis.view import View
from llm_bench.bundles import SUMS, from_sums, pack, to_sums
from llm_bench.files import PARTIAL, storage_errors
from llm_bench.paths import home
from llm_bench.protocol.content import roles
from llm_bench.report import answering, identity, quality, references, speed
from llm_bench.report.captions import captions
from llm_bench.report.division import divide
from llm_bench.report.facts import Facts, gather
from llm_bench.report.latex import latex
from llm_bench.report.markdown import markdown
from llm_bench.report.methods import methods
from llm_bench.report.page import Contents, Drawn, draw, render
from llm_bench.report.sealing import departed
from llm_bench.report.source import Section, Source
from llm_bench.report.thesis import methods_file, results_file
from llm_bench.report.word import word
from llm_bench.study import Study

RECORDS = "records.csv"


def write_report(records: Records, study: Study, view: View, folder: Path, root: Path | None = None) -> None:
    """Writes a report, whole or not at all: an earlier one stays until all of it is made.

    Files of the earlier one that aren't in this one are removed; any other file stays.

    :param root: the folder of ``include/``, and of a relative storage; the project's own where left out.
    :raises StorageError: the study's data can't be read, or the folder can't be written.
    :raises QuestionSetError: a question set can't be read.
    """
    with storage_errors(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=PARTIAL, dir=folder) as made:
            sums = {RECORDS: _copy(stream(records, view.whole, "csv"), Path(made, RECORDS))}
            for name, content in _files(records, study, view, root or home(), sums[RECORDS]):
                sums[name] = _copy([content], Path(made, name))
            _copy([to_sums(sums)], Path(made, SUMS))
            before = _listed(folder)
            for name in (*sums, SUMS):
                (folder / name).parent.mkdir(exist_ok=True)
                Path(made, name).replace(folder / name)
        for name in before - sums.keys():
            (folder / name).unlink(missing_ok=True)


def report_zip(records: Records, study: Study, view: View, root: Path | None = None) -> bytes:
    """A report, packed: see ``write_report``. In memory is only what is packed."""
    with TemporaryDirectory(prefix="llm-bench-") as scratch:
        folder = Path(scratch) / study.name
        write_report(records, study, view, folder, root)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                pack(packed, path.relative_to(scratch).as_posix(), path)
        return out.getvalue()


def _files(records: Records, study: Study, view: View, root: Path, checksum: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file but the records."""
    facts = gather(records, study, view, root)
    sections = sections_of(records, study, view, facts)
    drawn: dict[str, Drawn] = {}
    for figure in (figure for section in sections for figure in section.figures):
        drawn[figure.name] = draw(figure.chart)
        for suffix, content in drawn[figure.name].files.items():
            yield f"figures/{figure.name}.{suffix}", content
    main, beyond = divide(sections)
    named = captions([*main, *beyond], {name: chart.caption for name, chart in drawn.items()})
    yield "captions.txt", named.to_text()
    for table in (table for section in sections for table in section.tables):
        yield f"tables/{table.name}.csv", table.to_csv()
        yield f"tables/{table.name}.tex", latex(table, named.tables[table.name].sentences).encode()
    parts = methods(study, view, facts, sections)
    keys = {key for part in parts for item in part.items for key in item.cites}
    yield references.FILE, references.bibliography(keys)
    yield "methods.tex", methods_file(parts).encode()
    yield "results.tex", results_file(main, named, "Results").encode()
    yield "appendix.tex", results_file(beyond, named, "Further results").encode()
    contents = Contents(main, beyond, drawn, named, parts)
    yield "report.html", render(study, facts, contents, checksum=checksum)
    yield "appendix.html", render(study, facts, contents, checksum=checksum, appendix=True)
    yield "report.md", markdown(study, contents)
    yield "report.docx", word(study, contents, facts.counts["until"])


def sections_of(records: Records, study: Study, view: View, facts: Facts) -> list[Section]:
    """The results, in their order."""
    source = Source.of(records, study, view, roles(facts.protocols, view.to_query()))
    parts = (
        *(speed.summary, speed.latency, speed.throughput, speed.equal_length),
        *(quality.success, quality.coverage, quality.comparison),
    )
    apart = (quality.factors(source, "upstream"), quality.factors(source, "client"), quality.cache(source))
    sealed = [Section("Protocol", [], [departed(facts.departures)])] if facts.protocols else []
    in_time, declining = answering.objectives(source, study), answering.declining(source)
    results = [
        *(part(source) for part in parts),
        *filter(None, (in_time, declining, *apart)),
        identity.answered(source, study),
    ]
    results = [section if section.basis else section._replace(basis=facts.basis) for section in results]
    return [*results, quality.agreed(source, facts.grading), *sealed, quality.appendix(facts)]


def _copy(parts: Iterable[bytes], path: Path) -> str:
    """Writes a file; its SHA-256."""
    path.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for part in parts:
            digest.update(part)
            out.write(part)
    return digest.hexdigest()


def _listed(folder: Path) -> set[str]:
    """The files of the report that lies in a folder; a name that leads elsewhere isn't one."""
    if not (folder / SUMS).is_file():
        return set()
    names = from_sums((folder / SUMS).read_text(encoding="utf-8").splitlines())
    return {name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()}
