"""Everything that can go wrong, and the one table from failure to errno.

The tree is small on purpose. A class exists because it has its own errno, its own retry rule, or
its own advice; all else is a sentence. Each layer renames the errors of the layer below and keeps
the cause.

::

    FsmountError              EIO      base; a sentence for people, never a secret
    ├── UsageError            EINVAL   the command line or configuration is wrong (exit code 2)
    ├── Unreachable           EHOSTDOWN  no connection, name not resolved, dropped before an answer
    ├── TimedOut              ETIMEDOUT  no answer within the deadline
    ├── Throttled             ETIMEDOUT  the provider asks to slow down
    │   └── Blocked           ETIMEDOUT  the provider shut us out: opens the breaker
    ├── NotFound              ENOENT   said by a living provider or share, never guessed
    ├── Gone                  ESTALE   the share is expired, cancelled or used up
    │   └── Changed           ESTALE   the file is no longer the version that was opened
    ├── Denied                EACCES   not permitted, wrong code
    │   ├── Unauthorized      EACCES   the token is not accepted: renewed once by the account
    │   └── LoginLost         EACCES   renewal was refused: a person must sign in
    ├── ProviderFault         EIO      the provider failed and says so (500, unclassified)
    ├── ProtocolError         EIO      an answer that is not what the protocol promises
    ├── LinkExpired           EIO      a direct link is over or refused: fetch a new one
    │   └── LinkRefused       EIO      over, or one connection too many: the server does not say
    ├── ConnectionLimit       EIO      too many connections on a link or account: use fewer
    ├── WrongSize             EIO      the content's size is not the listed one: repair
    ├── NotSupported          EOPNOTSUPP  this remote has no such ability
    ├── ReadOnly              EROFS
    ├── IsFolder              EISDIR
    ├── NotFolder             ENOTDIR
    ├── NoAttribute           ENODATA  a node has no extended attribute of this name
    └── StoreFault            EIO      our own state directory cannot be read or written
"""

from __future__ import annotations

import errno as _errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class FsmountError(Exception):
    """A failure with a sentence for people.

    Args:
        message: What failed and why: one line, no secret.
        advice: What to do about it; "" when nothing can be done.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}; {self.advice}" if self.advice else self.message


class UsageError(FsmountError):
    """The command line or the configuration cannot be understood."""


class Unreachable(FsmountError):
    """No connection, no name, or the connection ended before an answer came."""


class TimedOut(FsmountError):
    """No answer within the deadline."""


class Throttled(FsmountError):
    """The provider asks to slow down.

    Args:
        retry_after_s: Seconds that it asked for; None when it did not say.
    """

    def __init__(
        self, message: str, *, advice: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.retry_after_s = retry_after_s


class Blocked(Throttled):
    """The provider shut this account or address out; asking again makes it worse."""


class NotFound(FsmountError):
    """A living provider says that there is no such thing."""


class Gone(FsmountError):
    """The share behind this remote is expired, cancelled or used up."""


class Changed(Gone):
    """The file is no longer the version that was opened."""


class Denied(FsmountError):
    """Not permitted: a wrong code, a missing right."""


class Unauthorized(Denied):
    """The token is not accepted; the account renews it once and asks again."""


class LoginLost(Denied):
    """Renewal was refused for good; a person must sign in."""


class ProviderFault(FsmountError):
    """The provider failed and says so; asking later may help."""


class ProtocolError(FsmountError):
    """An answer that is not what the protocol promises; names the field."""


class LinkExpired(FsmountError):
    """A direct link is over or refused; a new one may work."""


class LinkRefused(LinkExpired):
    """A direct link is refused without saying whether it is over or has too many connections.

    Whoever reads knows more: with other GETs of its own on that link under way it is one connection
    too many, alone it is the end of the link.
    """


class ConnectionLimit(FsmountError):
    """Too many connections at once on a link or an account; fewer will work."""


class WrongSize(FsmountError):
    """The content's real size differs from the listed one.

    Args:
        actual: The size that the content server told, in bytes.
    """

    def __init__(self, message: str, *, actual: int) -> None:
        super().__init__(message)
        self.actual = actual


class NotSupported(FsmountError):
    """This remote has no such ability."""


class ReadOnly(FsmountError):
    """Nothing can be written here."""


class IsFolder(FsmountError):
    """A folder where a file was wanted."""


class NotFolder(FsmountError):
    """A file where a folder was wanted."""


class NoAttribute(FsmountError):
    """A file or folder has no extended attribute of this name."""


class StoreFault(FsmountError):
    """Our own state directory cannot be read or written."""


# The most derived class decides, so the order is from special to general.
_ERRNOS: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, _errno.EINVAL),
    (Unreachable, _errno.EHOSTDOWN),
    (TimedOut, _errno.ETIMEDOUT),
    (Throttled, _errno.ETIMEDOUT),
    (NotFound, _errno.ENOENT),
    (Gone, _errno.ESTALE),
    (Denied, _errno.EACCES),
    (NotSupported, _errno.EOPNOTSUPP),
    (ReadOnly, _errno.EROFS),
    (IsFolder, _errno.EISDIR),
    (NotFolder, _errno.ENOTDIR),
    (NoAttribute, _errno.ENODATA),
    (FsmountError, _errno.EIO),
)


def leaves(exc: BaseException) -> Iterator[BaseException]:
    """Yield ``exc`` itself, or every leaf of a (nested) exception group."""
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from leaves(inner)
    else:
        yield exc


def known(exc: BaseException) -> FsmountError | None:
    """Return the failure of ours in ``exc``, looking into groups; None when there is none."""
    return next((leaf for leaf in leaves(exc) if isinstance(leaf, FsmountError)), None)


def errno_of(exc: BaseException) -> int:
    """Return the errno that a kernel request which met ``exc`` is answered with.

    A group is judged by its first leaf of ours; anything that is not ours is EIO.
    """
    ours = known(exc)
    if ours is None:
        return _errno.EIO
    return next(number for cls, number in _ERRNOS if isinstance(ours, cls))
