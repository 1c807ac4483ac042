from __future__ import annotations

import pytest

from report.everything import Everything


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """A made-up study with everything on."""
    return Everything.made(tmp_path_factory.mktemp("everything"))
