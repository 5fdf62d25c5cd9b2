"""What to do about a lost login, with the name of the remote in it."""

from __future__ import annotations

from typing import TypeVar

from fsmount.errors import FsmountError

Failure = TypeVar("Failure", bound=FsmountError)

_REMOTE = "{remote}"

LOGIN_AGAIN = f'run "fsmount login {_REMOTE}"'
"""What a scheme advises where a person has to sign in; the name in it is put in by ``named``."""


def named(failure: Failure, remote: str) -> Failure:
    """Return ``failure`` itself, the remote's name put into its advice.

    A scheme is made from options and does not know what the remote is called; the account and the
    refresher do.
    """
    failure.advice = failure.advice.replace(_REMOTE, remote or "NAME")
    return failure
