"""Whom a client trusts, and what it says when a certificate file is no good."""

from __future__ import annotations

import ssl

import pytest

from fsmount.errors import UsageError
from fsmount.net.tls import tls_context
from tests.net.loopback import authority


def test_a_ca_file_adds_to_what_the_machine_trusts(tmp_path):
    """The authorities of ``ca_file`` come on top."""
    _, path = authority(tmp_path)
    plain = tls_context(ca_file="", insecure=False)
    more = tls_context(ca_file=path, insecure=False)
    assert plain.verify_mode is ssl.CERT_REQUIRED
    assert plain.check_hostname
    assert len(more.get_ca_certs()) == len(plain.get_ca_certs()) + 1


def test_insecure_checks_nothing():
    """``-o insecure`` takes any certificate for any host."""
    context = tls_context(ca_file="", insecure=True)
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


def test_a_machine_without_authorities_trusts_those_of_certifi(monkeypatch, tmp_path):
    """A container without ca-certificates can reach a public site all the same."""
    nowhere = ssl.DefaultVerifyPaths(None, str(tmp_path), "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    assert len(tls_context(ca_file="", insecure=False).get_ca_certs()) > 50


@pytest.mark.parametrize("content", [None, "not PEM", ""], ids=["missing", "text", "empty"])
def test_a_ca_file_that_cannot_be_used_is_a_usage_error(tmp_path, content):
    """The option and the file are named; nothing is trusted silently."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r'ca_file ".*ca\.pem"'):
        tls_context(ca_file=str(path), insecure=False)
