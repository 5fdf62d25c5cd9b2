"""A person signs in to an application: by phone with or without a secret, or by a pasted token."""

from __future__ import annotations

import base64
import hashlib

import pytest

from fsmount.drivers.aliyundrive_open.login import MOST_CODES, start_login
from fsmount.drivers.aliyundrive_open.options import OpenOptions
from fsmount.errors import LoginLost, UsageError
from fsmount.model import Ask, Choose, Done, ShowQr, Waiting
from tests.drivers.aliyundrive.scripted import Service, answered, refused

QR, STATUS, EXCHANGE = "/oauth/authorize/qrcode", "/oauth/qrcode/s1/status", "/oauth/access_token"
APPLICATION = {"client_id": "app", "client_secret": "s3cret"}
SIGNED = answered({"access_token": "a", "refresh_token": "r", "expires_in": 7200})


def flow(options, **answers):
    """Return a sign-in over a scripted provider, and the provider."""
    service = Service({QR: answered({"qrCodeUrl": "u", "sid": "s1"}), **answers})
    return start_login(OpenOptions(**options), service.send), service


def states(*words):
    """Return the states of a sign-in, one per look."""
    return [answered({"status": word, "authCode": "c" * 32}) for word in words]


async def test_a_sign_in_by_phone():
    """The code says what the phone opens; the secret goes with the exchange."""
    login, service = flow(
        APPLICATION,
        **{STATUS: states("WaitLogin", "ScanSuccess", "LoginSuccess"), EXCHANGE: SIGNED},
    )
    assert isinstance(await login.start({}), Choose)
    shown = await login.start({"method": "qr"})
    assert isinstance(shown, ShowQr)
    assert shown.text.endswith("/o/oauth/authorize?sid=s1")
    assert await login.poll() == shown
    assert isinstance(await login.poll(), Waiting)
    done = await login.poll()
    assert isinstance(done, Done)
    assert (done.token.access, done.token.refresh) == ("a", "r")
    assert service.asked(QR)[0].json["client_secret"] == "s3cret"
    assert service.asked(EXCHANGE)[0].json == {
        **APPLICATION,
        "grant_type": "authorization_code",
        "code": "c" * 32,
    }


async def test_without_a_secret_a_verifier_proves_the_application():
    """Such a sign-in brings no refresh token."""
    login, service = flow(
        {"client_id": "app"},
        **{
            STATUS: states("LoginSuccess"),
            EXCHANGE: answered({"access_token": "a", "refresh_token": "", "expires_in": 2592000}),
        },
    )
    await login.start({"method": "qr"})
    done = await login.poll()
    assert isinstance(done, Done)
    assert done.token.refresh == ""
    assert "as long as" in done.note
    asked, exchange = service.asked(QR)[0].json, service.asked(EXCHANGE)[0].json
    digest = hashlib.sha256(exchange["code_verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert "client_secret" not in asked | exchange


@pytest.mark.parametrize(
    "answer",
    [answered({"status": "QRCodeExpired"}), answered({"status": "X"}), refused("QRCodeExpired")],
)
async def test_a_code_that_is_over_is_replaced(answer):
    """However it is told; a few times."""
    login, service = flow(APPLICATION, **{STATUS: answer})
    await login.start({"method": "qr"})
    for _ in range(MOST_CODES - 1):
        assert isinstance(await login.poll(), ShowQr)
    with pytest.raises(LoginLost, match="in time"):
        await login.poll()
    assert len(service.asked(QR)) == MOST_CODES


async def test_a_pasted_token_is_exchanged_at_once():
    """With a relay there is nothing else; without either it says what is missing."""
    service = Service({"/renew": answered({"access_token": "a", "refresh_token": "r"})})
    login = start_login(OpenOptions(relay="https://relay.example/renew"), service.send)
    asked = await login.start({})
    assert isinstance(asked, Ask)
    assert asked.secret
    done = await login.start({"refresh_token": " old "})
    assert isinstance(done, Done)
    assert service.calls[0].params["refresh_ui"] == "old"
    bare, _ = flow({})
    with pytest.raises(UsageError, match="application"):
        await bare.start({"refresh_token": "old"})
