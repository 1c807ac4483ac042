"""From an Airflow connection to a client."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from llm_bench.errors import CredentialsError, LLMBenchError, RequestError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from llm_bench.measure.client import Endpoint, LLMClient
    from llm_bench.study import LLM, Deadlines, Generation


class LiteLLMHook(BaseHook):
    """A LiteLLM client for one LLM, with the key of an Airflow connection.

    The connection is of type ``llm`` ("LLM API"). Its login is the provider and its password the key. Its host, with
    scheme, port and path, takes the place of the provider's address. Its extra may hold ``api_version``,
    ``organization`` and ``headers``. One of type ``http`` or ``generic`` is read in the same way, but for its login,
    which says nothing. Without a connection, the provider's own environment variable is used, e.g. ``GROQ_API_KEY``.

    :param llm_conn_id: id of the connection, which must be there; where left out, that of the LLM's entry, or
        else ``llm_`` and its provider.
    :param llm: the LLM; to test a connection, none is needed.
    """

    conn_name_attr = "llm_conn_id"
    default_conn_name = "llm_default"
    conn_type = "llm"
    hook_name = "LLM API"

    def __init__(self, llm_conn_id: str | None = None, *, llm: LLM | None = None) -> None:
        super().__init__()
        self.llm_conn_id = llm_conn_id
        self.llm = llm

    def get_conn(self, generation: Generation | None = None, deadlines: Deadlines | None = None) -> LLMClient:
        """A client that is ready to ask.

        :raises CredentialsError: there is no key, or the connection can't be used.
        :raises RequestError: LiteLLM knows no such provider.
        """
        # Imported here, as every process of Airflow's may import a hook, and these bring LiteLLM.
        from llm_bench.measure.client import LLMClient  # noqa: PLC0415
        from llm_bench.study import Deadlines, Generation  # noqa: PLC0415

        return LLMClient(
            llm=self._llm,
            endpoint=self.endpoint(),
            generation=generation or Generation(),
            deadlines=deadlines or Deadlines(),
        )

    def endpoint(self) -> Endpoint:
        """Where the LLM is reached, with its key.

        :raises CredentialsError: there is no key, or the connection can't be used.
        :raises RequestError: LiteLLM knows no such provider.
        """
        return self._endpoint(self._llm, self._connection())

    def test_connection(self) -> tuple[bool, str]:
        """Asks for the provider's list of models, which spends no token.

        :return: whether the connection can be used, and what was seen.
        """
        from llm_bench.measure.client import ENVIRONMENT  # noqa: PLC0415
        from llm_bench.measure.failures import scrub  # noqa: PLC0415
        from llm_bench.measure.inquiry import inquire  # noqa: PLC0415
        from llm_bench.study import LLM  # noqa: PLC0415

        secrets: tuple[str, ...] = ()
        try:
            connection = self._connection()
            llm = self.llm or LLM(model=f"{self._provider(connection)}/any")
            endpoint = self._endpoint(llm, connection)
            secrets = endpoint.secrets
            if endpoint.source != ENVIRONMENT:  # the id may be one that Airflow made up
                endpoint = replace(endpoint, source="this connection")
            return True, scrub(inquire(llm.provider, endpoint), secrets)
        except LLMBenchError as error:
            return False, scrub(str(error), secrets)

    @property
    def _llm(self) -> LLM:
        if self.llm is None:
            raise RequestError("The hook was made without an LLM.", "Name one: LiteLLMHook(llm=LLM(model=…)).")
        return self.llm

    def _connection(self) -> Connection | None:
        """The connection; None where the LLM's provider has none."""
        name = self.llm_conn_id or self._llm.conn_id
        try:
            return self.get_connection(name)
        except AirflowNotFoundException:
            if self.llm_conn_id is None and self._llm.connection is None:
                return None
            raise CredentialsError(
                f"There is no Airflow connection {name}.", "Add it in the UI (Admin → Connections), of type LLM API."
            ) from None

    def _provider(self, connection: Connection | None) -> str:
        """The provider of a connection: it says so, or its id does.

        Airflow's UI tests a connection under an id that it makes up.

        :raises CredentialsError: neither does.
        """
        prefix, _, named = (self.llm_conn_id or "").partition("_")
        provider = (_stated(connection) if connection else "") or (named if prefix == "llm" else "")
        if not provider:
            raise CredentialsError(
                "The connection doesn't say whose it is, and Airflow tests it without its id.",
                "Fill in Provider (login) with LiteLLM's name of it, e.g. groq.",
            )
        return provider

    @staticmethod
    def _endpoint(llm: LLM, connection: Connection | None) -> Endpoint:
        from llm_bench.measure.client import Endpoint, find_endpoint  # noqa: PLC0415

        endpoint = find_endpoint(llm, read(llm.provider, connection) if connection else Endpoint())
        for secret in endpoint.secrets:
            mask_secret(secret)
        return endpoint


def read(provider: str, connection: Connection) -> Endpoint:
    """What a connection says of where a provider is reached, and with what.

    :raises CredentialsError: it is another provider's, or its extra headers aren't as they must be.
    """
    from llm_bench.measure.client import Endpoint  # noqa: PLC0415

    extra = connection.extra_dejson
    if (stated := _stated(connection) or provider) != provider:
        raise CredentialsError(
            f"The connection {connection.conn_id} is {stated}'s, and {provider} would get its key.",
            "Correct its Provider, or add another connection.",
        )
    organization = {"OpenAI-Organization": extra["organization"]} if extra.get("organization") else {}
    return Endpoint(
        api_key=connection.password or "",
        api_base=_address(connection),
        source=f"connection {connection.conn_id}",
        api_version=extra.get("api_version") or None,
        headers=organization | _headers(extra.get("headers") or {}, connection.conn_id),
    )


def _address(connection: Connection) -> str | None:
    """The base URL of a connection; its port goes in where the URL has none."""
    if not connection.host:
        return None
    scheme, _, rest = connection.host.rpartition("://")
    place, slash, path = rest.partition("/")
    if connection.port and not re.search(r":\d+$", place):
        place = f"{place}:{connection.port}"
    return f"{scheme or connection.schema or 'https'}://{place}{slash}{path}"


def _stated(connection: Connection) -> str:
    """The provider that a connection names; empty where it names none."""
    return (connection.login or "").strip() if connection.conn_type == LiteLLMHook.conn_type else ""


def _headers(stated: Any, conn_id: str) -> dict[str, str]:
    """The extra headers of a connection, as its form or its JSON gives them."""
    if isinstance(stated, str):
        try:
            stated = json.loads(stated)
        except ValueError:
            stated = None
    if not isinstance(stated, dict) or not all(isinstance(value, str) for value in stated.values()):
        raise CredentialsError(  # without them: they are secrets
            f"The extra headers of the connection {conn_id} aren't a JSON object of texts.",
            'Write them as {"X-Header": "value"}.',
        )
    return stated
