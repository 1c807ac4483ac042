#!/usr/bin/env python3
"""Writes `.env`, from which docker compose takes its secrets; `make env` runs it.

    python3 scripts/env.py [FILE]   writes FILE, else the checkout's .env

Each secret is made up here and now. What the file holds already stays as it is, so that running it again after an
upgrade adds only what is new. The file is for its owner alone.

Whatever `python3` is there runs this file: standard library only, nothing newer than Python 3.6.
"""

import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEADER = """\
# Secrets and settings of docker-compose.yaml, for this checkout alone. Keep a copy with your backups: without the
# Fernet key nobody can read the connections' passwords in a backup of the database.

# Where Airflow's UI and the dashboard are: http://localhost:8080.
#AIRFLOW_PORT=8080
# How many cells one worker measures at once, and the port of Flower (profile flower).
#WORKER_CONCURRENCY=8
#FLOWER_PORT=5555
# Profile hosts: the port of the second API server, and a folder of a bucket for results that pass between tasks, as
# gs://google_cloud_default@llm-bench/xcom.
#AIRFLOW_PORT_2=8081
#XCOM_PATH=file:///opt/airflow/xcom

# Keys of providers, e.g. these two, or any other that LiteLLM knows. Or add connections in Airflow's UI.
#GROQ_API_KEY=
#OPENROUTER_API_KEY=

# Moves a study's first batch, with its whole window.
#LLM_BENCH_START=2027-01-11T08:00:00+01:00

# The local LLM of the profile ollama: the model, and the connection for studies with hosted_vllm/<model>.
#OLLAMA_MODEL=llama3.2:1b
#AIRFLOW_CONN_LLM_HOSTED_VLLM='{"conn_type": "llm", "host": "http://ollama:11434/v1"}'

# The local object store of the profile gcs, for studies with storage gs://llm-bench/...
#STORAGE_EMULATOR_HOST=http://gcs:4443
#AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT='{"conn_type": "google_cloud_platform", "extra": {"is_anonymous": true, "project": "p"}}'
#NO_GCE_CHECK=true

"""  # noqa: E501  (a value is one line)


def fernet_key() -> str:
    """A key as Airflow's encryption of connections wants it: 32 bytes in URL-safe base64."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def token(size: int) -> str:
    """Random bytes as letters that neither an address nor compose reads as something else."""
    return secrets.token_urlsafe(size)


SECRETS = {
    "AIRFLOW_PASSWORD": ("Of the user admin, in Airflow's UI and in Flower.", lambda: token(18)),
    "AIRFLOW_FERNET_KEY": ("Encrypts the connections' passwords in the database.", fernet_key),
    "AIRFLOW_JWT_SECRET": ("Signs the tokens of users and of tasks.", lambda: token(64)),
    "AIRFLOW_SECRET_KEY": ("Signs sessions and requests for logs.", lambda: token(64)),
    "POSTGRES_PASSWORD": ("Of the user airflow in Postgres; taken when the database is made.", lambda: token(32)),
    "REDIS_PASSWORD": ("Of Redis.", lambda: token(32)),
}


def write(path: Path) -> list:
    """Adds to a file the secrets that it has no value for; their names."""
    descriptor = os.open(str(path), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        path.chmod(0o600)  # it may be there already, open to all
        before = file.read()
        added = [name for name in SECRETS if not re.search(f"^{name}=.", before, re.MULTILINE)]
        file.write("" if before.endswith("\n") else "\n" if before else HEADER)
        for name in added:
            comment, make = SECRETS[name]
            file.write(f"# {comment}\n{name}={make()}\n")
    return added


def main(arguments: list) -> int:
    """Writes the file, and prints what was added, but no value."""
    path = Path(arguments[0]) if arguments else ROOT / ".env"
    try:
        added = write(path)
    except OSError as error:
        print(f"llm-bench: {path} can't be written: {error.strerror}.", file=sys.stderr)
        return 1
    print(f"{path}: added {', '.join(added)}" if added else f"{path}: nothing is missing")
    print("Airflow's user is admin; the password is AIRFLOW_PASSWORD in that file.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
