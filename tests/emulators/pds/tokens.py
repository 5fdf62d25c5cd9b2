"""Access and refresh tokens: JSON web tokens with a life, and rotation.

Sources: PDS §2.1, Aliyundrive §3, Aliyundrive Open §2.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.errors import Refused

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.drives import User
    from tests.emulators.pds.settings import Settings

_NS = 1_000_000_000
_KEY = b"emulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who calls, and with what sort of token: "web", "mobile", "open" or "member".

    `client_id` is the application that an Open or PDS token was given to.
    """

    user: User
    kind: str
    client_id: str = ""
    access_token: str = ""


@dataclass(slots=True, kw_only=True)
class _Refresh:
    session: Session
    end: float


class Tokens:
    """All tokens of a domain."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._access: dict[str, tuple[Session, float]] = {}
        self._refresh: dict[str, _Refresh] = {}
        self.refreshes = 0

    def issue(self, user: User, kind: str, client_id: str = "") -> dict[str, Any]:
        """A new pair: `access_token, refresh_token, expires_in, expire_time, token_type`."""
        now = self._clock.now()
        life_s = self._settings.access_life_s
        access = web_token({"sub": user.user_id, "exp": int(now + life_s), "iat": int(now)})
        session = Session(user=user, kind=kind, client_id=client_id, access_token=access)
        self._access[access] = (session, now + life_s)
        if kind == "open":
            refresh = web_token({"sub": user.user_id, "aud": client_id, "iat": int(now)})
        else:
            refresh = uuid.uuid4().hex
        end = now + self._settings.refresh_life_s
        self._refresh[refresh] = _Refresh(session=session, end=end)
        return {
            "token_type": "Bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": int(life_s),
            "expire_time": times.written_whole(round((now + life_s) * _NS)),
        }

    def redeem(self, token: Any, kinds: tuple[str, ...]) -> Session:
        """Whose a refresh token is; it is rotated out. Raises KeyError when it is not good.

        Args:
            token: as sent.
            kinds: the sorts of token that are taken here; another sort is unknown.
        """
        found = self._refresh.get(token) if isinstance(token, str) else None
        now = self._clock.now()
        if found is None or found.end <= now or found.session.kind not in kinds:
            raise KeyError(token)
        found.end = min(found.end, now + self._settings.refresh_grace_s)
        self.refreshes += 1
        return found.session

    def revive(self, token: str) -> None:
        """Let a token that was redeemed be good again: the answer gave no new one."""
        self._refresh[token].end = self._clock.now() + self._settings.refresh_life_s

    def session(self, authorization: str) -> Session:
        """Who calls: `Bearer T`, `Bearer<TAB>T` or a bare token (Aliyundrive §1.1).

        Raises Refused 401 AccessTokenInvalid or AccessTokenExpired, 400 I400JD for what is no JWT.
        """
        scheme, _, rest = authorization.replace("\t", " ").partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else authorization
        if token.count(".") != 2:
            raise Refused("I400JD")
        found = self._access.get(token)
        if found is None:
            raise Refused("AccessTokenInvalid")
        session, end = found
        if end <= self._clock.now():
            expired = "AccessTokenExpired" if session.kind == "open" else "AccessTokenInvalid"
            raise Refused(expired)
        return session

    def expire(self, kind: str) -> None:
        """Let every token of a kind ("access" or "refresh") that exists now be dead."""
        if kind == "access":
            self._access = {token: (one, 0.0) for token, (one, _) in self._access.items()}
        else:
            for found in self._refresh.values():
                found.end = 0.0


def web_token(claims: dict[str, Any]) -> str:
    """A JSON web token; nobody but this emulator checks its signature."""
    header = {"alg": "HS256", "typ": "JWT"}
    parts = [_part(header), _part(claims | {"jti": uuid.uuid4().hex})]
    mac = hmac.new(_KEY, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, base64.urlsafe_b64encode(mac).decode().rstrip("=")])


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
