"""Whether what the documentation names is there: variables, settings, connections."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

from opentelemetry.sdk import environment_variables

ROOT = Path(__file__).resolve().parents[2]

_TOOLS = {"HTTP_PROXY", "PIP_CERT", "SSL_CERT_FILE"}
"""Read by the libraries that fetch, not by us."""


def known(variable: str) -> bool:
    """Whether something reads an environment variable: the code, or Airflow, LiteLLM, OpenTelemetry."""
    if variable.startswith("AIRFLOW__"):
        section, _, key = variable.removeprefix("AIRFLOW__").lower().partition("__")
        return is_setting(section, key)
    if variable.endswith("_API_KEY"):
        return f'"{variable}"' in _keys()
    if variable.startswith("OTEL_"):
        return hasattr(environment_variables, variable)
    return variable in _named() | _TOOLS or variable.startswith("AIRFLOW_CONN_")


def is_setting(section: str, key: str) -> bool:
    """Whether Airflow has a setting, of its own or of a provider's."""
    from airflow.configuration import conf

    # As part of a variable, [common.io] is COMMON_IO.
    return bool(conf.has_option(section, key) or conf.has_option(section.replace("_", "."), key))


def connection_type(text: str) -> str:
    """The type of an Airflow connection in JSON.

    :raises ValueError: it is none.
    """
    from airflow.models.connection import Connection

    return str(Connection.from_json(text).conn_type)


@cache
def _named() -> set[str]:
    """All words in capitals of what may read the environment."""
    files = [ROOT / name for name in ("Makefile", "Dockerfile", "docker-compose.yaml")]
    files += [
        path for name in ("plugins", "scripts", "benchmarks", "tests/trust") for path in (ROOT / name).rglob("*.py")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files if path.is_file())
    return set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", text))


@cache
def _keys() -> str:
    """The source in which LiteLLM looks for keys; to import it would take seconds."""
    spec = importlib.util.find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("utils.py").read_text(encoding="utf-8")
