"""Users and applications: bearer tokens go to the API alone, and are renewed or lost in words."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from fsmount.account.credentials import Credentials, resolve
from fsmount.drivers.pds.driver import SPEC
from fsmount.drivers.pds.options import PdsOptions
from fsmount.errors import LoginLost, ProtocolError, ProviderFault, Throttled, UsageError
from fsmount.model import Call, Token
from tests.drivers.pds.scripted import API, NOW, Script, answered, refused

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
GIVEN = {"access_token": "NEW", "refresh_token": "R2", "expires_in": 7200, "token_type": "Bearer"}


def scheme(**options):
    """Return the scheme of a remote."""
    return SPEC.scheme(PdsOptions(**{"domain": "bj29", **options}))


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (f"{API}/v2/file/list", True),
        (f"{API}/v3/file/list", False),
        ("http://bj29.api.aliyunpds.com/v2/file/list", False),
        ("https://data.aliyunpds.com/v2/x", False),
        ("https://bj29.api.aliyunpds.com.evil.example/v2/file/list", False),
    ],
)
def test_only_calls_of_the_api_are_signed(url, signed):
    """A link carries its own signature, other hosts get no token; a share's token stays."""
    call = Call(method="POST", url=url, headers={"x-share-token": "ST"})
    headers = scheme().sign(call, Token(access="AAA")).headers
    assert (headers.get("Authorization") == "Bearer AAA") is signed
    assert headers["x-share-token"] == "ST"
    assert scheme().sign(call, None) is call


@pytest.mark.parametrize(
    ("options", "path", "form", "body"),
    [
        (
            {"client_id": "app", "client_secret": "sss"},
            "oauth/token",
            {
                "client_id": "app",
                "client_secret": "sss",
                "grant_type": "refresh_token",
                "refresh_token": "R1",
            },
            None,
        ),
        (
            {},
            "account/token",
            None,
            {"app_id": "BasicUI", "grant_type": "refresh_token", "refresh_token": "R1"},
        ),
        (
            {"client_id": "app", "private_key_file": "/k"},
            "account/token",
            None,
            {"app_id": "app", "grant_type": "refresh_token", "refresh_token": "R1"},
        ),
    ],
)
async def test_who_gave_out_a_refresh_token_decides_how_it_is_used(options, path, form, body):
    """A form for applications of people, JSON for the vendor's own page and for JWT."""
    script = Script(oauth__token=answered(GIVEN), account__token=answered(GIVEN))
    token = await scheme(**options).refresh(Token(refresh="R1", extra={"kept": "yes"}), script.send)
    (call,) = script.calls
    assert (script.paths, call.form, call.json) == ([path], form, body)
    assert (token.access, token.refresh, token.extra) == ("NEW", "R2", {"kept": "yes"})
    assert (token.issued_at, token.access_expires_at) == (NOW, NOW + 7200)


async def test_a_refresh_token_that_is_not_renewed_is_kept():
    """The answer may lack a new one; then the old one goes on."""
    answer = answered({"access_token": "NEW", "expire_time": "2026-11-22T13:21:04Z"})
    token = await scheme().refresh(Token(refresh="R1"), Script(account__token=answer).send)
    assert (token.refresh, token.access_expires_at) == ("R1", NOW + 7200)


async def test_tokens_are_asked_at_the_auth_endpoint():
    """Older domains have a host for it."""
    script = Script(account__token=answered(GIVEN))
    auth = "https://bj29.auth.aliyunpds.com"
    await scheme(auth_endpoint=auth).refresh(Token(refresh="R1"), script.send)
    assert script.calls[0].url == f"{auth}/v2/account/token"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(400, "InvalidParameter.RefreshToken"), LoginLost),
        (refused(401, "AccessTokenInvalid"), LoginLost),
        (refused(403, "UserDisabled"), LoginLost),
        (refused(500, "InternalError"), ProviderFault),
        (refused(429, "TooMany"), Throttled),
        (answered(b"<html>", status=502), ProviderFault),
        (answered(b"", status=404, headers={"x-ca-error-code": "I404NF"}), ProtocolError),
        (answered(b"<html>"), ProtocolError),
        (answered({"access_token": ""}), ProtocolError),
    ],
)
async def test_only_the_providers_own_refusal_ends_a_login(answer, kind):
    """A fault, a gateway or a page says nothing about the token."""
    with pytest.raises(kind) as info:
        await scheme().refresh(Token(refresh="R1secret"), Script(account__token=answer).send)
    assert "R1secret" not in str(info.value)
    assert kind is not LoginLost or "fsmount login" in info.value.advice


async def test_an_access_token_alone_lives_as_long_as_it_says():
    """And cannot be renewed."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 9000, "iat": 1800}).encode()).decode()
    script = Script()
    given = Credentials(access_token=f"h.{claims.rstrip('=')}.s")
    token = await scheme().sign_in(given, script.send)
    assert (token.access_expires_at, token.issued_at) == (9000, 1800)
    opaque = await scheme().sign_in(Credentials(access_token="opaque"), script.send)
    assert opaque.access_expires_at is None
    with pytest.raises(LoginLost, match="no refresh token"):
        await scheme().refresh(opaque, script.send)
    assert not script.calls


# --- applications that sign in by themselves ------------------------------------------------------


def claims_of(assertion):
    """Return head and claims of an assertion whose signature is right."""
    head, body, signature = assertion.split(".")
    KEY.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        f"{head}.{body}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))


def jwt_script():
    """Return a script whose clock says NOW and which takes every assertion."""
    return Script(
        oauth__token=answered({**GIVEN, "refresh_token": None}),
        __=answered(b"", status=404, headers={"x-ca-error-code": "I404NF"}),
    )


@pytest.mark.parametrize(
    ("options", "subject", "kind", "key_id"),
    [({}, "bj29", "service", None), ({"user_id": "u1", "key_id": "k1"}, "u1", "user", "k1")],
)
async def test_a_jwt_application_says_who_it_is(options, subject, kind, key_id):
    """Signed RS256; its times are the provider's, so this machine's clock need not be right."""
    script = jwt_script()
    ours = scheme(client_id="app", private_key_file="/k", **options)
    token = await ours.sign_in(Credentials(private_key=PEM), script.send)
    assert (token.access, token.refresh) == ("NEW", "")
    call = script.calls[-1]
    assert call.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims = claims_of(call.form["assertion"])
    assert head == {"alg": "RS256", "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    assert 16 <= len(claims.pop("jti")) <= 128
    assert claims == {
        "iss": "app",
        "sub": subject,
        "sub_type": kind,
        "aud": "bj29",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
        "auto_create": False,
    }


async def test_a_refused_application_is_said():
    """The console is where to look, and a new sign-in would not help by itself."""
    script = jwt_script()
    script.answers["oauth__token"] = [refused(400, "InvalidParameter.assertion")]
    ours = scheme(client_id="app", private_key_file="/k")
    with pytest.raises(LoginLost, match="refuses the JWT application or its key"):
        await ours.sign_in(Credentials(private_key=PEM), script.send)


def other_keys():
    """Yield keys that are of no use, and what is said of each."""
    curve = ec.generate_private_key(ec.SECP256R1())
    locked = BestAvailableEncryption(b"x")
    yield "no key", "cannot be read; private_key_file wants a PEM file without a passphrase"
    yield (
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode(),
        "cannot be read; private_key_file wants",
    )
    yield (
        curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "is not of RSA",
    )


@pytest.mark.parametrize(("pem", "words"), list(other_keys()), ids=["text", "locked", "curve"])
async def test_a_key_that_is_none_is_said(pem, words):
    """Without a piece of it."""
    ours = scheme(client_id="app", private_key_file="/k")
    with pytest.raises(UsageError, match=words) as info:
        await ours.sign_in(Credentials(private_key=pem), jwt_script().send)
    assert info.value.__cause__ is None
    assert "BEGIN" not in str(info.value)


@pytest.mark.parametrize("options", [{}, {"client_id": "a", "endpoint": "https://x", "domain": ""}])
async def test_what_a_jwt_application_lacks_is_said(options):
    """Whose it is and of which domain stands in what it signs."""
    with pytest.raises(UsageError, match="needs client_id and domain"):
        await scheme(**options).sign_in(Credentials(private_key=PEM), Script().send)


async def test_a_key_is_read_from_its_file_whole(tmp_path):
    """It has many lines, where every other secret has one."""
    path = tmp_path / "key.pem"
    path.write_text(PEM)
    path.chmod(0o600)
    found = await resolve({"private_key_file": str(path)}, remote="work")
    assert found.private_key == PEM
    assert found
    assert found.signs_in
    assert "PRIVATE" not in repr(found)
    (tmp_path / "work.private_key").write_text(PEM)
    (tmp_path / "work.private_key").chmod(0o600)
    assert (await resolve({}, remote="work", directory=tmp_path)).private_key == PEM
    path.write_text(" \n")
    with pytest.raises(UsageError, match="is empty, or is not text"):
        await resolve({"private_key_file": str(path)}, remote="work")
