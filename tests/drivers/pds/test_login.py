"""A person's sign-in: by confirming elsewhere, by a page's address, by a pasted token."""

from __future__ import annotations

import pytest

from fsmount.drivers.pds.driver import SPEC
from fsmount.drivers.pds.options import PdsOptions
from fsmount.errors import LoginLost, NotSupported, ProtocolError, UsageError
from fsmount.model import Ask, Choose, Done, ShowQr, Waiting
from tests.drivers.pds.scripted import Script, answered, refused

GIVEN = {"access_token": "A", "refresh_token": "R2", "expires_in": 7200, "nick_name": "张三"}
DEVICE = {
    "device_code": "DC",
    "user_code": "ABCD-1234",
    "verification_uri": "https://bj29.auth.aliyunpds.com/device",
    "interval": 5,
}


def login(*, client="app", script=None, **options):
    """Return a sign-in of a domain's application, and its script."""
    script = script or Script(oauth__token=answered(GIVEN), account__token=answered(GIVEN))
    given = PdsOptions(domain="bj29", client_id=client, **options)
    return SPEC.login(given, script.send), script


async def test_without_an_application_a_refresh_token_is_asked_for():
    """With the place where a browser keeps it; it is not echoed."""
    flow, script = login(client="")
    step = await flow.start({})
    assert isinstance(step, Ask)
    assert step.secret
    assert "Local Storage" in step.prompt
    done = await flow.start({step.field: " R1 "})
    assert isinstance(done, Done)
    assert (done.token.access, done.token.refresh) == ("A", "R2")
    assert script.calls[0].json["refresh_token"] == "R1"


async def test_a_pasted_token_that_is_dead_is_said():
    """Whoever is signing in already is not told to sign in."""
    script = Script(account__token=refused(400, "InvalidParameter.RefreshToken"))
    flow, _ = login(client="", script=script)
    with pytest.raises(LoginLost, match="no longer taken") as info:
        await flow.start({"refresh_token": "R1"})
    assert info.value.advice == "copy it again"


async def test_a_sign_in_is_confirmed_elsewhere():
    """The page as a QR code with what to type there, then looks at the pace it asks for."""
    pending = refused(400, "AuthorizationPending")
    script = Script(
        oauth__device_authorization=answered(DEVICE),
        oauth__token=[
            pending,
            refused(400, "Error", "authorization_pending"),
            refused(400, "slow_down"),
            answered(GIVEN),
        ],
    )
    flow, _ = login(script=script)
    assert isinstance(await flow.start({}), Choose)
    step = await flow.start({"method": "device"})
    assert step == ShowQr(
        text=DEVICE["verification_uri"],
        prompt="Open https://bj29.auth.aliyunpds.com/device and type ABCD-1234",
    )
    for _ in range(3):
        assert await flow.poll() == Waiting(after_s=5.0)
    done = await flow.poll()
    assert isinstance(done, Done)
    assert done.note == "signed in as 张三"
    assert script.calls[-1].form["device_code"] == "DC"


@pytest.mark.parametrize(
    ("first", "then", "kind", "words"),
    [
        (refused(400, "InvalidParameter.ClientId"), None, LoginLost, "does not allow signing in"),
        (answered(DEVICE), refused(400, "ExpiredToken"), LoginLost, "not confirmed in time"),
        (answered(DEVICE), refused(403, "AccessDenied"), LoginLost, "was refused"),
        (answered({**DEVICE, "verification_uri": ""}), None, ProtocolError, "verification_uri"),
        (answered(b"<html>"), None, ProtocolError, "web page"),
    ],
)
async def test_why_nobody_confirmed_is_said(first, then, kind, words):
    """One sentence; trying again is what there is to do."""
    flow, _ = login(script=Script(oauth__device_authorization=first, oauth__token=then))

    async def sign_in():
        await flow.start({"method": "device"})
        await flow.poll()

    with pytest.raises(kind, match=words) as info:
        await sign_in()
    assert "fsmount login" not in str(info.value)


async def test_the_address_that_a_browser_ends_at_is_pasted():
    """For applications that only know redirects."""
    flow, script = login(client_secret="sss")
    step = await flow.start({"method": "page"})
    assert isinstance(step, Ask)
    redirect = {"method": "page", step.field: "https://app.example.com/done"}
    step = await flow.start(redirect)
    assert isinstance(step, Ask)
    assert "https://bj29.api.aliyunpds.com/v2/oauth/authorize?client_id=app" in step.prompt
    landed = "https://app.example.com/done?state=&code=C1"
    done = await flow.start({**redirect, step.field: landed})
    assert isinstance(done, Done)
    assert script.calls[0].form == {
        "grant_type": "authorization_code",
        "client_id": "app",
        "client_secret": "sss",
        "code": "C1",
        "redirect_uri": "https://app.example.com/done",
    }
    with pytest.raises(UsageError, match="holds no code; paste all of it"):
        await flow.start({**redirect, step.field: "https://app.example.com/done"})


async def test_who_signs_in_without_a_person_needs_none():
    """A key is its own way in."""
    flow, _ = login(private_key_file="/k")
    with pytest.raises(UsageError, match="signs in by itself"):
        await flow.start({})


async def test_nothing_is_waited_for_that_was_not_begun():
    """Only the sign-in that is confirmed elsewhere waits."""
    flow, _ = login()
    with pytest.raises(NotSupported):
        await flow.poll()
