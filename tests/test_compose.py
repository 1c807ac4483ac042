"""The compose file, the image and `.env`: what holds without an engine to run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

import llm_bench
from llm_bench.local.config import Config
from project_scripts import load

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TEXT = COMPOSE.read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
PROFILES = sorted({profile for service in SERVICES.values() for profile in service.get("profiles", ())})
ONCE = {"airflow-init", "first-batch", "ollama-model"}
"""Services that end."""
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("llm-bench:")]
VARIABLES = re.findall(r"(?<!\$)\$\{(\w+)(:[?-][^}]*)?\}", TEXT)
"""(name, ``:-default`` or ``:?complaint``)."""


ENV = load(ROOT / "scripts" / "env.py")


def image_settings() -> dict[str, str]:
    """The image's environment."""
    settings: dict[str, str] = {}
    for block in re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE):
        settings |= dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())
    return settings


def make_env(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / "env.py", path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if re.match(r"\w+=", line))


def compose_command() -> list[str]:
    """Docker's own reader of the file, which needs no engine for it."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], capture_output=True, check=False).returncode
        ):
            return command
    pytest.skip("docker compose isn't installed; the specification's schema is tried all the same")


class TestTheComposeFile:
    def test_is_what_the_specification_says(self):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("profile", ["", *PROFILES])
    def test_is_accepted_by_docker_compose(self, tmp_path: Path, profile: str):
        command = compose_command()
        shutil.copy(COMPOSE, tmp_path)
        make_env(tmp_path / ".env")
        done = subprocess.run(
            [*command, "--profile", profile, "config", "--quiet"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""

    def test_asks_for_make_env_where_a_secret_is_missing(self, tmp_path: Path):
        command = compose_command()
        shutil.copy(COMPOSE, tmp_path)
        (tmp_path / ".env").touch()
        done = subprocess.run(
            [*command, "config", "--quiet"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert "run make env" in done.stderr

    def test_has_the_profiles_that_are_promised(self):
        assert PROFILES == ["flower", "gcs", "hosts", "ollama"]

    def test_pins_every_image(self):
        images = {service["image"] for service in SERVICES.values()} | set(
            re.findall(r"^ARG \w*IMAGE=(.+)$", DOCKERFILE, re.M)
        )
        assert len(images) > 5
        for image in images:
            name, _, tag = image.partition(":")
            parts = 2 if name == "postgres" else 3  # Postgres has versions of two numbers
            assert re.fullmatch(rf"\d+(\.\d+){{{parts - 1}}}(-[a-z]+)*", tag), image

    def test_has_its_workers_share_one_account_of_limits_apart_from_the_queue(self):
        settings = SERVICES["airflow-worker"]["environment"]
        queue, pacing = settings["AIRFLOW__CELERY__BROKER_URL"], settings["LLM_BENCH_PACING"]
        assert pacing.rpartition("/")[0] == queue.rpartition("/")[0]
        assert pacing != queue

    def test_names_the_image_after_the_package_version(self):
        assert {SERVICES[name]["image"] for name in OURS} == {f"llm-bench:{llm_bench.__version__}"}

    def test_waits_only_for_what_can_come(self):
        for name, service in SERVICES.items():
            for needed, how in service.get("depends_on", {}).items():
                if how["condition"] == "service_healthy":
                    assert "healthcheck" in SERVICES[needed], (name, needed)
                elif how["condition"] == "service_completed_successfully":
                    assert needed in ONCE, (name, needed)

    @pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONCE))
    def test_watches_and_restarts_what_must_go_on(self, name: str):
        assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert SERVICES[name]["restart"] == "unless-stopped"

    def test_lets_workers_be_scaled(self):
        assert not {"ports", "container_name", "hostname"} & SERVICES["airflow-worker"].keys()

    def test_is_reached_from_this_machine_alone(self):
        ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
        assert ports.keys() == {"airflow-apiserver", "airflow-apiserver-2", "flower"}
        assert all(port.startswith("127.0.0.1:") for listed in ports.values() for port in listed)

    def test_mounts_only_what_the_repository_holds(self):
        mounts = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
        bound = [mount for mount in mounts if mount.startswith((".", "/", "~"))]
        tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert bound == ["./include"]
        assert all(f"\n{mount.removeprefix('./')}/" in f"\n{tracked}" for mount in bound)

    def test_gives_the_second_host_no_disk_of_the_first(self):
        def disks(names: set[str]) -> set[str]:
            volumes = {volume for name in names for volume in SERVICES[name].get("volumes", ())}
            return {volume.split(":")[0] for volume in volumes} - {"./include"}

        second = {name for name, service in SERVICES.items() if service.get("profiles") == ["hosts"]}
        assert second == {"airflow-worker-2", "airflow-apiserver-2"}
        assert disks(second)
        assert not disks(second) & disks(set(OURS) - second)

    def test_has_a_second_host_that_runs_what_the_first_does(self):
        for name in ("airflow-worker", "airflow-apiserver"):
            first, second = SERVICES[name], SERVICES[f"{name}-2"]
            for key in ("image", "command", "environment", "healthcheck", "restart", "cap_drop", "security_opt"):
                assert first[key] == second[key], (name, key)

    def test_declares_its_volumes(self):
        declared = yaml.safe_load(TEXT)["volumes"].keys()
        used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
        assert {name for name in used if not name.startswith(".")} == declared


class TestSecrets:
    def test_come_from_env_alone(self):
        secret = re.compile(r"PASSWORD$|SECRET|_KEY$|AUTH$")
        secrets = {
            (key, str(value))
            for service in SERVICES.values()
            for key, value in service.get("environment", {}).items()
            if secret.search(key)
        }
        assert len(secrets) >= 6
        for key, value in secrets:
            assert re.fullmatch(r"(admin:)?\$\{\w+:\?run make env\}", value), key

    def test_stand_in_addresses_only_as_variables(self):
        addresses = re.findall(r"://([^/\n]*)@", TEXT)
        assert len(addresses) == 3
        assert all(re.fullmatch(r"(airflow)?:\$\{\w+:\?run make env\}", address) for address in addresses)

    def test_are_all_made_by_make_env(self):
        required = {name for name, how in VARIABLES if how.startswith(":?")}
        assert required == ENV.SECRETS.keys()

    def test_settings_with_a_default_are_told_in_env(self):
        for name, how in VARIABLES:
            if not how.startswith(":?"):
                assert f"#{name}={how.removeprefix(':-')}\n" in ENV.HEADER

    def test_are_kept_out_of_git_and_of_the_image(self):
        ignored = subprocess.run(["git", "check-ignore", "--quiet", ".env"], cwd=ROOT, check=False)
        assert ignored.returncode == 0
        allowed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
        assert not any(line.startswith("!.") for line in allowed)


class TestTheImage:
    def test_is_run_by_no_root(self):
        users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
        assert users[-1] == "airflow"
        assert not any("user" in SERVICES[name] for name in OURS)
        assert all(SERVICES[name]["cap_drop"] == ["ALL"] for name in OURS)

    def test_gets_nothing_but_what_it_is_made_of(self):
        copied = {name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M) for name in line.split()}
        allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        assert copied == allowed
        assert all((ROOT / name).exists() for name in copied)

    def test_builds_its_packages_before_the_code_comes(self):
        assert (
            DOCKERFILE.index("COPY requirements.txt")
            < DOCKERFILE.index("uv pip install")
            < DOCKERFILE.index("COPY plugins")
        )

    def test_leaves_out_the_tools_of_development(self):
        kept = re.findall(r"^([\w.-]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
        assert {"apache-airflow", "celery", "litellm", "torch", "duckdb"} <= set(kept)
        assert not {"pytest", "mypy", "playwright"} & set(kept)
        assert "--requirement requirements.txt --constraint requirements.lock" in DOCKERFILE

    def test_owns_the_folders_that_volumes_are_mounted_on(self):
        owned = re.search(r"install --directory --owner airflow.*", DOCKERFILE)
        assert owned is not None
        folders = {str(Path("/opt/llm-bench", folder)) for folder in owned.group().split()[6:]}
        written = {
            target
            for name in OURS
            for target, *mode in (volume.split(":")[1:] for volume in SERVICES[name].get("volumes", ()))
            if mode != ["ro"]
        }
        assert len(written) == 3
        assert written < folders

    @pytest.mark.slow
    def test_sets_what_the_client_sets_before_it_imports_litellm(self):
        script = (
            "import os; before = set(os.environ); from llm_bench.measure.library import quiet_litellm; "
            "quiet_litellm(); print(*(f'{name}={os.environ[name]}' for name in set(os.environ) - before))"
        )
        names = ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_MODE")
        clean = {name: value for name, value in os.environ.items() if name not in names}
        done = subprocess.run([sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=True)
        seen = dict(pair.split("=") for pair in done.stdout.split())
        assert {name: seen[name] for name in names} == {name: image_settings()[name] for name in names}


class TestAirflowInContainers:
    """It is set up as the local Airflow is."""

    ELSEWHERE: frozenset[str] = frozenset({"AIRFLOW__API__HOST", "AIRFLOW__API__PORT"})
    """A container listens on all of its own addresses, at Airflow's own port."""
    OF_THE_PLACE = re.compile(r"PATH|FOLDER|FILE|URL|CONN$|SECRET|FERNET|EXECUTOR$|HEALTH_CHECK|HOME$")
    """What must differ: where things lie, secrets, and how the processes are spread."""

    @pytest.fixture
    def local(self, tmp_path: Path) -> dict[str, str]:
        from configparser import ConfigParser

        config = Config(tmp_path, 8080)
        config.write(ROOT)
        written = ConfigParser(interpolation=None)
        written.read(config.airflow_home / "airflow.cfg")
        settings = {
            f"AIRFLOW__{section.replace('.', '_')}__{key}".upper(): value
            for section in written.sections()
            for key, value in written[section].items()
        }
        return settings | {name: value for name, value in config.environment().items() if name not in os.environ}

    @pytest.fixture
    def ours(self) -> dict[str, str]:
        return image_settings() | {key: str(value) for key, value in SERVICES["airflow-worker"]["environment"].items()}

    def test_has_every_setting(self, local: dict[str, str], ours: dict[str, str]):
        assert len(local) > 15
        assert local.keys() - ours.keys() == self.ELSEWHERE

    def test_has_the_same_value_where_the_place_makes_no_difference(self, local: dict[str, str], ours: dict[str, str]):
        same = {name for name in local.keys() - self.ELSEWHERE if not self.OF_THE_PLACE.search(name)}
        assert len(same) >= 6
        for name in same:
            assert ours[name].lower() == local[name].lower(), name

    def test_shares_one_environment(self):
        shared = SERVICES["airflow-worker"]["environment"]
        for name in set(OURS) - {"baselines"}:
            assert shared.items() <= SERVICES[name]["environment"].items(), name
            assert SERVICES[name]["env_file"] == ".env"

    def test_reaches_its_own_services(self):
        hosts = re.findall(r"(?:://(?!\S*:\$)|@)([a-z][a-z-]*)(?=[:/]\S)", TEXT)
        assert set(hosts) - {"localhost"} <= SERVICES.keys()
        assert {"postgres", "redis", "airflow-apiserver", "baselines"} <= set(hosts)


class TestMakeEnv:
    def test_makes_every_secret_up(self, tmp_path: Path):
        first, second = tmp_path / "first", tmp_path / "second"
        assert make_env(first).returncode == make_env(second).returncode == 0
        assert values(first).keys() == values(second).keys() == ENV.SECRETS.keys()
        assert not set(values(first).values()) & set(values(second).values())

    def test_makes_them_long_enough(self, tmp_path: Path):
        make_env(tmp_path / ".env")
        made = values(tmp_path / ".env")
        Fernet(made["AIRFLOW_FERNET_KEY"])
        assert len(made["AIRFLOW_JWT_SECRET"]) >= 64  # HS512 signs with 64 bytes
        assert min(map(len, made.values())) >= 24

    def test_makes_them_of_letters_that_neither_compose_nor_an_address_reads_otherwise(self, tmp_path: Path):
        make_env(tmp_path / ".env")
        assert all(re.fullmatch(r"[A-Za-z0-9_=-]+", value) for value in values(tmp_path / ".env").values())

    def test_is_for_its_owner_alone(self, tmp_path: Path):
        new, old = tmp_path / "new", tmp_path / "old"
        old.touch(mode=0o644)
        for path in (new, old):
            make_env(path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_keeps_what_is_there_and_adds_what_is_missing(self, tmp_path: Path):
        path = tmp_path / ".env"
        path.write_text("GROQ_API_KEY=mine\nPOSTGRES_PASSWORD=chosen\nREDIS_PASSWORD=")  # no line end, and no value
        make_env(path)
        assert path.read_text().startswith("GROQ_API_KEY=mine\nPOSTGRES_PASSWORD=chosen\nREDIS_PASSWORD=\n")
        assert values(path)["POSTGRES_PASSWORD"] == "chosen"  # pragma: allowlist secret
        assert values(path)["REDIS_PASSWORD"]

    def test_changes_nothing_the_second_time(self, tmp_path: Path):
        path = tmp_path / ".env"
        make_env(path)
        before = path.read_bytes()
        assert "nothing is missing" in make_env(path).stdout
        assert path.read_bytes() == before

    def test_tells_no_secret(self, tmp_path: Path):
        said = make_env(tmp_path / ".env")
        assert "AIRFLOW_PASSWORD" in said.stdout
        assert not any(value in said.stdout + said.stderr for value in values(tmp_path / ".env").values())

    def test_says_in_one_line_what_is_wrong(self, tmp_path: Path):
        done = make_env(tmp_path / "nowhere" / ".env")
        assert done.returncode == 1
        assert done.stderr == f"llm-bench: {tmp_path}/nowhere/.env can't be written: No such file or directory.\n"


class TestAHealthCheck:
    @pytest.fixture
    def url(self) -> Iterator[str]:
        class Airflow(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/health" else 503)
                self.end_headers()
                parts = {"well": {"status": "healthy"}, "ill": {"status": "unhealthy"}, "absent": {"status": None}}
                self.wfile.write(json.dumps(parts).encode())

            def log_message(self, *words: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Airflow) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    def passes(self, *arguments: str) -> bool:
        command = [sys.executable, "-IS", ROOT / "scripts" / "healthy.py", *arguments]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def test_passes_where_something_answers(self, url: str):
        assert self.passes(f"{url}/health")

    def test_fails_where_an_error_answers_or_nobody_does(self, url: str):
        assert not self.passes(f"{url}/elsewhere")
        assert not self.passes("http://127.0.0.1:9/health")

    def test_tells_one_part_from_the_others(self, url: str):
        assert self.passes(f"{url}/health", "well")
        assert not self.passes(f"{url}/health", "ill")
        assert not self.passes(f"{url}/health", "absent")
        assert not self.passes(f"{url}/health", "unheard-of")

    def test_lies_where_the_services_look_for_it(self):
        asked = {
            argument
            for service in SERVICES.values()
            for argument in service.get("healthcheck", {}).get("test", ())
            if argument.endswith(".py")
        }
        assert asked == {"scripts/healthy.py"}
        assert "COPY scripts/healthy.py scripts/" in DOCKERFILE
