"""What a disk cache has, in memory: counted, found, dropped, the one read longest ago first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fsmount.cache.inventory import Inventory, content_name, place_of
from fsmount.cache.memory import CELL
from fsmount.cache.records import Extent, Record, charge_of
from fsmount.model import ContentKey

KEYS = [ContentKey("remote", f"c{number}", 1 << 30) for number in range(4)]
CHARGE = charge_of(1)


def record(key, block=0, name="aa/00.val"):
    return Record(f"{place_of(key, block)}-1", name, CELL, (Extent(0, 1, 0),))


def test_a_record_in_place_of_another_is_not_deleted():
    """Its key is the same, and so is its row."""
    kept = Inventory([record(KEYS[0])])
    newer = record(KEYS[0], name="bb/11.val")
    kept.insert(newer)
    assert (list(kept.of(KEYS[0], 0)), kept.deletes, len(kept)) == ([newer], [], 1)
    assert newer in kept
    assert record(KEYS[0]) not in kept


def test_pinned_records_go_only_when_they_alone_are_too_much():
    """And others before them, whatever was read when."""
    records = [record(key, block) for key in KEYS for block in range(3)]
    kept = Inventory(records, [KEYS[0]])
    kept.evict(target=CHARGE, most=3 * CHARGE, records=100)
    assert [len(kept.of(KEYS[0], block)) for block in range(3)] == [1, 1, 1]
    assert (len(kept), kept.given_up, len(kept.deletes)) == (3, 0, 9)
    kept.evict(target=CHARGE, most=2 * CHARGE, records=100)
    assert (len(kept), kept.given_up) == (2, 1)
    kept.unpin(KEYS[0])
    kept.evict(target=CHARGE, most=2 * CHARGE, records=100)
    assert len(kept) == 1


acts = st.lists(
    st.tuples(
        st.sampled_from(["insert", "read", "drop", "pin", "unpin", "discard", "evict"]),
        st.sampled_from(KEYS),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(acts)
def test_the_count_of_bytes_is_that_of_the_records(done):
    """Whatever was done; and what is dropped is on the list of what to delete."""
    kept = Inventory()
    inserted = set()
    for act, key, block in done:
        there = kept.of(key, block)
        match act:
            case "insert":
                inserted.add(record(key, block).key)
                kept.insert(record(key, block))
                kept.deletes = [gone for gone in kept.deletes if gone != record(key, block).key]
            case "read":
                kept.read(there)
            case "drop" if there:
                kept.drop(there[0])
            case "pin":
                kept.pin(key)
            case "unpin":
                kept.unpin(key)
            case "discard":
                kept.discard({content_name(key)})
            case "evict":
                kept.evict(target=block * CHARGE, most=(block + 1) * CHARGE, records=4)
                assert kept.bytes <= (block + 1) * CHARGE
    held = {one.key for key in KEYS for block in range(4) for one in kept.of(key, block)}
    assert kept.bytes == len(held) * CHARGE == len(kept) * CHARGE
    assert held | set(kept.deletes) == inserted
    assert held.isdisjoint(kept.deletes)
    assert kept.touches.keys() <= held
