"""Access and refresh tokens: real JWTs (HS256) with the claims of the server.

Source: wire Cloudreve V4 §4 (server of 2025-06-21).
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.envelope import Refused
from tests.emulators.cloudreve.users import Status
from tests.emulators.signing import Keyring, Verdict

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.users import User

_NS = 1_000_000_000


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Issues tokens and says who a token speaks for.

    Nothing is stored but the families that were signed out: access tokens cannot be revoked,
    refresh tokens are not rotated.
    """

    def __init__(
        self, users: dict[str, User], anonymous: User, settings: Settings, clock: Clock, secret: str
    ) -> None:
        self._users = users
        self._anonymous = anonymous
        self._settings = settings
        self._clock = clock
        self._keys = {kind: Keyring(f"{secret}/{kind}") for kind in ("access", "refresh")}
        self._dead_families: set[str] = set()

    def issue(self, user: User, family: str | None = None) -> dict[str, Any]:
        """A token pair as sign-in and refresh send it; a new family is a new sign-in."""
        now = self._clock.now_ns()
        access_ns = now + round(self._settings.access_life_s * _NS)
        refresh_ns = now + round(self._settings.refresh_life_s * _NS)
        access = {"sub": user.id, "nbf": now // _NS, "exp": access_ns // _NS}
        refresh = {"sub": user.id, "nbf": now // _NS, "exp": refresh_ns // _NS}
        lasting = {"state_hash": user.state_hash, "root_token_id": family or str(uuid.uuid4())}
        return {
            "access_token": self._sign({"token_type": "access", **access}),
            "refresh_token": self._sign({"token_type": "refresh", **refresh, **lasting}),
            "access_expires": times.written(access_ns),
            "refresh_expires": times.written(refresh_ns),
        }

    def refresh(self, token: str) -> dict[str, Any]:
        """A new pair for a refresh token; raises Refused 40020 for a dead one of any sort."""
        claims = self._claims(token)
        user = self._users.get(claims.get("sub", "")) if claims else None
        if (
            claims is None
            or user is None
            or claims["token_type"] != "refresh"
            or claims["exp"] <= self._clock.now()
            or user.status is not Status.ACTIVE
            or claims["state_hash"] != user.state_hash
            or claims["root_token_id"] in self._dead_families
        ):
            raise Refused(40020, "Failed to issue token pair")
        return self.issue(user, claims["root_token_id"])

    def sign_out(self, token: str) -> None:
        """Kill the family of this refresh token; a token that is none is no error."""
        claims = self._claims(token)
        if claims is not None and claims["token_type"] == "refresh":
            self._dead_families.add(claims["root_token_id"])

    def expire(self, kind: str) -> None:
        """Let every token of a type ("access" or "refresh") that exists now be expired."""
        self._keys[kind].expire_all()

    def user_of(self, authorization: str | None) -> User:
        """Whom a request speaks for.

        A garbage or expired token makes one anonymous. Raises Refused 40020 for a refresh token
        and 50001 for a blocked account.
        """
        scheme, _, token = (authorization or "").partition(" ")
        claims = self._claims(token) if scheme == "Bearer" else None
        if claims is None:
            return self._anonymous
        if claims["token_type"] != "access":
            raise Refused(40020, "Invalid token type")
        if claims["exp"] <= self._clock.now():
            if not self._settings.on("anonymous-expiry"):
                raise Refused(401, "Login required")
            return self._anonymous
        user = self._users.get(claims["sub"])
        if user is None or user.status is Status.BANNED:
            raise Refused(50001, "failed to get login user")
        return user

    def _sign(self, claims: dict[str, Any]) -> str:
        head = _packed(b'{"alg":"HS256","typ":"JWT"}')
        signed = f"{head}.{_packed(json.dumps(claims, separators=(',', ':')).encode())}"
        return f"{signed}.{_packed(self._keys[claims['token_type']].sign(signed))}"

    def _claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a token of ours, `exp` 0 if it was made to expire; None for garbage."""
        signed, _, signature = token.rpartition(".")
        try:
            claims = json.loads(_unpacked(signed.partition(".")[2]))
            verdict = self._keys[claims["token_type"]].check(signed, _unpacked(signature))
        except (ValueError, binascii.Error, KeyError, TypeError):
            return None
        if verdict is Verdict.WRONG:
            return None
        return claims if verdict is Verdict.GOOD else claims | {"exp": 0}
