"""The configuration of the local Airflow, with secrets of its own."""

from __future__ import annotations

import configparser
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

XCOM_THRESHOLD_BYTES = 64 * 1024
"""Larger results go to files instead of the metadata database."""


@dataclass(frozen=True, slots=True)
class Config:
    """The folders and the port of the local Airflow.

    :param home: the project's folder; Airflow's own home is ``.airflow`` in it.
    :param port: of the UI and the REST API, on 127.0.0.1.
    """

    home: Path
    port: int

    @property
    def airflow_home(self) -> Path:
        return self.home / ".airflow"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def passwords(self) -> Path:
        return self.airflow_home / "passwords.json"

    def environment(self, user: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment of every Airflow process.

        :param user: the environment that it is started in.
        """
        return {
            "HF_HUB_OFFLINE": "1",
            **user,
            "AIRFLOW_HOME": str(self.airflow_home),
            "LLM_BENCH_HOME": str(self.home),
            "MALLOC_ARENA_MAX": "2",  # else glibc keeps apart what each of a server's threads has freed
            "PYTHONUNBUFFERED": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }

    def write(self, project: Path) -> None:
        """Writes ``airflow.cfg``, keeping the secrets of an earlier one.

        :param project: the folder that holds ``dags/``, and ``plugins/`` where there are others than ours.
        """
        path = self.airflow_home / "airflow.cfg"
        before = configparser.ConfigParser(interpolation=None)
        before.read(path)

        def secret(section: str, key: str) -> str:
            return before.get(section, key, fallback="") or urlsafe_b64encode(secrets.token_bytes(32)).decode()

        settings: dict[str, dict[str, object]] = {
            "core": {
                "dags_folder": project / "dags",
                "plugins_folder": project / "plugins",
                "load_examples": False,
                "executor": "LocalExecutor",
                "fernet_key": secret("core", "fernet_key"),
                "execution_api_server_url": f"{self.url}/execution/",
                "simple_auth_manager_users": "admin:admin",
                "simple_auth_manager_passwords_file": self.passwords,
                "xcom_backend": "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend",
                "test_connection": "Enabled",
            },
            "common.io": {
                "xcom_objectstorage_path": f"file://{self.airflow_home}/xcom",
                "xcom_objectstorage_threshold": XCOM_THRESHOLD_BYTES,
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{self.airflow_home}/airflow.db"},
            "api": {
                "host": "127.0.0.1",
                "port": self.port,
                "base_url": self.url,
                "secret_key": secret("api", "secret_key"),
                "expose_config": False,
            },
            "api_auth": {"jwt_secret": secret("api_auth", "jwt_secret")},
            "dag_processor": {"refresh_interval": 30},
            "logging": {"base_log_folder": self.airflow_home / "logs"},
            "scheduler": {"enable_health_check": False},
            "usage_data_collection": {"enabled": False},
        }
        after = configparser.ConfigParser(interpolation=None)
        after.read_dict(
            {name: {key: str(value) for key, value in section.items()} for name, section in settings.items()}
        )
        self.airflow_home.mkdir(parents=True, exist_ok=True)
        self.airflow_home.chmod(0o700)  # Airflow writes the login's password to a file in it, and to a log
        path.touch(mode=0o600)  # secrets are in it, so it is for its owner alone from its first byte
        with path.open("w", encoding="utf-8") as file:
            after.write(file)


def local_airflow(home: Path) -> Path | None:
    """Home of the project's own Airflow; None where there is none, so that another one is meant."""
    own = Config(home, 0).airflow_home
    return own if (own / "airflow.cfg").exists() else None
