"""The object store in a Google Cloud Storage bucket. Imported only where a study asks for one: it brings the client."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowException
from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, PreconditionFailed, Unauthorized
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import RequestException

from llm_bench.errors import ConflictError, StorageError
from llm_bench.store.entry import Entry

_CONTENT_TYPES = {".parquet": "application/vnd.apache.parquet", ".json": "application/json"}
_TIMEOUT_SEC = 30
"""For one request to begin its reply, or to go on with it."""

RETRY = DEFAULT_RETRY.with_timeout(60)
"""Failed requests are repeated for a minute, with growing delays; Airflow's retries of the task come after that."""


class GCSStore:
    """A bucket, or the part of one under a prefix, through the Airflow connection ``google_cloud_default``.

    All that a connection of the Google provider can say counts, and a study needs no settings beside it: a key file,
    the machine's own account, or (``impersonation_chain`` in its extra) a service account to act as, with those on the
    way to it before it. Content is verified by CRC32C: by the bucket when written, here when read.

    fake-gcs-server, the emulator, honours the preconditions of small uploads only: not those of a removal.

    :param retry: how failed requests are repeated.
    """

    def __init__(self, bucket: str, prefix: str, retry: Any = RETRY) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.address = f"gs://{bucket}/{self.prefix}"
        self._retry = retry
        with self._errors():
            self._client: Any = GCSHook().get_conn()

    def read(self, path: str) -> tuple[bytes, int] | None:
        with self._errors():
            try:
                return self._retry(self._download)(path)  # type: ignore[no-any-return]
            except NotFound:
                return None

    def _download(self, path: str) -> tuple[bytes, int]:
        """One attempt at the whole object.

        The client's own retry would go on where the last attempt broke off: it doesn't verify what it has put
        together so, and takes an object that was replaced meanwhile for one that isn't there.
        """
        blob = self._blob(path)
        try:
            content = blob.download_as_bytes(checksum="crc32c", retry=None, timeout=_TIMEOUT_SEC)
        except DataCorruption as fault:  # on its way: the next attempt may bring it whole
            raise ConnectionError(f"what came isn't what is there: {fault}") from fault
        # The generation of this very content, from the download's own headers.
        return content, int(blob.generation)

    def list(self, prefix: str) -> builtins.list[str]:
        return [entry.path for entry in self.entries(prefix)]

    def entries(self, prefix: str) -> builtins.list[Entry]:
        with self._errors():
            blobs = self._client.list_blobs(
                self.bucket,
                prefix=self.prefix + prefix,
                fields="items(name,generation,size,timeCreated,crc32c),nextPageToken",
                retry=self._retry,
                timeout=_TIMEOUT_SEC,
            )
            return sorted(
                Entry(
                    blob.name.removeprefix(self.prefix),
                    int(blob.generation),
                    int(blob.size),
                    blob.time_created,
                    blob.crc32c,
                )
                for blob in blobs
            )

    def commit(
        self, path: str, content: bytes, expected_generation: int, metadata: Mapping[str, str] | None = None
    ) -> int:
        blob = self._blob(path)
        if metadata:
            blob.metadata = metadata
        with self._errors():
            try:
                blob.upload_from_string(
                    content,
                    content_type=_CONTENT_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
                    if_generation_match=expected_generation,
                    checksum="crc32c",
                    retry=self._retry,
                    timeout=_TIMEOUT_SEC,
                )
            except PreconditionFailed:
                # The client repeats an upload whose reply was lost, and then meets its own object.
                current = self.read(path)
                if current is None or current[0] != content:
                    raise self._conflict(path) from None
                return current[1]
            return int(blob.generation)

    def delete(self, path: str, expected_generation: int) -> None:
        with self._errors(), suppress(NotFound):
            try:
                self._blob(path).delete(
                    if_generation_match=expected_generation, retry=self._retry, timeout=_TIMEOUT_SEC
                )
            except PreconditionFailed:
                raise self._conflict(path) from None

    def _blob(self, path: str) -> Any:
        return self._client.bucket(self.bucket).blob(self.prefix + path)

    def _conflict(self, path: str) -> ConflictError:
        return ConflictError(
            f"Another writer replaced gs://{self.bucket}/{self.prefix}{path} in the meantime.",
            "Let the other run of the same slot end, then clear the task.",
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns the client's errors into ``StorageError``."""
        try:
            yield
        except NotFound as fault:
            raise StorageError(
                f"There is no bucket {self.bucket}.", "Create it, or correct the study's storage."
            ) from fault
        except (Forbidden, Unauthorized) as fault:
            raise self._locked_out(fault) from fault
        except (GoogleAPIError, TransportError, RequestException, DataCorruption, ConnectionError) as fault:
            raise StorageError(f"gs://{self.bucket} can't be reached: {fault}.", "Clear the task later.") from fault
        except (GoogleAuthError, AirflowException, OSError) as fault:  # no connection, no credentials, no key file
            raise self._locked_out(fault) from fault

    def _locked_out(self, fault: Exception) -> StorageError:
        return StorageError(
            f"gs://{self.bucket} can't be used: {str(fault).rstrip('.')}.",
            "Give Airflow's connection google_cloud_default credentials with the role Storage Object User there.",
        )
