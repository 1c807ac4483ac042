"""The command that measures one request now, outside Airflow, by the client that measures a study."""

from __future__ import annotations

import json as jsons
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, complete, count, llm_names, study_names
from llm_bench.cli.studies import find_study
from llm_bench.errors import CredentialsError, InputError, RequestError, SetupError, outside_a_task, unknown
from llm_bench.paths import home, include

if TYPE_CHECKING:
    from llm_bench.measure.client import Endpoint, LLMClient
    from llm_bench.measure.recording import Batch
    from llm_bench.records import Record
    from llm_bench.study import LLM, Study

QUESTION = "Why is the sky blue? Answer in three sentences."
"""What is asked where neither a question nor a study is named."""
NONE = "none"
"""The study, industry or model of a record that has none."""


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Measure one request to an LLM now, and show all that is known of it."
    detail = (
        "It asks outside Airflow, by the client that measures a study, and keeps nothing. The key is looked for where "
        "a task would look. Exit code: 0, it was answered; 1, it wasn't, or can't be asked; 2, no such study or model."
    )
    command = add_command(actions, ask, summary, detail=detail, example="llm-bench ask groq/llama-3.3-70b-versatile")
    text = "LiteLLM model string, provider/model, or the name of an LLM of the study"
    complete(command.add_argument("model", metavar="MODEL", help=text), llm_names)
    text = "what to ask; left out: the study's first question with its context, or without a study a short one"
    command.add_argument("question", metavar="QUESTION", nargs="?", help=text)
    text = "ask with this study's settings, deadlines and entry of the LLM"
    complete(command.add_argument("--study", help=text), study_names)
    text = "requests, one after another over one connection; left out: 1"
    command.add_argument("--repeat", metavar="N", type=count, default=1, help=text)
    command.add_argument("--json", action="store_true", help="print the whole record as JSON, a line for each request")


def ask(model: str, question: str | None, study: str | None, repeat: int, json: bool) -> int:
    """Measures requests to an LLM and shows each; 0 where all were answered.

    :raises CredentialsError: there is no key, or it was refused.
    :raises RequestError: the request can't be made, or would be refused for every question.
    :raises InputError: it names no LLM.
    """
    import logging

    from llm_bench.cli.timeline import show
    from llm_bench.measure.client import LLMClient
    from llm_bench.study import Deadlines, Generation

    logging.disable()  # all that there is to say stands in the record
    chosen = find_study(study) if study else None
    llm = _llm(model, chosen)
    generation, deadlines = (chosen.generation, chosen.deadlines) if chosen else (Generation(), Deadlines())
    prompt = _prompt(question, chosen)
    answered = []
    try:
        endpoint = _endpoint(llm)
        with LLMClient(llm=llm, endpoint=endpoint, generation=generation, deadlines=deadlines) as client:
            for number in range(repeat):
                record = _measure(client, _batch(llm, chosen, prompt, number + 1), prompt)
                answered.append(record["success"])
                if json:
                    console().out(jsons.dumps(record), highlight=False)
                else:
                    show(record)
    except (CredentialsError, RequestError) as mistake:
        raise type(mistake)(mistake.cause, outside_a_task(mistake.fix, "ask again")) from None
    return 0 if all(answered) else 1


def _llm(name: str, study: Study | None) -> LLM:
    """A study's entry of that name or model, or else the model.

    :raises InputError: it is neither.
    """
    from pydantic import ValidationError

    from llm_bench.study import LLM

    entries = study.llms if study else ()
    for entry in entries:
        if name in {entry.name, entry.model}:
            return entry
    with suppress(ValidationError):
        return LLM(model=name, temperature=None)  # some models take none but their own
    cause = f"{name!r} names no LLM; provider/model does, as groq/llama-3.3-70b-versatile."
    if not entries:
        raise InputError(cause, "An LLM of a study may be named as there, with --study.")
    raise unknown(cause, name, [entry.name for entry in entries])


def _endpoint(llm: LLM) -> Endpoint:
    """Where the LLM is reached: as Airflow's connection says where there is an Airflow, else as the environment."""
    from llm_bench.measure.client import Endpoint, find_endpoint

    try:
        project = home()
    except SetupError:
        if not any(name.startswith("AIRFLOW_") for name in os.environ):
            return find_endpoint(llm, Endpoint())
        project = None
    from llm_bench.airflow.connections import find_key, use_airflow

    if project:
        use_airflow(project)
    return find_key(llm)


def _prompt(question: str | None, study: Study | None) -> dict[str, Any]:
    """What is asked: a question as it stands, or a study's first one as the study asks it.

    :return: what a record keeps of it, and its ``messages``.
    """
    from llm_bench.rag.prompt import context_hash, messages_of, prompt_hash

    if question is None and study is not None:
        from llm_bench.rag.retrieval import retrieve
        from llm_bench.templates import load_template

        template = load_template(include(), study.prompt)
        first = retrieve(include(), study.industries[0], study.retrieval, home() / "data" / "cache", template)[0]
        return {**first, "messages": messages_of(first)}
    text = question or QUESTION
    messages = [{"role": "user", "content": text}]
    hashes = {"context_hash": context_hash([]), "prompt_hash": prompt_hash(messages)}
    return {"question_id": NONE, "question": text, "answerable": True, **hashes, "messages": messages}


def _batch(llm: LLM, study: Study | None, prompt: dict[str, Any], attempt: int) -> Batch:
    from llm_bench.measure.recording import Batch

    retrieved = study if "passages" in prompt else None
    return Batch(
        study=study.name if study else NONE,
        slot=datetime.now(UTC),
        run_id="ask",
        run_type="manual",
        attempt=attempt,
        llm=llm,
        industry=retrieved.industries[0] if retrieved else NONE,
        embedding_model=retrieved.retrieval.embedding_model if retrieved else NONE,
    )


def _measure(client: LLMClient, batch: Batch, prompt: dict[str, Any]) -> Record:
    """The record of one request."""
    from llm_bench.measure.recording import machine_load, make_record

    load = machine_load()
    reply = client.ask(prompt["messages"])
    return make_record(batch, prompt, reply, measured_at=batch.slot, wait_sec=0.0, load=load, position=1)
