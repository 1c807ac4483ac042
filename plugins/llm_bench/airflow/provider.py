"""What every process of Airflow reads of llm-bench as a provider: its connection type, with its form."""

from __future__ import annotations

from typing import Any

_NAME = "llm-bench"
_OPTIONAL = {"type": ["string", "null"]}


def get_provider_info() -> dict[str, Any]:
    """The provider in the form of Airflow's ``provider_info.schema.json``; the form in that of ``provider.yaml``."""
    return {
        "package-name": _NAME,
        "name": _NAME,
        "description": "Measures hosted LLM APIs on a schedule.",
        "integrations": [{"integration-name": _NAME, "tags": ["service"]}],
        "hooks": [{"integration-name": _NAME, "python-modules": ["llm_bench.airflow.hook"]}],
        "operators": [
            {
                "integration-name": _NAME,
                "python-modules": [
                    "llm_bench.airflow.operators.answers",
                    "llm_bench.airflow.operators.load",
                    "llm_bench.airflow.operators.measure",
                ],
            }
        ],
        "connection-types": [_CONNECTION_TYPE],
    }


_CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "llm",
    "hook-class-name": "llm_bench.airflow.hook.LiteLLMHook",
    "hook-name": "LLM API",
    "ui-field-behaviour": {
        # Not the port: Airflow 3.3.2 refuses to test a connection that has none (its pull request 73298).
        "hidden-fields": ["schema"],
        "relabeling": {"login": "Provider", "host": "Base URL", "password": "API key"},
        "placeholders": {
            "login": "groq, for the ID llm_groq; Test needs it",
            "host": "only for another than the provider's: http://localhost:8000/v1",
            "password": "empty where the server wants none",
            "port": "443; Airflow 3.3.2 tests no connection without one",
        },
    },
    "conn-fields": {
        "api_version": {
            "label": "API version",
            "description": "Only where the address carries one, as Azure AI's does: 2025-05-01.",
            "schema": _OPTIONAL,
        },
        "organization": {
            "label": "Organisation",
            "description": "Sent as the header OpenAI-Organization, for a key that belongs to several.",
            "schema": _OPTIONAL,
        },
        "headers": {
            "label": "Extra headers",
            "description": 'Sent with every request, e.g. to a gateway: {"X-Gateway-Token": "…"}.',
            "schema": {"type": ["object", "null"]},
        },
    },
}
