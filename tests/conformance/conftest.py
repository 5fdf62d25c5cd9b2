"""One world per test: an emulator of its own, so that faults and clocks disturb nobody."""

from __future__ import annotations

import pytest

from tests.conformance.cases import CASES, open_world
from tests.conformance.tree import make_tree


@pytest.fixture(params=CASES, ids=str)
def case(request):
    """Each case in turn."""
    return request.param


@pytest.fixture
async def world(case, tmp_path):
    """The case's emulator over all of the tree that the provider can hold."""
    root, state = tmp_path / "tree", tmp_path / "state"
    root.mkdir()
    state.mkdir()
    async with open_world(case, make_tree(root, case.holds), state) as world:
        yield world
