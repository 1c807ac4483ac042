"""From an Airflow connection to a client."""

from __future__ import annotations

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from llm_bench.measure.client import Endpoint, LLMClient, find_endpoint
from llm_bench.study import LLM, Deadlines, Generation


class LiteLLMHook(BaseHook):
    """A LiteLLM client for one LLM, with the key of the Airflow connection ``llm_<provider>``.

    The connection is of type ``http``: its password is the key, its host (with scheme and port) overrides the
    provider's address. Without one the provider's own environment variable is used, e.g. ``GROQ_API_KEY``.

    :param llm: the LLM.
    """

    def __init__(self, *, llm: LLM) -> None:
        super().__init__()
        self.llm = llm

    def get_conn(self, generation: Generation | None = None, deadlines: Deadlines | None = None) -> LLMClient:
        """A client that is ready to ask.

        :raises CredentialsError: there is no key.
        """
        return LLMClient(
            llm=self.llm,
            endpoint=self.endpoint(),
            generation=generation or Generation(),
            deadlines=deadlines or Deadlines(),
        )

    def endpoint(self) -> Endpoint:
        """Where the LLM is reached, with its key.

        :raises CredentialsError: there is no key.
        :raises RequestError: LiteLLM knows no such provider.
        """
        endpoint = find_endpoint(self.llm, *self._connection())
        if endpoint.api_key:
            mask_secret(endpoint.api_key)
        return endpoint

    def _connection(self) -> tuple[str, str | None]:
        try:
            connection = self.get_connection(f"llm_{self.llm.provider}")
        except AirflowNotFoundException:
            return "", None
        base = connection.host
        if base and "://" not in base:
            base = f"{connection.schema or 'https'}://{base}"
        if base and connection.port:
            base = f"{base}:{connection.port}"
        return connection.password or "", base or None
