"""The object store in a Google Cloud Storage bucket. Imported only where a study asks for one: it brings the client."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowException
from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, PreconditionFailed, Unauthorized
from google.auth.exceptions import GoogleAuthError, TransportError
from requests import RequestException

from llm_bench.errors import ConflictError, StorageError

_CONTENT_TYPES = {".parquet": "application/vnd.apache.parquet", ".json": "application/json"}


class GCSStore:
    """A bucket, or the part of one under a prefix, through the Airflow connection ``google_cloud_default``."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        with self._errors():
            self._client: Any = GCSHook().get_conn()

    def read(self, path: str) -> tuple[bytes, int] | None:
        blob = self._client.bucket(self.bucket).blob(self.prefix + path)
        with self._errors():
            try:
                content = blob.download_as_bytes(checksum="crc32c")
            except NotFound:
                return None
            # The generation of this very content, from the download's own headers.
            return content, int(blob.generation)

    def list(self, prefix: str) -> builtins.list[str]:
        with self._errors():
            blobs = self._client.list_blobs(
                self.bucket, prefix=self.prefix + prefix, fields="items(name),nextPageToken"
            )
            return sorted(blob.name.removeprefix(self.prefix) for blob in blobs)

    def commit(self, path: str, content: bytes, expected_generation: int) -> int:
        blob = self._client.bucket(self.bucket).blob(self.prefix + path)
        with self._errors():
            try:
                blob.upload_from_string(
                    content,
                    content_type=_CONTENT_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
                    if_generation_match=expected_generation,
                    checksum="crc32c",
                )
            except PreconditionFailed:
                # The client repeats an upload whose reply was lost, and then meets its own object.
                current = self.read(path)
                if current is None or current[0] != content:
                    raise ConflictError(
                        f"Another writer replaced gs://{self.bucket}/{self.prefix}{path} in the meantime.",
                        "Let the other run of the same slot end, then clear the task.",
                    ) from None
                return current[1]
            return int(blob.generation)

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
        except (GoogleAPIError, TransportError, RequestException) as fault:
            raise StorageError(f"gs://{self.bucket} can't be reached: {fault}.", "Clear the task later.") from fault
        except (GoogleAuthError, AirflowException, OSError) as fault:  # no connection, no credentials, no key file
            raise self._locked_out(fault) from fault

    def _locked_out(self, fault: Exception) -> StorageError:
        return StorageError(
            f"gs://{self.bucket} can't be used: {str(fault).rstrip('.')}.",
            "Give Airflow's connection google_cloud_default credentials with the role Storage Object User there.",
        )
