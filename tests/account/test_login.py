"""A person is walked through a sign-in."""

from __future__ import annotations

import pytest
import trio

from fsmount.account.login import walk
from fsmount.errors import Denied, ProtocolError, TimedOut, Unreachable, UsageError
from fsmount.model import Ask, Choose, Done, ShowPicture, ShowQr, Token, Waiting

DONE = Done(token=Token(access="a"), note="signed in as me")


class Flow:
    """A sign-in that goes through ``starts`` and ``polls``; an exception in them is raised."""

    def __init__(self, *starts, polls=()):
        self.starts = list(starts)
        self.polls = list(polls)
        self.answers = []
        self.polled_at = []

    async def start(self, answers):
        self.answers.append(dict(answers))
        return self._next(self.starts)

    async def poll(self):
        self.polled_at.append(trio.current_time())
        return self._next(self.polls)

    def _next(self, steps):
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


class Person:
    """Answers from a dict, remembers what was shown."""

    def __init__(self, **answers):
        self.answers = answers
        self.seen = []

    async def __call__(self, step):
        await trio.lowlevel.checkpoint()
        self.seen.append(step)
        field = getattr(step, "field", None)
        return {field: self.answers[field]} if field in self.answers else {}


@pytest.mark.autojump
async def test_questions_are_asked_one_after_another():
    """Each answer goes along with all before it."""
    steps = [
        Ask(field="email", prompt="E-mail"),
        Ask(field="password", prompt="Password", secret=True),
        ShowPicture(picture=b"PNG", field="captcha", prompt="Letters"),
        Choose(field="drive", prompt="Which", choices={"1": "Own"}),
    ]
    flow = Flow(*steps, DONE)
    person = Person(email="me", password="p", captcha="x7", drive="1")
    assert await walk(flow, person) == DONE
    assert person.seen == steps
    assert flow.answers[-1] == {"email": "me", "password": "p", "captcha": "x7", "drive": "1"}


@pytest.mark.autojump
async def test_nothing_to_ask_is_done_at_once():
    """Everything was answered by the configuration."""
    person = Person()
    assert await walk(Flow(DONE), person) == DONE
    assert person.seen == []


@pytest.mark.autojump
async def test_a_wrong_captcha_is_asked_again():
    """The next picture is another one; the later answer counts."""
    first = ShowPicture(picture=b"1", field="captcha", prompt="Letters")
    second = ShowPicture(picture=b"2", field="captcha", prompt="Wrong, once more")
    flow, person = Flow(first, second, DONE), Person(captcha="x")
    await walk(flow, person)
    assert person.seen == [first, second]
    assert flow.answers == [{}, {"captcha": "x"}, {"captcha": "x"}]


@pytest.mark.autojump
async def test_a_qr_code_is_drawn_once_and_polled():
    """Each look waits; what changes is shown, what stays is not shown again."""
    qr = ShowQr(text="https://login", prompt="Scan")
    scanned = Waiting(after_s=1.0, note="scanned, confirm on the phone")
    another = ShowQr(text="https://login/2", prompt="Scan")
    flow, person = Flow(qr, polls=[qr, scanned, scanned, another, DONE]), Person()
    start = trio.current_time()
    assert await walk(flow, person) == DONE
    assert person.seen == [qr, scanned, another]
    assert [each - start for each in flow.polled_at] == pytest.approx([2, 4, 5, 6, 8])


@pytest.mark.autojump
@pytest.mark.parametrize(("asked_s", "waited_s"), [(0.0, 0.2), (5.0, 5.0), (1e6, 30.0)])
async def test_a_pause_is_neither_nothing_nor_for_ever(asked_s, waited_s):
    """What a provider asks for is bounded."""
    flow = Flow(Waiting(after_s=asked_s), polls=[DONE])
    start = trio.current_time()
    await walk(flow, Person())
    assert trio.current_time() - start == pytest.approx(waited_s)


@pytest.mark.autojump
async def test_a_poll_may_fail_a_few_times():
    """The network blinks while the phone is looked for."""
    qr = ShowQr(text="https://login", prompt="Scan")
    flow = Flow(qr, polls=[Unreachable("no network")] * 3 + [DONE])
    assert await walk(flow, Person()) == DONE
    flow = Flow(qr, polls=[Unreachable("no network")] * 10)
    with pytest.raises(Unreachable):
        await walk(flow, Person())


@pytest.mark.autojump
async def test_a_refusal_ends_the_walk():
    """A wrong password is the flow's to tell."""
    with pytest.raises(Denied, match="wrong password"):
        await walk(Flow(Denied("wrong password")), Person())


@pytest.mark.autojump
async def test_an_unanswered_question_ends_the_walk():
    """Nothing was typed, the terminal is closed."""
    with pytest.raises(UsageError, match='"E-mail" was not answered'):
        await walk(Flow(Ask(field="email", prompt="E-mail"), DONE), Person())


@pytest.mark.autojump
async def test_nobody_comes():
    """After ten minutes it is over, whatever is being waited for."""

    class Patient(Flow):
        async def poll(self):
            return Waiting(after_s=2.0)

    start = trio.current_time()
    with pytest.raises(TimedOut, match="within 10 minutes"):
        await walk(Patient(ShowQr(text="x", prompt="Scan")), Person())
    assert trio.current_time() - start == pytest.approx(600)

    async def asleep(step):
        await trio.sleep_forever()

    with pytest.raises(TimedOut, match="within 2 minutes"):
        await walk(Flow(Ask(field="email", prompt="E-mail")), asleep, within_s=120)


@pytest.mark.autojump
async def test_a_flow_that_goes_round_in_circles_ends():
    """A captcha that is never right."""

    class Circle(Flow):
        async def start(self, answers):
            return Ask(field="code", prompt="Code")

    with pytest.raises(ProtocolError, match="again and again"):
        await walk(Circle(), Person(code="1"))
