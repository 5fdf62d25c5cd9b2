"""What the Open platform's own codes mean to us; those of files are the family's (``p115.codes``).

401401xx are the platform's (wire: 115 §10.4). The class of a row says who acts on it: an access
token that is over is renewed, a refresh token that is over takes a person.
"""

from __future__ import annotations

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers.p115.codes import Meaning
from fsmount.errors import Denied, LoginLost, ProviderFault, Throttled, Unauthorized

REFRESH_PAUSE_S = 3600.0
"""Refreshing too often is refused for hours, and each try counts (wire: 115 §10.1)."""

OWN_APP = 'look at the application on open.115.com, or set another client_id and "fsmount login"'

TOKEN_OVER = Meaning(Unauthorized, "the access token is no longer taken", LOGIN_AGAIN)
NOT_SIGNED_IN = Meaning(Unauthorized, "nobody is signed in", LOGIN_AGAIN)

MEANINGS: dict[int, Meaning] = {
    40140100: Meaning(LoginLost, "the client_id is wrong", "copy the APP ID from open.115.com"),
    40140105: Meaning(ProviderFault, "the QR code could not be made"),
    40140106: Meaning(LoginLost, "the application's id is not valid", OWN_APP),
    40140107: Meaning(LoginLost, "there is no such application", OWN_APP),
    40140108: Meaning(LoginLost, "the application is not approved", OWN_APP),
    40140109: Meaning(LoginLost, "the application is stopped", OWN_APP),
    40140110: Meaning(LoginLost, "the application has expired", OWN_APP),
    40140114: Meaning(LoginLost, "the refresh token is not one: was it cut off?", LOGIN_AGAIN),
    40140115: Meaning(LoginLost, "the refresh token's signature is wrong", LOGIN_AGAIN),
    40140116: Meaning(
        LoginLost,
        "the refresh token is used up or revoked: another program used it, a newer sign-in pushed "
        "it out, or the answer with the next one was lost",
        LOGIN_AGAIN,
    ),
    40140117: Meaning(
        Throttled, "tokens were refreshed too often", "it goes on by itself", REFRESH_PAUSE_S
    ),
    40140118: Meaning(LoginLost, "the developer's certification has expired", OWN_APP),
    40140119: Meaning(LoginLost, "the refresh token has expired", LOGIN_AGAIN),
    40140120: Meaning(LoginLost, "the refresh token did not pass 115's check", LOGIN_AGAIN),
    40140121: Meaning(ProviderFault, "the token could not be refreshed for a moment"),
    40140122: Meaning(
        LoginLost, "too many applications may use this account", "remove one in the 115 app"
    ),
    **dict.fromkeys((40140123, 40140124, 40140125, 40140126), TOKEN_OVER),
    99: NOT_SIGNED_IN,
}

_PASSING = 40110000
_QR = range(40199000, 40200000)


def meaning(code: int) -> Meaning | None:
    """Return what ``code`` amounts to here; None where the family's table knows better.

    Of 401xxxxx those without a row count as a token that is over: so do the platform's own clients
    (wire: 115 §10.1). 40140101-113 and 127-136 are ours or the application's mistakes.
    """
    if (known := MEANINGS.get(code)) is not None:
        return known
    if 40140100 <= code <= 40140136:
        return Meaning(Denied, "115 does not take the sign-in", OWN_APP)
    if 40100000 <= code < 40200000 and code != _PASSING and code not in _QR:
        return NOT_SIGNED_IN
    return None
