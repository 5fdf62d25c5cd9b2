"""A provider in memory: gives tokens, takes tokens, counts, and fails when told to."""

from __future__ import annotations

import dataclasses

import trio

from fsmount.errors import LoginLost, NotFound, Throttled, Unauthorized
from fsmount.model import Answer, Token


class FakeProvider:
    """Both the provider and the scheme that knows it.

    Attributes:
        life_s: Of access tokens; None when the provider does not tell.
        single_use: A refresh token dies with its first use.
        skew_s: How far its clock is ahead of ours.
        takes_s: Seconds that a refresh or a sign-in takes.
        failures: Raised, first to last, instead of answering refreshes and sign-ins.
        password: That signs in; None when nothing does.
        pasted_ends_at: What an access token that was pasted says of its own end.
    """

    def __init__(self, *, life_s=3600.0, single_use=True, skew_s=0.0, takes_s=0.1):
        self.life_s = life_s
        self.single_use = single_use
        self.reusable_refresh = not single_use
        self.skew_s = skew_s
        self.takes_s = takes_s
        self.failures = []
        self.password = "right"
        self.valid_refresh = set()
        self.valid_access = set()
        self.refreshes = []
        self.sign_ins = []
        self.given = 0
        self.pasted_ends_at = None
        self.now = lambda: 1e9 + trio.current_time()

    def give(self, **extra):
        """Return a fresh token."""
        self.given += 1
        access, refresh = f"access-{self.given}", f"refresh-{self.given}"
        self.valid_access.add(access)
        self.valid_refresh.add(refresh)
        now = self.now() + self.skew_s
        return Token(
            access=access,
            refresh=refresh,
            issued_at=now,
            access_expires_at=None if self.life_s is None else now + self.life_s,
            extra=extra,
        )

    def revoke(self, token):
        """Reject ``token`` from now on; its refresh token lives on."""
        self.valid_access.discard(token.access)

    # --- the scheme -------------------------------------------------------------------------------

    def sign(self, call, token):
        if token is None:
            return call
        return dataclasses.replace(
            call, headers={**call.headers, "Authorization": f"Bearer {token.access}"}
        )

    def classify(self, call, answer, *, signed):
        if answer.status == 401 and signed:
            raise Unauthorized("the token is not accepted")
        if answer.status == 404:
            raise NotFound("no such file")
        if answer.status == 429:
            raise Throttled("slow down", retry_after_s=7.0)

    async def refresh(self, token, send):
        self.refreshes.append(token.refresh)
        await trio.sleep(self.takes_s)
        if self.failures:
            raise self.failures.pop(0)
        if token.refresh not in self.valid_refresh:
            raise LoginLost("the refresh token is refused")
        if self.single_use:
            self.valid_refresh.discard(token.refresh)
        return self.give(**token.extra)

    async def sign_in(self, credentials, send):
        if credentials.access_token:
            ends = self.pasted_ends_at
            return Token(access=credentials.access_token, access_expires_at=ends)
        assert not credentials.refresh_token
        self.sign_ins.append(credentials.login)
        await trio.sleep(self.takes_s)
        if self.failures:
            raise self.failures.pop(0)
        if self.password not in (credentials.password, credentials.private_key):
            raise LoginLost("the password is refused")
        return self.give()

    # --- the wire ---------------------------------------------------------------------------------

    async def send(self, call):
        """Answer a signed call: 200 for a valid token or none, 401 otherwise."""
        await trio.lowlevel.checkpoint()
        bearer = call.headers.get("Authorization")
        ok = bearer is None or bearer.removeprefix("Bearer ") in self.valid_access
        return answer(200 if ok else 401)


def answer(status, body=b"{}"):
    return Answer(status=status, headers={}, body=body, url="https://cloud.example.com/x", date=0.0)
