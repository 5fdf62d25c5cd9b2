"""Walks a person through a sign-in: asks, shows, waits between looks, keeps what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import trio

from fsmount.account.lifetime import descend
from fsmount.errors import ProtocolError, TimedOut, Unreachable, UsageError
from fsmount.model import Ask, Choose, Done, ShowPicture, ShowQr, Waiting
from fsmount.store import files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fsmount.account.credentials import Credentials
    from fsmount.model import Step, Token
    from fsmount.store.tokens import TokenFile

# A QR code lives a few minutes; a person looks for the phone, types a captcha, asks a colleague.
_WITHIN_S = 600.0
# Between two looks, when the flow does not say: people notice more than two seconds.
_LOOK_AGAIN_S = 2.0
_LONGEST_PAUSE_S = 30.0
# A phone that moves from Wi-Fi to mobile costs a look or two, not the sign-in.
_FAILED_LOOKS = 5
# Wrong captchas included; more is a flow that goes round in circles.
_MOST_QUESTIONS = 50


class Flow(Protocol):
    """What is walked: a driver's ``LoginFlow``, as it looks from below the drivers."""

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far."""
        ...

    async def poll(self) -> Step:
        """Look again after ``ShowQr`` or ``Waiting``."""
        ...


async def walk(
    flow: Flow,
    ask: Callable[[Step], Awaitable[Mapping[str, str]]],
    *,
    within_s: float = _WITHIN_S,
) -> Done:
    """Sign in by ``flow``, and return what it ended with.

    Nothing is kept (``keep`` does) and nothing is left behind when this is cancelled.

    Args:
        flow: Made for this one sign-in.
        ask: Called with each new step. For ``Ask``, ``Choose`` and ``ShowPicture`` it returns the
            answer under the step's field; what it returns for ``ShowQr`` and ``Waiting`` is not
            looked at, it only shows them. It may take its time.
        within_s: Everything together, the person's time included.

    Raises:
        UsageError: A question was not answered.
        TimedOut: Nobody signed in within ``within_s``.
        FsmountError: Whatever the flow raises: refused, unreachable.
    """
    try:
        with trio.fail_after(within_s):
            return await _walk(flow, ask)
    except trio.TooSlowError as exc:
        raise TimedOut(
            f"nobody signed in within {within_s / 60:.0f} minutes", advice="try again"
        ) from exc


async def _walk(flow: Flow, ask: Callable[[Step], Awaitable[Mapping[str, str]]]) -> Done:
    answers: dict[str, str] = {}
    step = await flow.start(answers)
    shown: Step | None = None
    for _ in range(_MOST_QUESTIONS):
        while isinstance(step, ShowQr | Waiting):
            if step != shown:
                await ask(step)
                shown = step
            await trio.sleep(_pause_s(step))
            step = await _look(flow)
        if isinstance(step, Done):
            return step
        answers |= await _answer(step, ask)
        step = await flow.start(answers)
        shown = None
    raise ProtocolError("the sign-in asks again and again", advice="try another way to sign in")


async def _answer(
    step: ShowPicture | Ask | Choose, ask: Callable[[Step], Awaitable[Mapping[str, str]]]
) -> Mapping[str, str]:
    given = await ask(step)
    if step.field not in given:
        raise UsageError(f'"{step.prompt}" was not answered')
    return given


async def _look(flow: Flow) -> Step:
    for failed in range(1, _FAILED_LOOKS):
        try:
            return await flow.poll()
        except (Unreachable, TimedOut):
            await trio.sleep(_LOOK_AGAIN_S * failed)
    return await flow.poll()


def _pause_s(step: ShowQr | Waiting) -> float:
    asked = step.after_s if isinstance(step, Waiting) else _LOOK_AGAIN_S
    return min(max(asked, 0.2), _LONGEST_PAUSE_S)


async def keep(token: Token, *, tokens: TokenFile, credentials: Credentials) -> None:
    """Keep the ``token`` of a sign-in; mounts that run find it there by themselves.

    It wins over what is kept and over the tokens in ``credentials``: those are older than the
    sign-in, however new they look.

    Raises:
        StoreFault: It could not be kept.
    """
    async with tokens.locked():
        kept = await files.in_thread(tokens.load)
        ours = descend(token, credentials, wall=time.time())
        await files.in_thread(lambda: tokens.save(ours, replaces=kept))
