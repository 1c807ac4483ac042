"""The store on Google Cloud Storage, against an emulator: what is its own (see test_store for what all stores do)."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import impersonated_credentials

from doubles import gcs
from llm_bench.errors import StorageError
from llm_bench.store.base import from_parquet, lineage_of, object_path, open_store, to_parquet
from llm_bench.store.exports import export
from llm_bench.store.gcs import RETRY, GCSStore

pytestmark = pytest.mark.slow

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
PATH = "records/study=thesis/date=2026-12-07/20261207T075125.714285Z.parquet"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with gcs.serving() as url:
        yield url


@pytest.fixture
def connected(server, monkeypatch):
    gcs.connect(server, monkeypatch)


@pytest.fixture
def url(request):
    """A prefix of each test's own."""
    return f"gs://studies/{request.node.name}"


@pytest.fixture
def store(connected, url, tmp_path):
    return open_store(url, tmp_path)


class TestObjects:
    def test_lie_under_the_prefix_of_the_bucket(self, store, url, tmp_path):
        store.commit("records/a", b"x", 0)
        folder = url.removeprefix("gs://studies/")
        assert f"{folder}/records/a" in open_store("gs://studies", tmp_path).list("")

    def test_are_listed_with_the_checksum_of_their_content(self, store):
        store.commit("records/a", b"123456789", 0)
        (entry,) = store.entries("")
        assert entry.crc32c == "4waSgw=="  # 0xE3069283, the check value of CRC-32C

    def test_show_where_their_records_come_from(self, store, server, url):
        store.commit("records/a", b"x", 0, {"run_id": "scheduled__2026", "records": "80"})
        name = urllib.parse.quote(f"{url.removeprefix('gs://studies/')}/records/a", safe="")
        with urllib.request.urlopen(f"{server}/storage/v1/b/studies/o/{name}") as reply:
            assert json.load(reply)["metadata"] == {"run_id": "scheduled__2026", "records": "80"}

    def test_in_a_missing_bucket_cannot_be_put(self, connected, tmp_path):
        with pytest.raises(StorageError, match=r"There is no bucket nowhere\. Create it"):
            open_store("gs://nowhere/prefix", tmp_path).commit(PATH, b"one", 0)


class TestConnection:
    @pytest.mark.parametrize("extra", ['{"key_path": "/nowhere.json"}', '{"keyfile_dict": "{nonsense"}'])
    def test_without_usable_credentials_is_named(self, connected, monkeypatch, tmp_path, extra):
        connection = f'{{"conn_type": "google_cloud_platform", "extra": {extra}}}'
        monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", connection)
        with pytest.raises(StorageError, match="Give Airflow's connection google_cloud_default credentials"):
            open_store("gs://studies", tmp_path)

    @pytest.mark.parametrize(
        ("chain", "delegates"),
        [("keeper@p.iam.gserviceaccount.com", None), ("first@p.x, keeper@p.iam.gserviceaccount.com", ["first@p.x"])],
    )
    def test_acts_as_the_service_account_that_it_names(self, connected, monkeypatch, tmp_path, chain, delegates):
        extra = {"key_path": str(service_account(tmp_path)), "impersonation_chain": chain}
        connection = {"conn_type": "google_cloud_platform", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps(connection))
        credentials = open_store("gs://studies", tmp_path)._client._credentials
        assert isinstance(credentials, impersonated_credentials.Credentials)
        assert credentials.service_account_email == "keeper@p.iam.gserviceaccount.com"
        assert credentials._delegates == delegates
        assert credentials._source_credentials.service_account_email == "airflow@p.iam.gserviceaccount.com"

    def test_to_an_address_where_nobody_answers_is_told(self, connected, monkeypatch):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{gcs.free_port()}")
        store = GCSStore("studies", "", RETRY.with_timeout(0.0))
        with pytest.raises(StorageError, match="gs://studies can't be reached"):
            store.read(PATH)


def service_account(folder: Path) -> Path:
    """A key file of a service account, with a key made up on the spot."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    content = {
        "type": "service_account",
        "project_id": "p",
        "private_key": key.decode(),
        "client_email": "airflow@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    file = folder / "key.json"
    file.write_text(json.dumps(content))
    return file


class TestBatch:
    def test_is_kept_with_its_lineage_and_exported(self, store, tmp_path, make_batch):
        path, named = object_path("records", "thesis", SLOT), lineage_of(make_batch())
        store.commit(path, to_parquet(make_batch(), lineage=named), 0, named)
        assert from_parquet(store.read(path)[0]) == make_batch()
        assert export(store, tmp_path) == 80
