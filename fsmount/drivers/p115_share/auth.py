"""Signing a share's calls with a borrowed login, and reading every refusal of a share.

A share has no login of its own: it is asked as a guest, or with the cookie of a 115 drive that
``auth = "ref:NAME"`` lends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.drivers.p115 import codes, refusals
from fsmount.drivers.p115.auth import CookieScheme
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.options import user_agent
from fsmount.drivers.p115_share import states
from fsmount.drivers.p115_share.api import SNAP, Snap
from fsmount.drivers.p115_share.options import ShareOptions, share_of
from fsmount.errors import Blocked, Denied, FsmountError, Gone, ProtocolError

if TYPE_CHECKING:
    from typing import Self

    from fsmount.drivers.p115.options import FamilyOptions
    from fsmount.drivers.p115.refusals import Refusal
    from fsmount.model import Answer, Call


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareScheme(CookieScheme):
    """Reads refusals as a share's (``account.Scheme``).

    Attributes:
        share: Its id, for messages.
    """

    share: str

    @classmethod
    def of(cls, options: FamilyOptions) -> Self:
        """Make the scheme of a share."""
        assert isinstance(options, ShareOptions)
        return cls(
            where=Hosts.parse(options.hosts), agent=user_agent(options), share=share_of(options)
        )

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to.

        A share that is over answers with success, an empty list and its state.
        """

        def of(refusal: Refusal) -> FsmountError | None:
            return self._refused(refusal, signed=signed)

        failure = refusals.failure(call, answer, signed=signed, where=self.where, of=of)
        if isinstance(failure, Blocked) and not signed:
            failure = Blocked(
                f"{failure.message}, for all shares that are asked without a login",
                advice=f"with a login 115 shuts out less often: {states.SIGN_IN}",
                retry_after_s=failure.retry_after_s,
            )
        if failure is None and call.url.endswith(SNAP):
            failure = self._over(answer)
        if failure is not None:
            raise failure

    def _refused(self, refusal: Refusal, *, signed: bool) -> FsmountError | None:
        """Return what a refusal says of the share; None where the table of all knows."""
        told = (
            f'code {refusal.code}: "{refusal.words}"' if refusal.words else f"code {refusal.code}"
        )
        meaning = states.CODES.get(refusal.code)
        if meaning is not None:
            return meaning.failure(self.share, told)
        asks = refusal.code == 0 and any(words in refusal.words for words in codes.SIGN_IN_WORDS)
        if not signed and (asks or refusal.code in codes.SIGNED_OUT):
            return Denied(
                f"115 gives the files of share {self.share} to signed-in users only ({told})",
                advice=states.SIGN_IN,
            )
        return refusals.of_links(refusal)

    def _over(self, answer: Answer) -> FsmountError | None:
        """Return why the share shows nothing; None for one that is fine, or shows all the same.

        Its owner may look at it while it is under review (wire: 115 §6.2).
        """
        try:
            data = wire.decode(answer.body, Snap, "a share's listing").data
        except ProtocolError:
            return None  # said by whoever reads it
        state = data.state
        if state in (None, states.FINE):
            return None
        meaning = states.of_state(state)
        if data.list and not issubclass(meaning.kind, Gone):
            return None
        reason = "" if data.shareinfo is None else wire.text(data.shareinfo.forbid_reason)
        told = " ".join(reason.split())[:200]
        return meaning.failure(self.share, f'state {state}: "{told}"' if told else f"state {state}")
