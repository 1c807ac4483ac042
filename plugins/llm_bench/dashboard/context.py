"""What a request looks at: a study, a view of its records, and the addresses of everything beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import cache, cached_property
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from airflow.api_fastapi.app import API_ROOT_PATH
from fastapi import Depends, Request
from markupsafe import Markup

from llm_bench.airflow.links import validation_path
from llm_bench.analysis import format as text
from llm_bench.analysis import queries
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.charts import Looks, Theme, colours, looks
from llm_bench.analysis.view import View
from llm_bench.dashboard.security import ReadableStudy
from llm_bench.errors import ViewError
from llm_bench.paths import client, home
from llm_bench.progress.measured import whose
from llm_bench.records import UNNAMED
from llm_bench.schedule import MICROSECOND
from llm_bench.study import Study

THEMES: tuple[Theme, ...] = ("light", "dark")

_ARTICLES = {"llm": "an LLM", "industry": "an industry", "upstream": "an upstream", "client": "a client"}

Pairs = Sequence[tuple[str, str]]
"""Names and values of an address."""


@dataclass(frozen=True)
class Look:
    """What a request looks at.

    :param root: path of the dashboard, without a slash at its end.
    :param query: all of the address, the view's names too.
    :param records: of the whole study.
    :param choices: what the view can choose from.
    """

    root: str
    query: Pairs
    study: Study
    view: View
    records: Records
    choices: queries.Choices

    @property
    def zone(self) -> tzinfo:
        return self.study.zone

    @property
    def zone_name(self) -> str:
        """The zone of all times on the pages: "UTC+01:00"."""
        return text.zone_name(datetime.now(self.zone))

    @cached_property
    def llms(self) -> tuple[str, ...]:
        """The LLMs of the study's file, then those that only have records."""
        return tuple(dict.fromkeys([*(llm.name for llm in self.study.llms), *self.choices.llms]))

    @cached_property
    def industries(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.study.industries, *self.choices.industries]))

    @cached_property
    def warm_left_out(self) -> int:
        """How many records the view leaves out because they were asked warm."""
        if self.view.has_warm or not self.choices.warm:
            return 0
        return queries.total(self.records, replace(self.view, cache="warm"))

    @property
    def warm(self) -> str:
        """Address of these records."""
        return self.address("records", view=replace(self.view, cache="warm"))

    @cached_property
    def client(self) -> str | None:
        """Whose slots the calendar shows: see ``measured.whose``."""
        return whose(client(), self.choices.clients, self.view.clients)

    @property
    def pages(self) -> Sequence[str]:
        """The study's pages, in the order in which they stand; that of caches only where there is something to see."""
        from llm_bench.dashboard.pages import NAVIGATION, WARM  # noqa: PLC0415  (the pages are made by this module)

        place = NAVIGATION.index("records")
        return [*NAVIGATION[:place], *([WARM] if self.choices.warm else []), *NAVIGATION[place:]]

    @cached_property
    def looks(self) -> Looks:
        return looks(self.llms, self.study.twins)

    def shape(self, llm: str) -> str:
        """Its shape in the charts."""
        return self.looks.shapes[self.llms.index(llm)]

    @cached_property
    def colours(self) -> Markup:
        """The LLMs' colours in the charts as declarations of a style sheet, ``--llm-0`` and so on."""
        light, dark = (colours(self.llms, theme).values() for theme in THEMES)
        pairs = enumerate(zip(light, dark, strict=True))
        return Markup(" ").join(Markup("--llm-{}: light-dark({}, {});").format(number, *pair) for number, pair in pairs)

    @cached_property
    def options(self) -> Mapping[str, str]:
        """What the address says beside the view: of a name that stands there twice, the last value."""
        return dict(self.query)

    def option(self, name: str, allowed: Sequence[str]) -> str:
        """One of the allowed values, the first where the address says none.

        :raises ViewError: it says another one.
        """
        value = self.options.get(name) or allowed[0]
        if value not in allowed:
            raise ViewError(f"{name} is {value!r}.", f"Choose one of {', '.join(allowed)}.")
        return value

    def address(self, page: str, own: Mapping[str, object] | None = None, *, view: View | None = None) -> str:
        """The address of a page of this study, with the view.

        :param own: names and values of the page's own.
        :param view: another one than the one looked at.
        """
        query = urlencode([*(view or self.view).to_query(), *(own or {}).items()])
        return f"{self.root}/{quote(self.study.name)}/{page}" + (f"?{query}" if query else "")

    @property
    def live(self) -> str:
        """Address of what an open page asks now and then."""
        return self.address("live", view=View())

    def record(self, record_id: str) -> str:
        """Address of a record."""
        return self.address(f"records/{quote(record_id, safe='')}")

    def beside(self, record_id: str) -> str:
        """Address of all LLMs' answers to a record's question in its slot."""
        return self.address(f"records/{quote(record_id, safe='')}/beside")

    def only(self, llm: str | None) -> View:
        """The view, of one LLM alone where one is given."""
        return replace(self.view, llms=(llm,)) if llm else self.view

    def slot(self, llm: str | None, slot: datetime, **more: str) -> str:
        """Address of the records of a slot, beside this study's other pages: see ``slots``."""
        return self.slots(llm, slot, slot + MICROSECOND, **more)

    def slots(self, llm: str | None, start: datetime, end: datetime | None, **more: str) -> str:
        """Address of the records of all slots from one on and before another, beside this study's other pages.

        :param llm: of this LLM alone; of those of the view where None.
        """
        view = replace(self.only(llm), start=start, end=end)
        return "records?" + urlencode([*view.to_query(), *more.items()], safe=":/")

    def validation(self, slot: datetime, measured_from: str | None) -> str:
        """Address of what the quality gate said of a slot.

        :param measured_from: the client's name.
        """
        path = self.root + validation_path(self.study.name, slot)
        return path if measured_from == client() else f"{path}?{urlencode({'client': measured_from or UNNAMED})}"

    @property
    def dag(self) -> str:
        """Address of the study's DAG in Airflow."""
        return f"{API_ROOT_PATH or '/'}dags/{quote(self.study.dag_id)}"

    def run(self, run_id: str) -> str:
        """Address of a run in Airflow."""
        return f"{self.dag}/runs/{quote(run_id, safe='')}"


@cache
def _cache(of: Any) -> Cache:
    return Cache(of)


def records_of(study: Study) -> Records:
    """A study's records as they stand; without those of objects that can't be read, which every page names.

    :raises StorageError: the store can't be read.
    """
    return _cache(home()).records(study, partly=True)


def _look(study: ReadableStudy, request: Request) -> Iterator[Look]:
    query = request.query_params.multi_items()
    view = View.from_query(query, study.zone)
    with closing(records_of(study)) as records:
        look = Look(
            root=str(request.scope["root_path"]),
            query=query,
            study=study,
            view=view,
            records=records,
            choices=queries.choices(records),
        )
        _check("llm", view.llms, look.llms)
        _check("industry", view.industries, look.industries)
        _check("upstream", view.upstreams, look.choices.upstreams)
        _check("client", view.clients, look.choices.clients)
        yield look


def _check(name: str, wanted: Sequence[str], there: Sequence[str]) -> None:
    for value in wanted:
        if value not in there:
            fix = f"It has {', '.join(there)}." if there else f"Leave it out: no record of it names {_ARTICLES[name]}."
            raise ViewError(f"{name} is {value!r}, which this study doesn't have.", fix)


Looked = Annotated[Look, Depends(_look)]
"""A route's parameter. Raises ViewError for a value of the address that can't be used, StorageError for the store."""
