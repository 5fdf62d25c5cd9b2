"""A person is asked what is needed, once, and told what is wrong."""

from __future__ import annotations

import pytest

from fsmount.drivers.cloudreve.driver import SPEC
from fsmount.drivers.cloudreve.options import CloudreveOptions
from fsmount.errors import LoginLost, NotSupported
from fsmount.model import Ask, Choose, Done, ShowPicture
from tests.drivers.cloudreve.scripted import SITE, Site, data, recorded, refused

PICTURE = data({"image": "data:image/png;base64,iVBORw0K", "ticket": "T1"})
PASSWORD = {"email": "me@example.com", "password": "pw"}


def flow(*answers, **options):
    site = Site(*answers)
    return SPEC.login(CloudreveOptions(address=SITE, **options), site.send), site


async def test_the_way_is_chosen_first():
    """E-mail and password, or a token from a browser."""
    login, site = flow()
    step = await login.start({})
    assert isinstance(step, Choose)
    assert set(step.choices) == {"password", "refresh_token"}
    assert not site.calls


async def test_e_mail_and_password_sign_in():
    """Asked one after the other; the password is not echoed."""
    login, site = flow(recorded("site_config_login"), recorded("login_password"))
    email = await login.start({"method": "password"})
    assert (email.field, email.secret) == ("email", False)
    password = await login.start({"method": "password", "email": "me@example.com"})
    assert (password.field, password.secret) == ("password", True)
    done = await login.start({"method": "password"} | PASSWORD)
    assert isinstance(done, Done)
    assert done.token.refresh == "REFRESH_TOKEN_1"
    assert done.note == "signed in as admin"
    assert site.calls[-1].json == PASSWORD


async def test_a_configured_e_mail_is_not_asked_again():
    """Only the password is missing."""
    login, _ = flow(email="me@example.com")
    step = await login.start({})
    assert (step.field, step.secret) == ("password", True)
    assert "me@example.com" in step.prompt


@pytest.mark.parametrize("answers", [{"method": "refresh_token"}, {"email": "a@b", "password": ""}])
async def test_a_refresh_token_may_be_pasted(answers):
    """Chosen, or by leaving the password empty; the prompt says where to find one."""
    login, site = flow(recorded("token_refresh"))
    step = await login.start(answers)
    assert (step.field, step.secret) == ("refresh_token", True)
    assert "cloudreve_session" in step.prompt
    done = await login.start({**answers, "refresh_token": " RRR\n"})
    assert done.token.access == "ACCESS_TOKEN_2"
    assert site.calls[0].json == {"refresh_token": "RRR"}


async def test_a_captcha_is_shown_and_sent():
    """The picture, and its ticket along with what was read in it."""
    login, site = flow(
        recorded("site_config_login_captcha_on"),
        recorded("site_config_basic"),
        PICTURE,
        recorded("login_password"),
    )
    step = await login.start(PASSWORD)
    assert isinstance(step, ShowPicture)
    assert (step.picture, step.field) == (b"\x89PNG\r\n", "captcha")
    assert isinstance(await login.start(PASSWORD | {"captcha": "abcd"}), Done)
    assert site.calls[-1].json == PASSWORD | {"captcha": "abcd", "ticket": "T1"}


async def test_a_misread_captcha_brings_a_new_picture():
    """One ticket, one try."""
    second = data({"image": "data:image/png;base64,iVBORw0K", "ticket": "T2"})
    login, site = flow(
        recorded("site_config_login_captcha_on"),
        recorded("site_config_basic"),
        PICTURE,
        recorded("login_captcha_wrong"),
        second,
        recorded("login_password"),
    )
    await login.start(PASSWORD)
    again = await login.start(PASSWORD | {"captcha": "wrong"})
    assert isinstance(again, ShowPicture)
    assert isinstance(await login.start(PASSWORD | {"captcha": "right"}), Done)
    assert site.calls[-1].json["ticket"] == "T2"


async def test_a_wrong_password_under_a_captcha_asks_for_both_again():
    """The ticket was spent on the wrong password."""
    login, site = flow(
        recorded("site_config_login_captcha_on"),
        recorded("site_config_basic"),
        PICTURE,
        recorded("login_wrong_password"),
        PICTURE,
        recorded("login_password"),
    )
    await login.start(PASSWORD)
    again = await login.start(PASSWORD | {"captcha": "abcd"})
    assert again.field == "password"
    other = PASSWORD | {"captcha": "abcd", "password": "other"}
    assert isinstance(await login.start(other), ShowPicture)
    assert isinstance(await login.start(other | {"captcha": "efgh"}), Done)
    assert site.calls[-1].json["captcha"] == "efgh"


@pytest.mark.parametrize("kind", ["recaptcha", "turnstile", "cap", "one of tomorrow"])
async def test_a_captcha_of_a_browser_leads_to_a_token(kind):
    """Only a picture can be drawn in a terminal."""
    login, site = flow(recorded("site_config_login_captcha_on"), data({"captcha_type": kind}))
    step = await login.start(PASSWORD)
    assert isinstance(step, Ask)
    assert step.field == "refresh_token"
    assert "needs a browser" in step.prompt
    assert len(site.calls) == 2


async def test_a_second_factor_is_asked():
    """Code 203 carries the session as a bare string; a wrong code leaves it usable."""
    login, site = flow(
        recorded("site_config_login"),
        recorded("login_2fa_needed"),
        recorded("login_2fa_wrong"),
        recorded("login_2fa_ok"),
    )
    step = await login.start(PASSWORD)
    assert (step.field, step.secret) == ("otp", False)
    again = await login.start(PASSWORD | {"otp": "000000"})
    assert again.field == "otp"
    done = await login.start(PASSWORD | {"otp": "654928"})
    assert done.note == "signed in as user2"
    assert site.calls[-1].url.endswith("/session/token/2fa")
    assert site.calls[-1].json == {
        "otp": "654928",
        "session_id": "90f5d805-126b-4f3b-9a05-841c68088f7b",
    }


async def test_a_second_factor_that_comes_too_late_is_said():
    """Its session lives ten minutes."""
    login, _ = flow(
        recorded("site_config_login"),
        recorded("login_2fa_needed"),
        recorded("login_2fa_bad_session"),
    )
    await login.start(PASSWORD)
    with pytest.raises(LoginLost, match="too late"):
        await login.start(PASSWORD | {"otp": "654928"})


async def test_a_wrong_password_is_asked_again_three_times():
    """Then the flow gives up, so that nobody is locked out by a script."""
    wrong = recorded("login_wrong_password")
    login, site = flow(recorded("site_config_login"), wrong, wrong, wrong)
    assert (await login.start(PASSWORD)).field == "password"
    assert (await login.start(PASSWORD | {"password": "b"})).field == "password"
    with pytest.raises(LoginLost, match="password is wrong"):
        await login.start(PASSWORD | {"password": "c"})
    assert len(site.calls) == 4


@pytest.mark.parametrize(
    ("answer", "says"),
    [("login_banned", "blocked"), ("login_inactive", "not activated")],
)
async def test_an_account_that_cannot_sign_in_ends_the_flow(answer, says):
    """No other answer would help."""
    login, _ = flow(recorded("site_config_login"), recorded(answer))
    with pytest.raises(LoginLost, match=says):
        await login.start(PASSWORD)


async def test_a_dead_pasted_token_is_said():
    """It may have been copied from a browser that signed out."""
    login, _ = flow(refused(40020, "Failed to issue token pair"))
    with pytest.raises(LoginLost, match="no longer taken"):
        await login.start({"refresh_token": "RRR"})


async def test_nothing_is_waited_for():
    """No step of this flow is polled."""
    login, _ = flow()
    with pytest.raises(NotSupported):
        await login.poll()
