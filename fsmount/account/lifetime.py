"""How long a token is good and when it is renewed, whatever the clocks say."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.credentials import Credentials

# Ours in ``Token.extra``, beside whatever a scheme keeps there.
_OBTAINED = "fsmount.obtained"
_PASTED = "fsmount.pasted"

# A clock that was set back by more than this makes the age of a token unknowable.
_CLOCK_SLACK_S = 60.0
# A site whose clocks disagree gives tokens that are over at birth; they are tried all the same,
# and not renewed more than once a second.
_SHORTEST_LIFE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """A token, and its life on the clock that was asked: provider clocks are out of it.

    Attributes:
        token: What signs.
        due_at: When it should be renewed; ``inf`` when that cannot be told.
        over_at: When it is no longer to be used; ``inf`` when that cannot be told.
    """

    token: Token
    due_at: float
    over_at: float


def aged(token: Token, *, now: float, wall: float) -> Aged:
    """Return ``token`` with its life laid on the clock that says ``now``.

    The life is the difference of two times of the provider's clock, the age that of two times of
    ours, so neither clock needs to be right. (Of a pasted access token nobody knows when it was
    obtained: there both clocks have to agree.) A token whose age is unknowable is due and over.

    Args:
        token: As ``descend`` marked it.
        now: Of a clock that never jumps.
        wall: Unix seconds.
    """
    if not token.access:
        return Aged(token=token, due_at=-math.inf, over_at=-math.inf)
    if token.access_expires_at is None:
        return Aged(token=token, due_at=math.inf, over_at=math.inf)
    life_s = max(token.access_expires_at - token.issued_at, _SHORTEST_LIFE_S)
    age_s = wall - float(token.extra.get(_OBTAINED, token.issued_at))
    if age_s < -_CLOCK_SLACK_S:
        return Aged(token=token, due_at=-math.inf, over_at=-math.inf)
    obtained = now - max(age_s, 0.0)
    return Aged(token=token, due_at=obtained + renew_after_s(life_s), over_at=obtained + life_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """When a login's tokens end, for people: Unix seconds of this machine's clock.

    Attributes:
        access: Of what signs the calls; None when that is not told.
        refresh: Of what renews it; None when that is not told, or there is none.
        renewed: True when the access token is renewed without a person.
    """

    access: float | None
    refresh: float | None
    renewed: bool


def ends(token: Token, *, renewed: bool) -> Ends:
    """Return when ``token`` ends: its lives, counted from when it was obtained."""
    offset_s = float(token.extra.get(_OBTAINED, token.issued_at)) - token.issued_at

    def here(at: float | None) -> float | None:
        return None if at is None else at + offset_s

    return Ends(
        access=here(token.access_expires_at) if token.access else None,
        refresh=here(token.refresh_expires_at) if token.refresh else None,
        renewed=renewed,
    )


def renew_after_s(life_s: float) -> float:
    """Return the age at which a token that lives ``life_s`` seconds is renewed.

    At four fifths of its life, or five minutes before its end if that is earlier, but not before
    half of its life: a site that gives tokens for a minute is not to be asked all the time.
    """
    return min(0.8 * life_s, max(life_s - 300.0, 0.5 * life_s))


def descend(token: Token, credentials: Credentials, *, wall: float) -> Token:
    """Return ``token`` marked with when it was obtained and which pasted tokens it comes after."""
    marks = {_OBTAINED: f"{wall:.3f}", _PASTED: _fingerprint(credentials)}
    return msgspec.structs.replace(token, extra={**token.extra, **marks})


def pasted(credentials: Credentials, kept: Token | None) -> Token | None:
    """Return the token in ``credentials`` if it is newer than ``kept``; None otherwise.

    It is when ``kept`` does not come after it: the user pasted a new one since. A refresh token
    makes an access token beside it needless: renewed at once, its life is known.
    """
    if not (credentials.refresh_token or credentials.access_token):
        return None
    if kept is not None and kept.extra.get(_PASTED) == _fingerprint(credentials):
        return None
    if credentials.refresh_token:
        return Token(refresh=credentials.refresh_token)
    return Token(access=credentials.access_token)


def digest(secret: str) -> str:
    """Return what tells ``secret`` from others without giving it away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _fingerprint(credentials: Credentials) -> str:
    return digest(f"{credentials.refresh_token}\n{credentials.access_token}")
