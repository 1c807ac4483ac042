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
        "hidden-fields": ["login", "port", "schema"],
        "relabeling": {"host": "Base URL", "password": "API key"},
        "placeholders": {
            "host": "the provider's own; or e.g. http://localhost:8000/v1",
            "password": "as the provider gave it",
        },
    },
    "conn-fields": {
        "provider": {
            "label": "Provider",
            "description": "LiteLLM's name of it, as in the connection's id llm_groq: groq. Test needs it.",
            "schema": {**_OPTIONAL, "examples": ["groq", "openrouter", "openai", "anthropic", "gemini", "hosted_vllm"]},
        },
        "api_version": {
            "label": "API version",
            "description": "Only where the address carries one, as Azure AI's does: 2025-05-01.",
            "schema": _OPTIONAL,
        },
        "organization": {
            "label": "Organisation",
            "description": "Sent as the header OpenAI-Organization, for a key of several organisations.",
            "schema": _OPTIONAL,
        },
        "headers": {
            "label": "Extra headers",
            "description": 'Sent with every request, e.g. to a gateway: {"X-Gateway-Key": "…"}.',
            "schema": {"type": ["object", "null"]},
        },
    },
}
