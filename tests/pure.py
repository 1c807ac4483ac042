"""The pure modules of the package, each with the test files that hold it.

`make unit` runs these tests (this file prints their paths), and scripts/mutants.py sees what they notice.
tests/test_pure.py finds the pure module that is missing here. Pure means: no Airflow, no network, no disk.
"""

from __future__ import annotations

from pathlib import Path

_BORDERS = "analysis/statistics/test_borders.py"
_FORMATS, _OPENAI = "measure/test_formats.py", "measure/test_openai_format.py"
TESTS = {
    "analysis.doubts": ["analysis/test_doubts.py"],
    "analysis.format": ["analysis/test_format.py"],
    "analysis.grading": ["analysis/test_grading.py"],
    "analysis.metrics": ["analysis/test_metrics.py"],
    "analysis.noise": ["analysis/test_noise.py"],
    "analysis.queries.groups": ["analysis/test_groups.py"],
    "analysis.statistics.attainment": ["analysis/statistics/test_attainment.py"],
    "analysis.statistics.blocks": ["analysis/statistics/test_blocks.py"],
    "analysis.statistics.changes": ["analysis/statistics/test_changes.py"],
    "analysis.statistics.comparisons": ["analysis/statistics/test_comparisons.py"],
    "analysis.statistics.correlation": [
        "analysis/statistics/test_correlation.py",
        "analysis/statistics/test_borders.py",
    ],
    "analysis.statistics.declining": ["analysis/statistics/test_declining.py"],
    "analysis.statistics.drift": ["analysis/statistics/test_drift.py"],
    "analysis.statistics.factors": ["analysis/statistics/test_factors.py"],
    "analysis.statistics.length": ["analysis/statistics/test_length.py"],
    "analysis.statistics.kernels": ["analysis/statistics/test_kernels.py"],
    "analysis.statistics.means": ["analysis/statistics/test_means.py"],
    "analysis.statistics.sample": ["analysis/statistics/test_means.py"],
    "analysis.statistics.scopes": ["analysis/statistics/test_scopes.py"],
    "analysis.statistics.success": ["analysis/statistics/test_success.py"],
    "analysis.statistics.timeofday": ["analysis/statistics/test_timeofday.py", _BORDERS],
    "analysis.summary": ["analysis/test_summary.py"],
    "analysis.standings": ["analysis/test_standings.py"],
    "analysis.verdicts": ["analysis/test_verdicts.py"],
    "analysis.view": ["analysis/test_view.py"],
    "archive.layout": ["archive/test_layout.py"],
    "dashboard.highlight": ["dashboard/test_highlight.py"],
    "dashboard.sparks": ["dashboard/test_sparks.py"],
    "measure.baselines": ["measure/test_baselines.py"],
    "inert": ["test_inert.py"],
    "measure.failures": ["measure/test_failures.py"],
    "measure.formats.answer": [_OPENAI, _FORMATS],
    "measure.formats.anthropic": [_FORMATS],
    "measure.formats.bedrock": [_FORMATS],
    "measure.formats.cohere": [_FORMATS],
    "measure.formats.framing": [_OPENAI, _FORMATS],
    "measure.formats.gemini": [_FORMATS],
    "measure.formats.ollama": [_FORMATS],
    "measure.formats.openai": [_OPENAI, _FORMATS],
    "measure.formats.reader": [_OPENAI, _FORMATS],
    "measure.hiding": ["measure/test_hiding.py"],
    "measure.ledger": ["measure/test_ledger.py"],
    "measure.limits": ["measure/test_limits.py"],
    "measure.notices": ["measure/test_notices.py"],
    "measure.timing": ["measure/test_timing.py"],
    "measure.page": ["measure/test_page.py"],
    "measure.refusals": ["measure/test_refusals.py"],
    "planning.amounts": ["planning/test_amounts.py"],
    "planning.failing": ["planning/test_failing.py"],
    "planning.limits": ["planning/test_accounts.py"],
    "planning.plan": ["planning/test_accounts.py", "planning/test_words.py"],
    "planning.power": ["planning/test_power.py"],
    "planning.prospects": ["planning/test_prospects.py"],
    "planning.simulation": ["planning/test_simulation.py"],
    "planning.variance": ["planning/test_variance.py"],
    "planning.words": ["planning/test_words.py"],
    "preflight.upstream": ["preflight/test_upstream.py"],
    "progress.states": ["progress/test_states.py"],
    "protocol.content": ["protocol/test_content.py"],
    "protocol.words": ["protocol/test_content.py"],
    "rag.prompt": ["rag/test_prompt.py"],
    "rag.ranking": ["rag/test_ranking.py"],
    "records": ["test_records.py"],
    "schedule": ["test_schedule.py"],
    "scoring.citations": ["scoring/test_citations.py"],
    "scoring.claims": ["scoring/test_claims.py"],
    "scoring.coverage": ["scoring/test_coverage.py"],
    "scoring.numbers": ["scoring/test_numbers.py"],
    "scoring.statements": ["scoring/test_statements.py", "scoring/test_coverage.py"],
}
"""Module (without `llm_bench.`) → files below tests/."""

if __name__ == "__main__":
    here = Path(__file__).resolve().parent.relative_to(Path.cwd())
    print(*sorted({f"{here}/{file}" for files in TESTS.values() for file in files}))
