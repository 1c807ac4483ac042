#!/usr/bin/env python3
"""Looks for secrets in the repository and for known vulnerabilities in its packages; `make audit` runs it.

    .venv/bin/python scripts/audit.py [FOLDER]   looks at FOLDER, else at this checkout

Secrets: every file that git tracks or would add, by detect-secrets. A line that only looks like holding one, or that
plants one for a test, says `pragma: allowlist secret` in a comment.

Vulnerabilities: requirements.lock, by pip-audit, which asks https://osv.dev (OSV_URL names a mirror's /v1/query).
Nothing is taken for an answer before that service has named what is wrong with a release of old: without it there is no
audit, and the last line says so. What is accepted for now stands in ACCEPTED, with a reason and a last day.

Exit status: 1 for a secret or a vulnerability that isn't accepted; else 0, also where there was no audit: a machine
without the internet has none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.settings import default_settings

ROOT = Path(__file__).resolve().parent.parent
OSV = "https://api.osv.dev/v1/query"
KNOWN_BAD = "django==1.2"
"""A release whose vulnerabilities every such service knows, and which nobody locks any more."""


class Accepted(NamedTuple):
    """A vulnerability that is known here and lived with.

    :param until: the last day; from then on it fails the audit as any other.
    """

    until: date
    why: str


ACCEPTED: Mapping[str, Accepted] = {}
"""The service's id of it → until when, and why."""

HARMLESS = r"…|^[A-Z_]+$|canary"
"""What stands for a secret: gsk_… and PASSWORD in a document, a canary in a test."""


class ProviderKeyDetector(RegexBasedDetector):
    """Keys of the providers of LLMs, which detect-secrets doesn't know by their looks."""

    secret_type = "Provider Key"  # pragma: allowlist secret
    denylist = (
        re.compile(r"\bgsk_[A-Za-z0-9]{20,}"),
        re.compile(r"\bsk-(?:or-v1|ant|proj)-[A-Za-z0-9_-]{20,}"),
        re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
        re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    )


class NotAuditedError(Exception):
    """The packages can't be audited; why."""


def secrets(folder: Path) -> Iterator[str]:
    """What looks like a secret, a line each; never the secret itself."""
    listed = ["git", "-C", str(folder), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    with default_settings() as settings:
        # A digest and an id are as random as a key.
        settings.disable_plugins("Base64HighEntropyString", "HexHighEntropyString")
        settings.filters["detect_secrets.filters.regex.should_exclude_secret"] = {"pattern": [HARMLESS]}
        settings.configure_plugins([{"name": "ProviderKeyDetector", "path": Path(__file__).resolve().as_uri()}])
        get_mapping_from_secret_type_to_class.cache_clear()  # it was asked before ours was there
        collection = SecretsCollection(root=str(folder))
        for name in filter(None, names):
            collection.scan_file(name)
    for name, secret in collection:
        yield f"{name}:{secret.line_number}: {secret.type}"


def vulnerabilities(lock: Path) -> Iterator[tuple[str, bool]]:
    """Known vulnerabilities of the locked packages, a line each, and whether it is accepted today.

    :raises NotAuditedError: the service can't be reached, or doesn't know what it should.
    """
    with tempfile.TemporaryDirectory() as folder:
        known_bad = Path(folder) / "requirements.txt"
        known_bad.write_text(KNOWN_BAD)
        if not any(package.get("vulns") for package in ask(known_bad)):
            raise NotAuditedError(f"the service finds nothing wrong with {KNOWN_BAD}, so its silence means nothing")
    for package in ask(lock):
        if "skip_reason" in package:
            raise NotAuditedError(package["skip_reason"])
        for vulnerability in package["vulns"]:
            fix = f"; fixed in {', '.join(vulnerability['fix_versions'])}" if vulnerability["fix_versions"] else ""
            accepted = ACCEPTED.get(vulnerability["id"])
            now = accepted is not None and datetime.now(UTC).date() <= accepted.until
            how = f"; accepted until {accepted.until}: {accepted.why}" if accepted else ""
            yield f"{package['name']} {package['version']}: {vulnerability['id']}{fix}{how}", now


def ask(requirements: Path) -> list[dict[str, Any]]:
    """What pip-audit says of each package.

    :raises NotAuditedError: it has no answer.
    """
    service = ["--vulnerability-service", "osv", "--osv-url", os.environ.get("OSV_URL", OSV)]
    how = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", *service]
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), *how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except ValueError:
        raise NotAuditedError((done.stderr.strip().splitlines() or ["pip-audit says nothing"])[-1]) from None


def main(arguments: list[str]) -> int:
    """Prints what was found; the exit status."""
    folder = Path(arguments[0]) if arguments else ROOT
    leaked = list(secrets(folder))
    print(f"secrets: {len(leaked) or 'none'}", *leaked, sep="\n  ")
    try:
        vulnerable = list(vulnerabilities(folder / "requirements.lock"))
    except NotAuditedError as reason:
        print(f"vulnerabilities of packages: not audited: {reason}")
        return int(bool(leaked))
    print(
        f"vulnerabilities of packages: {len(vulnerable) or 'none known'}", *(line for line, _ in vulnerable), sep="\n  "
    )
    return int(bool(leaked or not all(accepted for _, accepted in vulnerable)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
