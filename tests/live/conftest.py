"""The site under test, and a clean place for everything that is kept of it."""

from __future__ import annotations

import pytest

from tests.live.site import Site, described
from tests.mount.standing import Places


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """The site that the environment names."""
    told = described()
    return Site(told=told, places=Places(tmp_path_factory.mktemp("live").resolve()))


@pytest.fixture
def expect_log(request):
    """Announce a WARNING once it is certain that the test runs; a skipped one logs nothing."""
    return lambda text: request.applymarker(pytest.mark.logs(text))
