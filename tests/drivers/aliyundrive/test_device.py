"""The device signature is the one that three other libraries agree on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fsmount.drivers.aliyundrive.device import ORDER, Device, message

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text())["signature"]


def device(vector):
    """Return the device of a vector."""
    return Device(id=vector["device_id"], key=vector["private_key"], user_id=vector["user_id"])


def test_there_are_vectors_to_check():
    """High s, and points that begin with zero bytes, among them."""
    assert len(VECTORS) == 6


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_vector_is_met_byte_by_byte(vector):
    """Low s, the recovery id that goes with it, numbers padded to their full length."""
    ours = device(vector)
    signed = message(ours.id, ours.user_id, vector["nonce"])
    assert signed.decode() == vector["message"]
    assert ours.public_key == vector["pub_key_uncompressed"]
    assert ours.signature(vector["nonce"]) == vector["x_signature"]


def test_a_new_device_is_nobody_elses_and_survives_being_kept():
    """Its key is a valid scalar, and a token keeps all of it."""
    one, other = Device.new("u"), Device.new("u")
    assert one.id != other.id
    assert 0 < int(one.key, 16) < ORDER
    assert Device.kept(one.extra) == one
    assert Device.kept({}) is None


def test_its_key_is_not_shown():
    """Not in a log, not in a traceback."""
    ours = device(VECTORS[0])
    assert ours.key not in repr(ours)
