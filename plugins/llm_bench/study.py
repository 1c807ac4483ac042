"""A study: which LLMs answer which questions, when, and where the records go. Typed, immutable, validated."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from llm_bench.errors import PromptError, StudyError
from llm_bench.inputs import JSONObject, Line, Part, explain, read_yaml
from llm_bench.languages import READ, name_of
from llm_bench.llms import LLM, Generation
from llm_bench.objectives import DEADLINES, Interest, Objective
from llm_bench.records import FIELD_NAMES
from llm_bench.schedule import DAY_US, MICROSECOND, Schedule, to_us
from llm_bench.templates import load_template

__all__ = ["LLM", "Generation", "Study", "load_studies", "load_study"]

START_VARIABLE = "LLM_BENCH_START"
DEFAULT_EMBEDDING_MODEL = "all-MiniLM-L6-v2"
BASELINE = "baseline"
"""Provider of the built-in baselines, which speak OpenAI's protocol at an address of this machine."""
PROTOCOL = ".protocol.yaml"
"""How the name of a sealed study's protocol ends; no study's name has a dot."""

DAG_PREFIX = "llm_bench_"
"""What the name of a study's DAG begins with."""
_NAME = r"^[a-z][a-z0-9_-]{0,62}$"
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Airflow and Parquet hold moments from 1678 to 2261."""
MOST_SLOTS = 100_000
"""Pages list each slot of a study."""
MOST_LLMS = MOST_INDUSTRIES = 200
MOST_CELLS = 1_000
"""Each LLM × industry is a task of each batch; Airflow's ``[core] max_map_length``, by default 1,024, bounds them."""
LONGEST_REQUEST_SEC = 7200.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:/|$)")
LONGEST_TEXT = 2_000
"""Letters of what is only shown."""


def _with_unit(value: Any) -> Any:
    if isinstance(value, (int, float)):
        raise ValueError("a number has no unit; allowed: ISO 8601, e.g. `PT12H` or `2026-12-07T08:00:00+01:00`")
    return value


def _in_our_time(moment: datetime) -> datetime:
    if not _FIRST <= moment <= _LAST:
        raise ValueError(f"allowed: from {_FIRST.year} to {_LAST.year}")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_with_unit), AfterValidator(_in_our_time)]


class Window(Part):
    """The moments at which batches are due: `batches_per_period` slots, evenly spread over each period."""

    start: Annotated[
        Moment,
        Field(description="The first slot, ISO 8601 with a UTC offset, e.g. `2026-12-07T08:00:00+01:00`."),
    ]
    end: Annotated[Moment, Field(description="No slot at or after it; ISO 8601 with a UTC offset.")]
    period: Annotated[
        timedelta,
        BeforeValidator(_with_unit),
        Field(gt=timedelta(0), description="How long a period is, in elapsed time, e.g. `PT12H` or `12:00:00`."),
    ] = timedelta(hours=12)
    batches_per_period: Annotated[int, Field(ge=1, le=10_000, description="Batches per period.")] = 14
    periods_per_day: Annotated[
        Literal[1, 2],
        Field(description="1: one period every 24 hours (56 batches in four days of 14); 2: around the clock (112)."),
    ] = 1

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: Any, info: ValidationInfo) -> Any:
        start = info.data.get("start")
        if start is not None and end <= start:
            raise ValueError(f"is not after start ({start.isoformat()}); allowed: any later moment")
        return end

    @field_validator("batches_per_period")
    @classmethod
    def _are_apart(cls, batches: int, info: ValidationInfo) -> int:
        period: timedelta | None = info.data.get("period")
        if period is not None and period < batches * timedelta(seconds=1):
            raise ValueError(f"{batches} in {period} are less than a second apart; allowed: at least that")
        return batches

    @field_validator("periods_per_day")
    @classmethod
    def _fits_into_a_day(cls, periods: int, info: ValidationInfo) -> int:
        period = info.data.get("period")
        if period is not None and period * periods > timedelta(days=1):
            raise ValueError(f"{periods} periods of {period} don't fit into 24 hours; allowed: a shorter period")
        if {"start", "end", "period", "batches_per_period"} <= info.data.keys():
            slots = len(cls._schedule(**info.data, periods_per_day=periods))
            if slots > MOST_SLOTS:
                raise ValueError(f"the window has {slots:,} slots; allowed: at most {MOST_SLOTS:,}")
        return periods

    @staticmethod
    def _schedule(
        start: datetime, end: datetime, period: timedelta, batches_per_period: int, periods_per_day: int
    ) -> Schedule:
        return Schedule(
            start_us=to_us(start),
            end_us=to_us(end),
            period_us=period // MICROSECOND,
            batches=batches_per_period,
            cadence_us=DAY_US // periods_per_day,
        )

    @property
    def schedule(self) -> Schedule:
        return self._schedule(self.start, self.end, self.period, self.batches_per_period, self.periods_per_day)


class Retrieval(Part):
    """The way in which the context of each question is found."""

    top_k: Annotated[int, Field(ge=1, le=50, description="Passages given to the LLM with each question.")] = 4
    max_context_tokens: Annotated[
        int,
        Field(
            ge=100,
            le=100_000,
            description="Bound of the passages' texts together, in tokens as the default embedding model counts them: "
            "as many of the top_k passages, best first, as fit whole.",
        ),
    ] = 1200
    embedding_model: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=300,
            description="Sentence-transformers model that retrieves and scores; the default comes with the package, "
            "any other is named `repository@revision`.",
        ),
    ] = DEFAULT_EMBEDDING_MODEL


class Scoring(Part):
    """The way in which answers are scored."""

    model: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Model that judges whether a text supports a claim, as `repository@revision`: a cross-encoder "
            "for entailment, or an embedding model of sentence-transformers; which of the two is read from the model. "
            "Left out: `retrieval.embedding_model`.",
        ),
    ] = None


class Deadlines(Part):
    """The time that one request may take before it is recorded as a timeout, in seconds."""

    connect_sec: Annotated[float, Field(gt=0, le=LONGEST_REQUEST_SEC, description="To open the connection.")] = 10.0
    first_token_sec: Annotated[
        float, Field(gt=0, le=LONGEST_REQUEST_SEC, description="From the request to the first token.")
    ] = 60.0
    total_sec: Annotated[
        float, Field(gt=0, le=LONGEST_REQUEST_SEC, description="From the request to the end of the answer.")
    ] = 180.0

    @field_validator("total_sec")
    @classmethod
    def _covers_first_token(cls, total: float, info: ValidationInfo) -> float:
        first = info.data.get("first_token_sec")
        if first is not None and total < first:
            raise ValueError(f"is shorter than first_token_sec ({first:g}); allowed: at least that")
        return total


class Alerts(Part):
    """Who gets an alert of failed cells, missing records, and a slot that was missed or isn't over."""

    connection: Annotated[
        str,
        Field(
            pattern=r"^[\w.-]{1,200}$",
            description="Id of an Airflow connection of type `generic` whose host is the URL of a webhook that takes "
            "JSON with a `text`, as Slack's and Mattermost's do; a password is sent as a bearer token.",
        ),
    ]


class Quality(Part):
    """An expectation of Great Expectations that the quality gate holds the study's records to, beside its own."""

    type: Annotated[
        str,
        Field(
            pattern=r"^expect_[a-z0-9_]+$",
            description="Great Expectations' name of it, e.g. `expect_column_values_to_be_between`.",
        ),
    ]
    kwargs: Annotated[
        JSONObject,
        Field(description="Its arguments, e.g. `{column: latency_sec, max_value: 30}`; a column is a record's field."),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    severity: Annotated[
        Literal["critical", "warning"],
        Field(
            description="`warning`: a record that breaks it is loaded and says so in `warnings`; `critical`: it goes "
            "to quarantine. What looks at the batch as a whole is always a warning."
        ),
    ] = "warning"
    name: Annotated[
        Line, Field(max_length=200, description="What it says of a record; left out: its type and arguments.")
    ] = ""

    @field_validator("kwargs")
    @classmethod
    def _names_fields(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        listed = kwargs.get("column_list", [])
        named += listed if isinstance(listed, list) else [listed]
        unknown = [str(name) for name in named if name not in FIELD_NAMES]
        if unknown:
            raise ValueError(
                f"a record has no field {', '.join(unknown)}; allowed: the fields of docs/metrics.md, as "
                f"{', '.join(FIELD_NAMES[:6])}, …"
            )
        return kwargs

    @property
    def words(self) -> str:
        """Its name or, without one, its type and arguments."""
        arguments = ", ".join(f"{key} {value}" for key, value in self.kwargs.items())
        return self.name or f"{self.type} ({arguments})"


def _with_twins(llms: tuple[LLM, ...]) -> tuple[LLM, ...]:
    """Each LLM and, after it, its twin: once, also where they are read back from a study's dump."""
    paired: list[LLM] = []
    twins: list[LLM] = []
    for llm in llms:
        if llm in twins:
            twins.remove(llm)
            continue
        paired.append(llm)
        if llm.twin:
            twins.append(llm.model_copy(update={"name": llm.twin, "twin": None}))
            paired.append(twins[-1])
    return tuple(paired)


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [value.name if isinstance(value, LLM) else getattr(value, "words", value) for value in values]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        named = ", or a name of its own for each" if isinstance(values[0], LLM) else ""
        raise ValueError(f"{', '.join(twice)} stands there twice; allowed: each once{named}")
    return values


class Study(Part):
    """A whole study file."""

    name: Annotated[str, Field(pattern=_NAME, description="The file's name without `.yaml`.")]
    description: Annotated[Line, Field(max_length=LONGEST_TEXT, description="One sentence for the Airflow UI.")] = ""
    window: Annotated[
        Window | None, Field(description="When batches are due; left out: batches run only when triggered by hand.")
    ] = None
    catchup: Annotated[
        bool, Field(description="Measure missed slots as soon as Airflow is back; false: only by a backfill.")
    ] = False
    llms: Annotated[
        tuple[LLM, ...],
        Field(min_length=1, max_length=MOST_LLMS, description="The LLMs under test."),
        AfterValidator(_with_twins),
        AfterValidator(_distinct),
    ]
    industries: Annotated[
        tuple[Annotated[Line, Field(min_length=1, max_length=100)], ...],
        Field(
            min_length=1, max_length=MOST_INDUSTRIES, description="Question sets: `include/questions/<industry>.yaml`."
        ),
        AfterValidator(_distinct),
    ]
    language: Annotated[
        str,
        Field(
            pattern=r"^[a-z]{2}$",
            description="Language of questions, documents and answers, ISO 639-1: it decides how answers are scored. "
            f"The default model reads {' and '.join(READ)}; in another language, answers have no scores with it.",
        ),
    ] = "en"
    retrieval: Annotated[Retrieval, Field(description="How contexts are found.")] = Retrieval()
    scoring: Annotated[Scoring, Field(description="How answers are scored.")] = Scoring()
    prompt: Annotated[
        str | None,
        Field(
            pattern=_NAME,
            description="Template of what an LLM is asked: `include/prompts/<prompt>.yaml`; left out: the "
            "built-in one.",
        ),
    ] = None
    generation: Annotated[Generation, Field(description="What every LLM is asked with.")] = Generation()
    order: Annotated[
        Literal["shuffled", "as_written"],
        Field(
            description="Of the questions in a cell. `shuffled`: another one in each slot, the same for all LLMs of "
            "the slot, so that no question is always the first; it follows from the study's name, the slot and the "
            "industry."
        ),
    ] = "shuffled"
    cache: Annotated[
        Literal["as_is", "unique", "both"],
        Field(
            description="What a provider's cache of prompts may do. `unique`: nothing, as each prompt begins with a "
            "line that no other has; `as_is`: whatever it does; `both`: each question is asked cold and, right after, "
            "warm, as two records."
        ),
    ] = "unique"
    warm_up: Annotated[
        bool, Field(description="Whether each cell begins with a short request that is not measured (it is paid).")
    ] = False
    deadlines: Annotated[Deadlines, Field(description="When a request counts as timed out.")] = Deadlines()
    concurrency: Annotated[
        int, Field(ge=1, le=1_000, description="Cells measured at once per provider (the size of its Airflow pool).")
    ] = 4
    slo: Annotated[
        tuple[Objective, ...],
        Field(
            max_length=20,
            description="Objectives of service, e.g. `[{within_sec: 3, share: 0.95}]`: 95 % of all questions are "
            "answered within 3 s. Pages and report say how far each LLM attains them.",
        ),
        AfterValidator(_distinct),
    ] = ()
    interest: Annotated[
        Interest,
        Field(description="The smallest difference between two LLMs that matters: what is smaller is called none."),
    ] = Interest()
    quality: Annotated[
        tuple[Quality, ...],
        Field(
            max_length=100, description="What the quality gate expects of this study's records beside its own rules."
        ),
        AfterValidator(_distinct),
    ] = ()
    alerts: Annotated[Alerts | None, Field(description="Who gets an alert when a batch needs a hand.")] = None
    storage: Annotated[
        Line,
        Field(
            max_length=1_000,
            pattern=r"^(file|gs)://\S+$",
            description="Where records go: `file://` and a folder (relative to the project, or absolute), "
            "or `gs://bucket/prefix`.",
        ),
    ] = "file://data"

    @field_validator("name")
    @classmethod
    def _is_file_name(cls, name: str, info: ValidationInfo) -> str:
        stem = (info.context or {}).get("stem", name)
        if name != stem:
            raise ValueError(f"differs from the file's name; allowed: {stem}")
        return name

    @field_validator("storage")
    @classmethod
    def _is_one_place(cls, storage: str) -> str:
        scheme, _, place = storage.partition("://")
        if ".." in place.split("/"):
            raise ValueError("goes up by `..`; allowed: a folder of the project, or an absolute one")
        if scheme == "gs" and not _BUCKET.match(place):
            raise ValueError("has no bucket's name; allowed: gs://bucket/prefix, with a bucket of a-z, 0-9, - and .")
        return storage

    @field_validator("industries")
    @classmethod
    def _make_not_too_many_cells(cls, industries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        cells = len(info.data.get("llms", ())) * len(industries)
        if cells > MOST_CELLS:
            raise ValueError(f"with the LLMs they make {cells:,} cells; allowed: at most {MOST_CELLS:,}")
        return industries

    @field_validator("industries")
    @classmethod
    def _have_questions(cls, industries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        include: Path | None = (info.context or {}).get("include")
        if include is not None:
            known = {path.stem for path in (include / "questions").glob("*.yaml")}
            documented = {path.name for path in (include / "knowledge").glob("*") if path.is_dir()}
            unknown = [name for name in industries if name not in known & documented]
            if unknown:
                raise ValueError(
                    f"no question set and knowledge base for {', '.join(unknown)}; "
                    f"allowed: {', '.join(sorted(known & documented)) or 'none yet'}"
                )
        return industries

    @field_validator("language")
    @classmethod
    def _is_a_language(cls, language: str) -> str:
        if language not in READ and not name_of(language):
            raise ValueError("is no code of ISO 639-1; allowed: en, de, fr, …")
        return language

    @field_validator("prompt")
    @classmethod
    def _can_be_asked_with(cls, prompt: str | None, info: ValidationInfo) -> str | None:
        include: Path | None = (info.context or {}).get("include")
        if include is not None:
            try:
                load_template(include, prompt)
            except PromptError as fault:
                raise ValueError("; ".join(fault.problems)) from None
        return prompt

    @field_validator("slo")
    @classmethod
    def _can_be_attained(cls, slo: tuple[Objective, ...], info: ValidationInfo) -> tuple[Objective, ...]:
        deadlines: Deadlines | None = info.data.get("deadlines")
        for objective in slo if deadlines else ():
            key = DEADLINES[objective.metric]
            deadline = getattr(deadlines, key)
            if objective.within_sec > deadline:
                raise ValueError(
                    f"{objective.metric} within {objective.within_sec:g} s is later than deadlines.{key} "
                    f"({deadline:g}), when a request has failed; allowed: at most that"
                )
        return slo

    @property
    def zone(self) -> tzinfo:
        """The time zone of its window; UTC without one."""
        return (self.window.start.tzinfo if self.window else None) or UTC

    @property
    def dag_id(self) -> str:
        return DAG_PREFIX + self.name

    @property
    def cells(self) -> tuple[tuple[LLM, str], ...]:
        """Every LLM × industry, in the order of the study."""
        return tuple((llm, industry) for llm in self.llms for industry in self.industries)

    @property
    def asked_per_question(self) -> int:
        """How many records each LLM has of a question in a slot."""
        return 2 if self.cache == "both" else 1

    def records_per_batch(self, questions: int) -> int:
        """How many records a whole batch has.

        :param questions: of all its industries.
        """
        return questions * len(self.llms) * self.asked_per_question

    @property
    def twins(self) -> dict[str, str]:
        """The names of the LLMs that have a twin, each with its twin's."""
        return {llm.name: llm.twin for llm in self.llms if llm.twin}

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(llm.provider for llm in self.llms))

    def label(self, llm: LLM) -> str:
        """A short name of the LLM, unique in this study: the last part of its name where that is enough."""
        short = llm.name.rsplit("/", 1)[-1]
        return short if sum(other.name.rsplit("/", 1)[-1] == short for other in self.llms) == 1 else llm.name

    def pool(self, provider: str) -> str:
        """The Airflow pool that bounds how many cells of this study measure one provider at once."""
        return f"{self.dag_id}_{provider}"


def parse_study(content: Any, path: Path, include: Path, start: str | None = None) -> Study:
    """A study from the content of its file.

    :param content: what the YAML file holds.
    :param path: the file, for messages; its stem is the study's name.
    :param include: the folder that holds ``questions/`` and ``knowledge/``.
    :param start: moves the window to this start (ISO 8601 with offset), keeping its length.
    :raises StudyError: with every mistake at once.
    """
    if not isinstance(content, dict):
        raise StudyError(str(path), ["is not a mapping of keys; include/studies/quickstart.yaml is an example"])
    content = {"name": path.stem, **content}
    try:
        study = Study.model_validate(content, context={"stem": path.stem, "include": include})
    except ValidationError as fault:
        raise StudyError(str(path), explain(fault, Study)) from None
    return _started_at(study, start, path) if start else study


def _started_at(study: Study, start: str, path: Path) -> Study:
    if study.window is None:
        return study
    try:
        moved = TypeAdapter(AwareDatetime).validate_python(start)
    except ValidationError:
        raise StudyError(
            str(path),
            [
                f"window.start: the environment variable {START_VARIABLE} is {start!r}; "
                "allowed: ISO 8601 with a UTC offset, e.g. 2026-12-07T08:00:00+01:00"
            ],
        ) from None
    window = study.window.model_copy(update={"start": moved, "end": moved + (study.window.end - study.window.start)})
    return study.model_copy(update={"window": window})


def load_study(path: str | Path, include: Path | None = None) -> Study:
    """The study in a file, with its window moved to ``LLM_BENCH_START`` where that is set.

    :param path: a study file.
    :param include: the folder of questions and knowledge; the one above the file's own where left out.
    :raises StudyError: with every mistake at once.
    """
    path = Path(path)
    return parse_study(read_yaml(path), path, include or path.resolve().parents[1], os.environ.get(START_VARIABLE))


def protocol_file(include: Path, study: str) -> Path:
    """Where the protocol of a sealed study lies, beside its file."""
    return include / "studies" / f"{study}{PROTOCOL}"


def study_files(include: Path) -> list[Path]:
    """The study files of a project, by name."""
    return sorted(path for path in (include / "studies").glob("*.yaml") if not path.name.endswith(PROTOCOL))


def load_studies(include: Path) -> tuple[list[Study], list[StudyError]]:
    """All studies of a project that can be used, and what is wrong with each of the others."""
    studies, mistakes = [], []
    for path in study_files(include):
        try:
            studies.append(load_study(path, include))
        except StudyError as mistake:
            mistakes.append(mistake)
    return studies, mistakes
