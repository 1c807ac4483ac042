"""The providers that are tried: a model of each, the double that speaks its format, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from doubles import anthropic, azure, bedrock, cohere, gemini, groq, ollama, openai, openrouter
from doubles.dialects import DIALECTS
from doubles.faults import Fault, Format, Mistake

AWS = {"AWS_REGION_NAME": "us-east-1"}
AWS_KEYS = AWS | {"AWS_ACCESS_KEY_ID": "canary", "AWS_SECRET_ACCESS_KEY": "canary"}
GOOGLE = {"VERTEXAI_PROJECT": "some-project", "VERTEXAI_LOCATION": "us-central1"}
WATSONX = {"WATSONX_PROJECT_ID": "some-project", "WATSONX_TOKEN": "canary-token"}


@dataclass(frozen=True)
class Double:
    """What stands in for a provider.

    :param format: its answers.
    :param faults: each documented fault, by name.
    :param mistakes: each documented mistake of the user's.
    """

    format: type[Format]
    faults: Mapping[str, Fault]
    mistakes: Mapping[str, Mistake]


@dataclass(frozen=True)
class Listed:
    """A provider of LiteLLM's list.

    :param model: as in a study.
    :param double: None for one that is expected to be refused.
    :param also: what it needs besides the key, as environment variables or fields of the connection, in words.
    :param extra: of the connection.
    :param environment: variables that the trial sets.
    """

    model: str
    double: Double | None
    also: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]


def _own(module: ModuleType) -> Double:
    return Double(module.FORMAT, module.FAULTS, module.MISTAKES)


def _dialect(name: str) -> Double:
    dialect = DIALECTS[name]
    return Double(dialect.format, dialect.faults, dialect.mistakes)


LISTED: tuple[Listed, ...] = (
    Listed("openai/gpt-4o", _own(openai)),
    Listed(
        "azure/some-deployment",
        _own(azure),
        also="Base URL `https://<resource>.openai.azure.com`, API version",
        extra={"api_version": "2024-10-21"},
    ),
    Listed("azure_ai/some-model", _own(azure), also="Base URL of the endpoint"),
    Listed("anthropic/claude-sonnet-4-5", _own(anthropic)),
    Listed("gemini/gemini-2.5-flash", _own(gemini)),
    Listed(
        "vertex_ai/gemini-2.5-flash",
        _own(gemini),
        also="`GOOGLE_APPLICATION_CREDENTIALS`, `VERTEXAI_PROJECT`, `VERTEXAI_LOCATION`; no key",
        environment=GOOGLE,
    ),
    Listed(bedrock.MODEL, _own(bedrock), also="`AWS_REGION_NAME`; a Bedrock API key, or AWS's own variables",
           environment=AWS),
    Listed("cohere/command-a-03-2025", _own(cohere)),
    Listed(cohere.MODEL, _own(cohere)),
    Listed("ollama/some-model", _own(ollama), also="no key"),
    Listed(ollama.MODEL, _own(ollama), also="no key"),
    Listed("groq/some-model", _own(groq)),
    Listed("openrouter/vendor/some-model", _own(openrouter)),
    Listed("mistral/mistral-large-latest", _dialect("mistral")),
    Listed("deepseek/deepseek-chat", _dialect("deepseek")),
    Listed("together_ai/vendor/some-model", _dialect("together_ai")),
    Listed("fireworks_ai/some-model", _dialect("fireworks_ai")),
    Listed("xai/grok-4", _dialect("xai")),
    Listed("perplexity/sonar", _dialect("perplexity")),
    Listed("cerebras/some-model", _dialect("cerebras")),
    Listed("sambanova/some-model", _dialect("sambanova")),
    Listed("nvidia_nim/vendor/some-model", _dialect("nvidia_nim")),
    Listed("deepinfra/vendor/some-model", _dialect("deepinfra")),
    Listed("hosted_vllm/some-model", _dialect("hosted_vllm"), also="key only if the server wants one"),
    Listed("lm_studio/some-model", _dialect("lm_studio"), also="key only if the server wants one"),
    Listed("litellm_proxy/some-model", _dialect("litellm_proxy"), also="a key of the proxy's"),
    Listed("moonshot/some-model", _dialect("moonshot")),
    Listed("novita/vendor/some-model", _dialect("novita")),
    Listed("nebius/vendor/some-model", _dialect("nebius")),
    Listed("github/gpt-4o", _dialect("github")),
    Listed(
        "databricks/some-model",
        _dialect("databricks"),
        also="Base URL `https://<workspace>/serving-endpoints`",
    ),
    Listed(
        "huggingface/vendor/some-model",
        _dialect("huggingface"),
        also="with a provider in the name: Base URL `https://router.huggingface.co/v1`",
    ),
    Listed(
        "watsonx/ibm/granite-3-8b-instruct",
        _dialect("watsonx"),
        also="Base URL `https://<region>.ml.cloud.ibm.com`, `WATSONX_PROJECT_ID`; `WATSONX_TOKEN` in place of the key",
        environment=WATSONX,
    ),
    Listed(
        "cloudflare/@cf/meta/some-model",
        _dialect("cloudflare"),
        also="Base URL `https://api.cloudflare.com/client/v4/accounts/<account>/ai/v1`",
    ),
    Listed("snowflake/some-model", _dialect("snowflake"), also="Base URL `https://<account>.snowflakecomputing.com`"),
    Listed("sagemaker/some-endpoint", None, environment=AWS_KEYS),
    Listed("sagemaker_chat/some-endpoint", None, environment=AWS_KEYS),
    Listed("replicate/vendor/some-model", None),
    Listed("gigachat/some-model", None),
    Listed("github_copilot/gpt-4o", None),
    Listed("petals/some-model", None),
)  # fmt: skip
