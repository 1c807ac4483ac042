"""Alerts someone, through a webhook, when a batch needs a hand: Airflow notifiers that never stop or delay a batch.

Airflow calls them after it has taken in how the task ended, or from the scheduler when a deadline has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from airflow.sdk import (  # type: ignore[attr-defined]  # its stub lacks the last three
    BaseHook,
    BaseNotifier,
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
)
from airflow.sdk.log import mask_secret

from llm_bench.inert import message
from llm_bench.measure.resolving import refuse_metadata_at
from llm_bench.schedule import Schedule, slot_of
from llm_bench.study import DAG_PREFIX, Study

if TYPE_CHECKING:
    from airflow.sdk import Context

TIMEOUT_SEC = 10.0

_MAX_NAMED = 10
"""A week of missed slots needn't be listed to be understood."""


class Alert(BaseNotifier):
    """Posts JSON with a ``text`` to a webhook (Slack's, Mattermost's and others'), where there is anything to report.

    What goes wrong with it stands in the log alone.

    :param connection: id of an Airflow connection of type ``http``: its host is the webhook's URL, and its password,
        where it has one, is sent as a bearer token.
    """

    def __init__(self, *, connection: str) -> None:
        super().__init__()
        self.connection = connection

    def text(self, context: Context) -> str | None:
        """What there is to report; None for nothing."""
        raise NotImplementedError

    def notify(self, context: Context) -> None:
        """Posts the text, if there is any."""
        try:
            text = self.text(context)
            if text is not None:
                post(self.connection, text)
                self.log.info("Told the connection %s: %s", self.connection, text)
        except Exception as fault:  # an alert that can't be sent is no fault of the batch's
            self.log.warning("The alert wasn't sent (connection %s): %s", self.connection, _named(fault))


class IncompleteBatch(Alert):
    """Says once, when a run's last task fails, what is missing of all cells of the batch, and what to do."""

    def text(self, context: Context) -> str | None:
        run = context["dag_run"]
        # Without an exception the task was killed: no process is left that could say why.
        reason = context.get("exception") or "Its last task was stopped; see its log."
        return f"{run.dag_id}: the batch of {_shown(slot_of(run.logical_date, run.run_after))} is incomplete. {reason}"


class MissedSlots(Alert):
    """Names, when a run's first task ends in any way, the slots that passed without a run since the run before.

    No task of a slot that wasn't run can say so itself. So the next run does, which is also the first thing that
    happens after Airflow was down or the machine slept.

    :param schedule: of the study.
    """

    def __init__(self, *, connection: str, schedule: Schedule) -> None:
        super().__init__(connection=connection)
        self.schedule = schedule

    def text(self, context: Context) -> str | None:
        run = context["dag_run"]
        if str(run.run_type) == "backfill":  # it is what fills them
            return None
        before: Any = context["ti"].get_previous_dagrun()
        slots = passed(self.schedule, before.logical_date if before else None, slot_of(run.logical_date, run.run_after))
        if not slots:
            return None
        named = ", ".join(map(_shown, slots[:_MAX_NAMED])) + (" …" if len(slots) > _MAX_NAMED else "")
        slots_were = "1 slot was" if len(slots) == 1 else f"{len(slots)} slots were"
        study = run.dag_id.removeprefix(DAG_PREFIX)
        return f"{run.dag_id}: {slots_were} missed: {named}. `llm-bench status {study}` shows how to fill them."


class LateBatch(Alert):
    """Says, at a run's deadline, that the batch takes longer than the time between two batches."""

    def text(self, context: Context) -> str | None:
        # The scheduler gives the run as its REST API shows it. A batch that has failed by then was reported already,
        # and one that a person started waits for its turn with good reason.
        run: Mapping[str, Any] = context["dag_run"]  # type: ignore[assignment]
        if run["run_type"] != "scheduled" or run["state"] not in {"queued", "running"}:
            return None
        slot = datetime.fromisoformat(run["logical_date"])
        return (
            f"{run['dag_id']}: the batch of {_shown(slot)} is still {run['state']} after the time that lies "
            "between two batches. The next one starts beside it; see the run in Airflow's UI."
        )


def incomplete_batch(study: Study) -> list[Alert]:
    """The alerts for the failure of a study's last task."""
    return [IncompleteBatch(connection=study.alerts.connection)] if study.alerts else []


def missed_slots(study: Study) -> list[Alert]:
    """The alerts for the end of a study's first task."""
    if study.alerts is None or study.window is None:
        return []
    return [MissedSlots(connection=study.alerts.connection, schedule=study.window.schedule)]


def deadline(study: Study) -> DeadlineAlert | None:
    """The deadline of a study's DAG: a batch is due to end within the time between two batches of a period."""
    if study.alerts is None or study.window is None:
        return None
    return DeadlineAlert(
        # Not the slot itself: a slot that is backfilled would be past its deadline before it begins.
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=study.window.period / study.window.batches_per_period,
        callback=SyncCallback(LateBatch, kwargs={"connection": study.alerts.connection}),
    )


def passed(schedule: Schedule, after: datetime | None, before: datetime) -> list[datetime]:
    """The slots strictly between two moments.

    :param after: aware; None: from the first slot on.
    :param before: aware.
    """
    first = schedule.index_at_or_after(after + timedelta(microseconds=1)) if after else 0
    return [schedule[number] for number in range(first, schedule.index_at_or_after(before))]


def post(connection: str, text: str) -> None:
    """Posts ``{"text": …}`` to the webhook of an Airflow connection.

    :raises httpx.HTTPError: it can't be reached, or refused.
    :raises AirflowNotFoundException: there is no such connection.
    :raises RequestError: at the address, a machine hands out its own credentials.
    """
    url, headers = webhook(connection)
    httpx.post(url, json={"text": message(text)}, headers=headers, timeout=TIMEOUT_SEC).raise_for_status()


def webhook(connection: str) -> tuple[str, dict[str, str]]:
    """Address and headers of the webhook that an Airflow connection names.

    :raises AirflowNotFoundException: there is no such connection.
    :raises RequestError: at the address, a machine hands out its own credentials.
    """
    webhook_connection = BaseHook.get_connection(connection)
    url = webhook_connection.host or ""
    if "://" not in url:
        url = f"{webhook_connection.schema or 'https'}://{url}"
    refuse_metadata_at(url, TIMEOUT_SEC)
    mask_secret(url)  # who knows the address of a webhook can write there, and httpx logs it
    return url, {"authorization": f"Bearer {webhook_connection.password}"} if webhook_connection.password else {}


def _shown(slot: datetime) -> str:
    return f"{slot.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _named(fault: Exception) -> str:
    """Without the address, which an error of httpx's holds."""
    if isinstance(fault, httpx.HTTPStatusError):
        return f"HTTP {fault.response.status_code}"
    return type(fault).__name__ if isinstance(fault, httpx.HTTPError | httpx.InvalidURL) else str(fault)
