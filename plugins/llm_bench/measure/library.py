"""LiteLLM, the library that makes the requests: quiet, and off the network but for them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

from llm_bench.errors import RequestError
from llm_bench.measure import failures, tap
from llm_bench.measure.exchange import Exchange, RefusedRequestError
from llm_bench.measure.transport import Nowhere
from llm_bench.study import LLM

_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_OF_THE_WIRE = ("httpcore", "httpx", "urllib3", "botocore")
"""Loggers that write each request and each header of its answer, where a provider may repeat the key; while the clock
runs."""
in_use: set[str] = set()
"""What LiteLLM has been given that must never show, in this process; its loggers are the process's, too."""


def _as_warning(record: logging.LogRecord) -> bool:
    """Makes a warning of what LiteLLM calls an error: a request that failed is no error of the task's, but a record."""
    if record.levelno > logging.WARNING:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    record.msg, record.args, record.exc_info = failures.scrub(record.getMessage(), tuple(in_use)), None, None
    return True


def quiet_litellm() -> ModuleType:
    """LiteLLM with everything off that would send more than the one request, or go to the network by itself."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import litellm

    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()  # they write to stderr, which Airflow shows as errors; what matters reaches the root
        logger.setLevel(logging.WARNING)  # below it is a line for each request
        logger.addFilter(_as_warning)
    for name in _OF_THE_WIRE:
        logging.getLogger(name).setLevel(logging.WARNING)
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.disable_streaming_logging = True
    litellm.num_retries = None  # 0 would be taken for "not set"
    litellm.callbacks = []
    litellm.cache = None
    return cast("ModuleType", litellm)


@contextmanager
def off_line() -> Iterator[None]:
    """For its span, LiteLLM reaches no network.

    :raises RefusedRequestError: it wanted to, and gave up without.
    """
    exchange = Exchange(1, 1, 1, question="no request")
    try:
        with tap.measuring(Nowhere(exchange), exchange):
            yield
    except Exception as fault:
        if exchange.refused:
            raise RefusedRequestError("; ".join(dict.fromkeys(exchange.refused))) from fault
        raise


def unmeasurable(llm: LLM, wishes: Iterable[str]) -> RequestError:
    """What to raise for an LLM that can't be measured.

    :param wishes: what LiteLLM wants beside the one request.
    """
    return RequestError(
        f"{llm.model} can't be measured: LiteLLM wants {'; '.join(dict.fromkeys(wishes))}.",
        "What is timed is one request, to the address of the Airflow connection: choose another model in the "
        "study file, or an address that speaks OpenAI's protocol (openai/… with a connection).",
    )


def known_provider(llm: LLM) -> tuple[str | None, str | None]:
    """What LiteLLM knows of an LLM's provider: a key from its environment, and its address where it is like OpenAI's.

    :raises RequestError: it knows no such provider.
    """
    try:
        with off_line():  # for some it would sign in first
            _, _, key, address = quiet_litellm().get_llm_provider(llm.model)
    except RefusedRequestError as refusal:
        raise unmeasurable(llm, [str(refusal)]) from None
    except Exception as fault:
        raise RequestError(
            f"LiteLLM knows no provider {llm.provider!r} (model {llm.model!r}).",
            "Write the model as provider/model with a provider of LiteLLM's list, in the study file.",
        ) from fault
    return key, address
