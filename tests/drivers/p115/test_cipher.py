"""The envelope of link calls: every vector, both directions, and what is none."""

from __future__ import annotations

import json

import pytest

from fsmount.drivers.p115.cipher import KEY_BYTES, M115, REAL_MODULUS, derive, mix
from fsmount.errors import ProtocolError, UsageError
from fsmount.model import Call
from tests.drivers.p115.scripted import MODULUS, VECTORS, opened_form, sealed

REAL = M115()
TEST = M115.parse(MODULUS)


def cipher_of(vector):
    """Return the cipher with the modulus that a vector was made with."""
    return TEST if vector["modulus"] == "test" else REAL


def test_the_real_modulus_is_the_one_in_the_vectors():
    """One wrong digit would only show against the live service."""
    assert f"{REAL_MODULUS:x}" == VECTORS["real_n"]


@pytest.mark.parametrize("vector", VECTORS["derive"], ids=lambda v: f"{v['seed'][-2:]}-{v['n']}")
def test_keys_are_derived_as_the_service_derives_them(vector):
    """Of 4 and of 12 bytes."""
    assert derive(bytes.fromhex(vector["seed"]), vector["n"]).hex() == vector["key"]


@pytest.mark.parametrize("vector", VECTORS["mix"])
def test_mixing_begins_the_key_anew_after_the_odd_bytes(vector):
    """The first ``length % 4`` bytes have the key to themselves."""
    mixed = mix(bytes.fromhex(vector["data"]), bytes.fromhex(vector["key"]))
    assert mixed.hex() == vector["out"]


@pytest.mark.parametrize("vector", VECTORS["encode"], ids=lambda v: v["name"])
def test_what_is_asked_is_encoded_as_the_vectors_are(vector):
    """One and two RSA blocks, the real modulus and the test one."""
    key = bytes.fromhex(vector["k"])
    assert cipher_of(vector).encode(vector["plain"].encode(), key) == vector["text"]


@pytest.mark.parametrize("vector", VECTORS["decode"], ids=lambda v: v["name"])
def test_what_is_answered_is_decoded_as_the_vectors_are(vector):
    """Made with a private key, and an arbitrary block under the real modulus."""
    plain = cipher_of(vector).decode(vector["text"], bytes.fromhex(vector["k"]))
    expected = vector.get("plain")
    assert plain == (expected.encode() if expected else bytes.fromhex(vector["plain_hex"]))


@pytest.mark.parametrize("length", [0, 1, 3, 4, 100, 101, 102, 117, 234, 5000])
def test_any_length_comes_back(length):
    """At the borders of RSA blocks as well."""
    key = bytes(range(KEY_BYTES))
    plain = {"x": "y" * length}
    form = {"data": TEST.encode(json.dumps(plain).encode(), key)}
    assert opened_form(Call(method="POST", url="", form=form)) == (plain, key)
    assert json.loads(TEST.decode(sealed(plain, key), key)) == plain


@pytest.mark.parametrize("text", ["", "%%%", "AAAA", "你好", "A" * 172])
def test_what_is_no_answer_is_a_protocol_error(text):
    """Not an exception of the arithmetic."""
    with pytest.raises(ProtocolError):
        TEST.decode(text, bytes(KEY_BYTES))


@pytest.mark.parametrize("text", ["x", "12", "-" + MODULUS, MODULUS[:-2]])
def test_a_modulus_that_is_none_is_refused_in_words(text):
    """Only emulators have their own."""
    with pytest.raises(UsageError, match="rsa_modulus"):
        M115.parse(text)


def test_without_an_option_it_is_the_real_one():
    """The common case needs nothing."""
    assert M115.parse("") == REAL
