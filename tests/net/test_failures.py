"""Every failure of the libraries below has our name, and no message shows a secret."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from fsmount.errors import FsmountError, ProtocolError, TimedOut, Unreachable
from fsmount.net.failures import _HTTPX, HTTPX_ERRORS, from_httpx, unreachable


def httpx_exceptions():
    """Return every exception class that httpx exports."""
    exported = [getattr(httpx, name) for name in httpx.__all__]
    return [cls for cls in exported if isinstance(cls, type) and issubclass(cls, Exception)]


def made(cls):
    """Return an instance of an httpx exception class, whatever its constructor wants."""
    exc = cls.__new__(cls)
    Exception.__init__(exc, "https://host/path?sign=SECRET went wrong")
    return exc


@pytest.mark.parametrize("cls", httpx_exceptions(), ids=lambda cls: cls.__name__)
def test_each_httpx_exception_has_a_name_of_ours(cls):
    """No exception of httpx gets past the one table, and none brings its URL along."""
    assert issubclass(cls, HTTPX_ERRORS)
    ours = from_httpx(made(cls), "host:5212")
    assert isinstance(ours, FsmountError)
    assert "host:5212" in str(ours)
    assert "SECRET" not in str(ours)


def test_no_line_of_the_table_is_hidden_by_an_earlier_one():
    """The table goes from special to general: a line that could never be reached is a mistake."""
    classes = [theirs for theirs, _, _ in _HTTPX]
    for place, cls in enumerate(classes):
        assert not issubclass(cls, tuple(classes[:place]))


@pytest.mark.parametrize(
    ("exc", "ours"),
    [
        (httpx.ConnectTimeout("x"), TimedOut),
        (httpx.ReadError("x"), Unreachable),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), Unreachable),
        (
            httpx.RemoteProtocolError("peer closed connection without sending complete message"),
            Unreachable,
        ),
        (httpx.RemoteProtocolError("illegal status line: b'hello'"), ProtocolError),
        (httpx.LocalProtocolError("Illegal header value"), ProtocolError),
        (httpx.TooManyRedirects("x"), ProtocolError),
        (httpx.InvalidURL("x"), ProtocolError),
    ],
)
def test_dropped_is_unreachable_and_nonsense_is_a_protocol_error(exc, ours):
    """A connection that ended may work the next time; a server that speaks no HTTP will not."""
    assert type(from_httpx(exc, "host")) is ours


def certificate_error(code):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "some reason"
    return error


def tls_error(reason):
    error = ssl.SSLError(1, "[SSL] …")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError(113, "No route to host"), "no route to host"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "there is no such host"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "cannot be resolved now"),
        (certificate_error(18), "self-signed certificate; use -o ca_file=FILE or -o insecure"),
        (certificate_error(20), "self-signed certificate; use -o ca_file=FILE or -o insecure"),
        (certificate_error(10), "has expired; use"),
        (certificate_error(62), "for another host; use"),
        (certificate_error(7), "not valid (some reason); use"),
        (tls_error("WRONG_VERSION_NUMBER"), "does not speak TLS; is it http://"),
        (tls_error("TLSV1_ALERT_INTERNAL_ERROR"), "TLS failed (tlsv1 alert internal error)"),
        (EOFError(), "the connection was lost"),
    ],
)
def test_the_reason_is_found_however_deep_it_is_buried(cause, text):
    """A sentence for people comes out of a chain of causes and groups."""
    outer = httpx.ConnectError("all attempts failed")
    middle = OSError("all attempts to connect to host:443 failed")
    outer.__cause__ = middle
    middle.__cause__ = ExceptionGroup("multiple connection attempts", [cause])
    assert text in str(unreachable(outer, "host"))
    assert text in str(from_httpx(outer, "host"))


def test_a_circle_of_causes_ends():
    """Exceptions whose contexts point at each other are looked at once."""
    one, other = OSError(), OSError()
    one.__context__, other.__context__ = other, one
    assert "connection was lost" in str(unreachable(one, "host"))
