"""What the states and codes of a 115 share mean to us: a sentence each.

A share that is over says so in a success: ``share_state`` is not 1 and the list is empty. The field
is a number or a text, and that it changed from one to the other broke other clients (wire: 115
§0.1, §6.2).
"""

from __future__ import annotations

from typing import NamedTuple

from fsmount.errors import Denied, FsmountError, Gone, ProviderFault, Throttled

FINE = 1

_NEW_LINK = "ask whoever shared it for a new link"
_THE_CODE = "add ?password=CODE to the link, or say -o receive_code=CODE"
SIGN_IN = (
    'configure a remote of driver p115, run "fsmount login NAME" with its name, and say '
    "-o auth=ref:NAME"
)


class Meaning(NamedTuple):
    """What a state or code amounts to; ``{share}`` in the sentence is the share's id."""

    kind: type[FsmountError]
    sentence: str
    advice: str = ""
    pause_s: float | None = None

    def failure(self, share: str, told: str) -> FsmountError:
        """Return the failure of ``share``, with what 115 itself says."""
        sentence = f"{self.sentence.format(share=share)} ({told})"
        if issubclass(self.kind, Throttled):
            return self.kind(sentence, advice=self.advice, retry_after_s=self.pause_s)
        return self.kind(sentence, advice=self.advice)


STATES: dict[int, Meaning] = {
    0: Meaning(ProviderFault, "115 is still checking share {share}", "try again in a few minutes"),
    2: Meaning(Gone, "115 has blocked share {share} over copyright", _NEW_LINK),
    3: Meaning(Gone, "115 has blocked share {share} for its content", _NEW_LINK),
    4: Meaning(Gone, "share {share} was cancelled by its owner", _NEW_LINK),
    5: Meaning(Gone, "share {share} was deleted by its owner", _NEW_LINK),
    6: Meaning(Gone, "115 has blocked share {share} for violence", _NEW_LINK),
    7: Meaning(Gone, "share {share} has expired", _NEW_LINK),
    8: Meaning(
        ProviderFault,
        "share {share} is under review at 115",
        "try again when the review is over, in some hours",
    ),
}
"""States 2 to 6 and 8 are known from one client (wire: 115 §6.2)."""

UNKNOWN_STATE = Meaning(
    ProviderFault, "share {share} is in a state that fsmount does not know", "open it in a browser"
)

CODES: dict[int, Meaning] = {
    990002: Meaning(
        Gone, "there is no share {share}", "check the link: its sw… has to be copied whole"
    ),
    4100000: Meaning(Gone, "share {share} was closed", _NEW_LINK),
    4100008: Meaning(
        Denied, "the receive code of share {share} is wrong or was changed", _THE_CODE
    ),
    4100009: Meaning(Gone, "share {share} was cancelled by its owner", _NEW_LINK),
    4100010: Meaning(Gone, "share {share} was cancelled by its owner", _NEW_LINK),
    4100012: Meaning(Denied, "share {share} wants a receive code", _THE_CODE),
    4100018: Meaning(Gone, "share {share} has expired", _NEW_LINK),
    4100021: Meaning(
        ProviderFault, "115 is still preparing share {share}", "try again in a few seconds"
    ),
    4100026: Meaning(Gone, "share {share} does not exist any more", _NEW_LINK),
    4100033: Meaning(Gone, "115 has removed share {share} for its content", _NEW_LINK),
}


def of_state(state: int) -> Meaning:
    """Return what a state other than ``FINE`` amounts to."""
    return STATES.get(state, UNKNOWN_STATE)
