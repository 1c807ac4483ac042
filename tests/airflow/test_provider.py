from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.providers_manager import ProvidersManager

from llm_bench.airflow.hook import LiteLLMHook
from llm_bench.airflow.provider import get_provider_info


@pytest.fixture
def form() -> Any:
    """What the UI draws its form from."""
    (meta,) = (meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "llm")
    return meta


class TestTheProviderInfo:
    def test_is_what_airflow_finds_by_the_entry_point(self):
        loaded = [entry.load() for entry in entry_points(group="apache_airflow_provider")]
        assert get_provider_info in loaded
        assert get_provider_info().items() <= ProvidersManager().providers["llm-bench"].data.items()

    def test_is_of_the_form_that_airflow_reads(self):
        schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
        jsonschema.validate(get_provider_info(), schema)

    def test_has_a_form_like_those_of_airflows_own_providers(self):
        schema = json.loads((files("airflow") / "provider.yaml.schema.json").read_text())
        jsonschema.validate(get_provider_info()["connection-types"], schema["properties"]["connection-types"])

    def test_is_read_without_importing_anything(self):
        code = "import sys; from llm_bench.airflow import provider; provider.get_provider_info(); print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert {"airflow", "litellm", "pydantic", "yaml", "httpx"}.isdisjoint(done.stdout.split())


class TestTheConnectionType:
    def test_leads_to_the_hook_which_can_test_it(self):
        hook = ProvidersManager().hooks[LiteLLMHook.conn_type]
        assert hook is not None
        assert (hook.hook_name, hook.connection_id_attribute_name) == ("LLM API", "llm_conn_id")
        assert hook.connection_testable

    def test_is_in_the_list_by_its_name(self, form: Any):
        assert form.hook_name == "LLM API"

    def test_has_a_form_in_its_own_words(self, form: Any):
        fields = form.standard_fields
        assert (fields.login.title, fields.host.title, fields.password.title) == ("Provider", "Base URL", "API key")
        assert fields.url_schema.hidden

    def test_has_the_extra_fields_that_the_hook_reads(self, form: Any):
        assert list(form.extra_fields) == ["api_version", "organization", "headers"]
        assert all(field["description"] for field in form.extra_fields.values())
