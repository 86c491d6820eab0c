"""The deployment that the tests of this folder ask."""

import pytest

from tests.export.deployment import Deployment, deploy


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deploy(tmp_path_factory.mktemp("deployment") / "shop")
