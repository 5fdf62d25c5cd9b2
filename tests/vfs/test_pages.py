"""One listing under way: duplicates, endless ones, and where a stopped one goes on."""

from __future__ import annotations

import pytest

from fsmount import errors
from fsmount.model import Entry, EntryId, Kind, Page
from fsmount.vfs.pages import Arrival


def page(*ids, then=None):
    entries = [Entry(id=EntryId(i), name=i, kind=Kind.FILE) for i in ids]
    return Page(entries=entries, next_cursor=then)


def ids(entries):
    return [entry.id for entry in entries]


def test_an_entry_that_comes_twice_is_taken_once():
    """Some servers repeat the last item of a page on the next one."""
    arrival = Arrival(0.0)
    assert ids(arrival.take(page("a", "b", "a", then="1"))) == ["a", "b"]
    assert ids(arrival.take(page("b", "c"))) == ["c"]
    assert list(arrival.entries) == ["a", "b", "c"]
    assert arrival.cursor is None


def test_a_page_token_that_comes_twice_is_cut_off():
    """An endless listing ends in an error."""
    arrival = Arrival(0.0)
    arrival.take(page("a", then="1"))
    arrival.take(page("b", then="2"))
    with pytest.raises(errors.ProtocolError, match="never ends"):
        arrival.take(page("c", then="1"))


def test_a_page_of_repeats_is_cut_off():
    """New tokens with old entries are endless too."""
    arrival = Arrival(0.0)
    arrival.take(page("a", then="1"))
    with pytest.raises(errors.ProtocolError, match="nothing new"):
        arrival.take(page("a", then="2"))


def test_a_last_page_of_repeats_is_a_good_end():
    """Without a next token it is over, whatever it repeats."""
    arrival = Arrival(0.0)
    arrival.take(page("a", then="1"))
    assert arrival.take(page("a")) == []


def test_empty_pages_are_borne_for_a_while():
    """A provider that filters after cutting sends some; one that sends only them is cut off."""
    arrival = Arrival(0.0)
    for number in range(20):
        arrival.take(page(then=f"x{number}"))
    arrival.take(page("a", then="y"))
    for number in range(20):
        arrival.take(page(then=f"z{number}"))
    with pytest.raises(errors.ProtocolError):
        arrival.take(page(then="last"))


@pytest.mark.parametrize(
    ("failure", "goes_on"),
    [
        (errors.Unreachable("x"), True),
        (errors.TimedOut("x"), True),
        (errors.Blocked("x"), True),
        (errors.LoginLost("x"), True),
        (errors.ProviderFault("x"), True),
        (errors.ProtocolError("x"), False),
        (errors.Gone("x"), False),
        (errors.NotFound("x"), False),
    ],
)
def test_a_listing_goes_on_where_the_cursor_is_still_good(failure, goes_on):
    """What says nothing about the cursor lets the listing go on after it."""
    arrival = Arrival(0.0)
    arrival.take(page("a", then="1"))
    assert arrival.stop(failure) is goes_on
    assert arrival.failure is failure


def test_a_fault_twice_at_the_same_place_gives_the_place_up():
    """A page token that went stale is answered with a fault; it would be so for ever."""
    arrival = Arrival(0.0)
    arrival.take(page("a", then="1"))
    assert arrival.stop(errors.ProviderFault("x"))
    assert not arrival.stop(errors.ProviderFault("x"))


def test_a_fault_after_a_page_starts_counting_anew():
    """A page between two faults shows that the place was good."""
    arrival = Arrival(0.0)
    arrival.take(page("a", then="1"))
    assert arrival.stop(errors.ProviderFault("x"))
    arrival.take(page("b", then="2"))
    assert arrival.stop(errors.ProviderFault("x"))


def test_without_a_page_there_is_no_place_to_go_on():
    """The first page's failure leaves nothing."""
    assert not Arrival(0.0).stop(errors.Unreachable("x"))
