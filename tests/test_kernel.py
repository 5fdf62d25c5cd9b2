"""What ``kernel`` puts into pyfuse3 works with the one that is installed, and is taken back."""

from __future__ import annotations

import pyfuse3
import pytest
import trio

from fsmount import kernel
from fsmount.leading import Lead


def test_pyfuse3_takes_the_lock_that_is_put_there_and_has_its_own_again():
    """Both names exist in the version that is installed."""
    lead, loop = Lead(), pyfuse3._session_loop
    with kernel._receiving_under(lead):
        assert pyfuse3.trio.Lock() is lead
        assert pyfuse3._session_loop is not loop
        for name in ("open_nursery", "lowlevel", "ClosedResourceError"):
            assert getattr(pyfuse3.trio, name) is getattr(trio, name)
    assert pyfuse3.trio is trio
    assert pyfuse3._session_loop is loop


async def test_a_task_that_ends_hands_the_lead_on(monkeypatch):
    """As pyfuse3's do when there are more of them than are needed."""
    lead, ends, receiving = Lead(), trio.Event(), []

    async def receive(name):
        async with lead:
            receiving.append(name)
        await ends.wait()  # not through the lead: only the end of the task lets it go

    monkeypatch.setattr(pyfuse3, "_session_loop", receive)
    with kernel._receiving_under(lead):
        async with trio.open_nursery() as nursery:
            for name in ("first", "second"):
                nursery.start_soon(pyfuse3._session_loop, name)
                await trio.testing.wait_all_tasks_blocked()
            assert receiving == ["first"]
            ends.set()
    assert receiving == ["first", "second"]


def test_a_pyfuse3_of_another_shape_keeps_its_own_lock(monkeypatch):
    """Slower, not wrong."""
    monkeypatch.delattr(pyfuse3, "_session_loop")
    with kernel._receiving_under(Lead()):
        assert pyfuse3.trio is trio


@pytest.mark.parametrize("fails", [False, True])
def test_the_names_are_given_back_whatever_happens(fails):
    """The next mount of this process may be another's."""
    try:
        with kernel._receiving_under(Lead()):
            if fails:
                raise RuntimeError
    except RuntimeError:
        assert fails
    assert pyfuse3.trio is trio
