"""One token per account: renewed ahead, once for all who wait, kept before its first use."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import trio
import trio.testing

from fsmount.account import refresher as module
from fsmount.account.credentials import Credentials
from fsmount.account.lifetime import descend
from fsmount.account.login import keep
from fsmount.account.refresher import Refresher
from fsmount.errors import LoginLost, StoreFault, Throttled, Unauthorized, Unreachable
from fsmount.model import Token
from fsmount.store.tokens import TokenFile
from tests.account.fakes import FakeProvider

PASSWORD = Credentials(login="me@example.com", password="right")
TOKEN = Credentials(refresh_token="pasted")
NOBODY = Credentials()


def in_memory(provider, credentials=PASSWORD):
    """Return a refresher without files or threads, on trio's clock."""
    return Refresher(
        scheme=provider,
        tokens=None,
        credentials=credentials,
        send=provider.send,
        name="cloud",
        clock=trio.current_time,
        wall=lambda: 1e9 + trio.current_time(),
    )


def with_file(provider, tokens, credentials=PASSWORD):
    return Refresher(
        scheme=provider, tokens=tokens, credentials=credentials, send=provider.send, name="cloud"
    )


@pytest.fixture
def tokens(tmp_path):
    return TokenFile(tmp_path / "tokens" / "me.json")


@pytest.fixture
def provider():
    return FakeProvider(takes_s=0.02)


# --- in one process, with a clock that jumps ------------------------------------------------------


@pytest.mark.autojump
async def test_the_first_caller_signs_in_and_all_others_share_it(provider):
    """Twenty callers cost one sign-in; later ones none."""
    refresher, got = in_memory(provider), []

    async def ask():
        got.append((await refresher.current()).access)

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
    assert set(got) == {"access-1"}
    await refresher.current()
    assert (len(provider.sign_ins), provider.refreshes) == (1, [])


@pytest.mark.autojump
async def test_run_renews_at_four_fifths_of_the_life(provider):
    """An hour's token is renewed every 48 minutes, before anybody meets its end."""
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await refresher.current()
        for renewals in range(1, 5):
            await trio.sleep(2880 + 1)
            assert len(provider.refreshes) == renewals
            assert (await refresher.current()).access == f"access-{renewals + 1}"
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
@pytest.mark.parametrize("skew_s", [1e7, -1e7])
async def test_a_providers_clock_that_is_wrong_does_not_matter(provider, skew_s):
    """Four months ahead or behind: the same 48 minutes."""
    provider.skew_s = skew_s
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await refresher.current()
        await trio.sleep(2800)
        assert provider.refreshes == []
        await trio.sleep(100)
        assert len(provider.refreshes) == 1
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
async def test_without_run_a_token_is_renewed_when_it_is_over(provider):
    """A token past its end is never handed out: some providers take it for no token at all."""
    refresher = in_memory(provider)
    await refresher.current()
    await trio.sleep(3601)
    assert (await refresher.current()).access == "access-2"


@pytest.mark.autojump
async def test_a_rejected_token_is_renewed_once_for_all_who_met_it(provider):
    """Fifty calls that were rejected together cost one refresh; a late one costs none."""
    refresher = in_memory(provider)
    old = await refresher.current()
    got = []

    async def ask():
        got.append((await refresher.renew(old)).access)

    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        async with trio.open_nursery() as callers:
            for _ in range(50):
                callers.start_soon(ask)
        nursery.cancel_scope.cancel()
    assert set(got) == {"access-2"}
    assert (await refresher.renew(old)).access == "access-2"
    assert provider.refreshes == ["refresh-1"]


@pytest.mark.autojump
@pytest.mark.parametrize("running", [True, False])
async def test_a_waiter_that_is_cancelled_harms_nobody(provider, running):
    """Whoever leads: the others get the token, from the one exchange that was begun."""
    provider.takes_s = 1.0
    refresher, got = in_memory(provider), []

    async def ask():
        got.append((await refresher.current()).access)

    async with trio.open_nursery() as nursery:
        if running:
            await nursery.start(refresher.run)
        async with trio.open_nursery() as callers:
            with trio.move_on_after(0.5):
                callers.start_soon(ask)
                await trio.testing.wait_all_tasks_blocked()
                callers.start_soon(ask)
                await refresher.current()
        with trio.move_on_after(0.1):
            await refresher.current()
        nursery.cancel_scope.cancel()
    assert got == ["access-1", "access-1"]
    assert provider.given == 1


@pytest.mark.autojump
async def test_a_leader_that_is_cancelled_before_the_exchange_is_followed_by_another(
    provider, monkeypatch
):
    """Without run the caller's task waits for the lock; when it goes, the next one asks."""
    refresher = in_memory(provider)
    first_time = True

    async def slow_load():
        nonlocal first_time
        if first_time:
            first_time = False
            await trio.sleep(10)

    monkeypatch.setattr(refresher, "_load", slow_load)
    got = []

    async def impatient():
        with trio.move_on_after(1):
            await refresher.current()

    async def patient():
        got.append((await refresher.current()).access)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(impatient)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(patient)
    assert got == ["access-1"]


@pytest.mark.autojump
async def test_ending_the_mount_waits_for_an_answer_under_way(provider):
    """Three seconds at most: the answer is the only copy of a single-use token."""
    provider.takes_s = 2.0
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        with trio.move_on_after(1):
            await refresher.current()
        nursery.cancel_scope.cancel()
    assert (await refresher.current()).access == "access-1"
    assert provider.given == 1


@pytest.mark.autojump
async def test_ending_the_mount_does_not_wait_for_ever(provider):
    """A black hole costs the three seconds."""
    provider.takes_s = 1000.0
    refresher = in_memory(provider)
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        with trio.move_on_after(1):
            await refresher.current()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - start == pytest.approx(4.0)


@pytest.mark.autojump
@pytest.mark.logs("login lost")
async def test_a_refusal_without_a_password_is_final_and_said_once(unexpected_warnings):
    """Callers hear it at once, the provider is not asked again."""
    provider = FakeProvider()
    refresher = in_memory(provider, TOKEN)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        for _ in range(5):
            with pytest.raises(LoginLost, match='run "fsmount login cloud"'):
                await refresher.current()
            await trio.sleep(3600)
        nursery.cancel_scope.cancel()
    assert provider.refreshes == ["pasted"]
    assert len(unexpected_warnings.records) == 1


@pytest.mark.autojump
async def test_a_refusal_with_a_password_signs_in(provider):
    """The refresh token died of a changed password, or of age."""
    refresher = in_memory(provider)
    old = await refresher.current()
    provider.valid_refresh.clear()
    assert (await refresher.renew(old)).access == "access-2"
    assert len(provider.sign_ins) == 2


@pytest.mark.autojump
async def test_a_private_key_signs_in_as_a_password_does(provider):
    """An application that signs in by itself does so whenever its token cannot be renewed."""
    provider.password = "a key"
    refresher = in_memory(provider, Credentials(private_key="a key"))
    first = await refresher.current()
    provider.revoke(first)
    provider.valid_refresh.clear()
    assert (await refresher.renew(first)).access == "access-2"
    assert len(provider.sign_ins) == 2


@pytest.mark.logs("login lost")
@pytest.mark.autojump
async def test_a_wrong_password_is_tried_once(provider):
    """Ten callers, then an hour of callers: one attempt, or the account would be locked."""
    provider.password = "another"
    refresher = in_memory(provider)

    async def ask():
        with pytest.raises(LoginLost, match="the password is refused"):
            await refresher.current()

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
    await trio.sleep(3600)
    await ask()
    assert len(provider.sign_ins) == 1


@pytest.mark.autojump
@pytest.mark.logs("login lost")
async def test_an_access_token_alone_is_lost_when_it_ends(provider):
    """It is used as it is; nothing can renew it."""
    provider.valid_access.add("pasted-access")
    refresher = in_memory(provider, Credentials(access_token="pasted-access"))
    token = await refresher.current()
    assert token.access == "pasted-access"
    with pytest.raises(LoginLost, match="nothing can renew it"):
        await refresher.renew(token)
    with pytest.raises(LoginLost):
        await refresher.current()
    assert (provider.refreshes, provider.sign_ins) == ([], [])


@pytest.mark.autojump
@pytest.mark.logs("login lost")
async def test_an_access_token_that_says_its_end_is_not_used_after_it(provider):
    """A provider that takes an old token for no token would go on with a guest's rights."""
    provider.pasted_ends_at = 1e9 + trio.current_time() + 600
    refresher = in_memory(provider, Credentials(access_token="pasted-access"))
    await refresher.current()
    await trio.sleep(599)
    await refresher.current()
    await trio.sleep(2)
    with pytest.raises(LoginLost, match="nothing can renew it"):
        await refresher.current()


@pytest.mark.autojump
@pytest.mark.logs("login lost")
async def test_nobody_signed_in_is_said(provider):
    """Neither credentials nor a kept token."""
    with pytest.raises(LoginLost, match="nobody is signed in"):
        await in_memory(provider, NOBODY).current()


@pytest.mark.autojump
async def test_transport_errors_back_off_for_ever(provider):
    """A day without network: asked rarely, never given up, healed when it is back."""
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await refresher.current()
        provider.failures = [Unreachable("no network")] * 10_000
        await trio.sleep(86400)
        tries = len(provider.refreshes)
        assert 86400 / 300 < tries < 86400 / 140
        provider.failures.clear()
        await trio.sleep(300)
        assert (await refresher.current()).access == "access-2"
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
async def test_a_retry_after_is_honoured(provider):
    """Ten minutes are ten minutes, though the back-off alone would be shorter."""
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await refresher.current()
        provider.failures = [Throttled("slow", retry_after_s=600.0)]
        await trio.sleep(2890)
        assert len(provider.refreshes) == 1
        await trio.sleep(580)
        assert len(provider.refreshes) == 1
        await trio.sleep(30)
        assert len(provider.refreshes) == 2
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
async def test_callers_hear_of_a_failure_without_each_asking_again(provider):
    """A hundred readers without network cost a try each five seconds."""
    provider.failures = [Unreachable("no network")] * 100
    refresher = in_memory(provider)
    for _ in range(100):
        with pytest.raises(Unreachable):
            await refresher.current()
        await trio.sleep(0.1)
    assert len(provider.sign_ins) <= 3
    provider.failures.clear()
    await trio.sleep(5)
    assert (await refresher.current()).access == "access-1"


@pytest.mark.autojump
async def test_a_provider_that_rejects_what_it_gives_is_not_hammered(provider):
    """A few renewals a minute, then a sentence."""
    refresher = in_memory(provider)
    token, refused = await refresher.current(), 0
    for _ in range(1000):
        try:
            token = await refresher.renew(token)
        except Unauthorized:
            refused += 1
            await trio.sleep(0.1)
    assert refused > 900
    assert len(provider.refreshes) <= 20
    await trio.sleep(120)
    assert (await refresher.renew(token)).access != token.access


@pytest.mark.autojump
async def test_a_refresh_that_brings_the_rejected_token_again_ends(provider):
    """Some providers answer a refresh with the token they already gave."""
    refresher = in_memory(provider)
    token = await refresher.current()

    async def same(base, send):
        provider.refreshes.append(base.refresh)
        return token

    provider.refresh = same
    with pytest.raises(Unauthorized):
        await refresher.renew(token)
    assert len(provider.refreshes) <= 2


@pytest.mark.autojump
@pytest.mark.logs("renewal met a defect")
async def test_a_defect_of_a_scheme_reaches_the_caller_and_nothing_else(provider):
    """The mount goes on; the traceback is in the log."""

    async def broken(credentials, send):
        raise KeyError("access_token")

    provider.sign_in = broken
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        with pytest.raises(Exception, match="could not be renewed"):
            await refresher.current()
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
@pytest.mark.parametrize("life_s", [60.0, 2.0, 0.0, -10.0])
async def test_short_lives_do_not_end_in_a_storm(provider, life_s):
    """A token for a minute is renewed twice a minute; one that is over at birth once a second."""
    provider.life_s = life_s
    refresher = in_memory(provider)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await refresher.current()
        await trio.sleep(600)
        nursery.cancel_scope.cancel()
    assert len(provider.refreshes) <= 600


@pytest.mark.autojump
@pytest.mark.parametrize("failed", range(1, 20))
async def test_the_back_off_is_bounded_and_spread(failed):
    """Five minutes at most, half of it spread."""
    pauses = [module._backoff_s(failed, Unreachable("no")) for _ in range(50)]
    assert all(min(2.0**failed, 300) / 2 <= pause <= 300 for pause in pauses)
    assert len(set(pauses)) > 1


# --- with the file, and real threads --------------------------------------------------------------


async def test_a_token_is_on_disk_before_its_first_use(provider, tokens):
    """What current returns has been kept, with what a scheme added."""
    refresher = with_file(provider, tokens)
    token = await refresher.current()
    assert tokens.load() == token
    renewed = await refresher.renew(token)
    assert tokens.load() == renewed


async def test_a_restart_uses_the_kept_token(provider, tokens):
    """No sign-in, no refresh."""
    first = await with_file(provider, tokens).current()
    assert await with_file(provider, tokens).current() == first
    assert (len(provider.sign_ins), provider.refreshes) == (1, [])


async def test_another_processs_renewal_is_taken_over(provider, tokens):
    """The newest token on disk wins, without a second refresh of a single-use token."""
    ours, theirs = with_file(provider, tokens), with_file(provider, tokens)
    old = await ours.current()
    assert await theirs.current() == old
    new = await theirs.renew(old)
    assert await ours.renew(old) == new
    assert provider.refreshes == ["refresh-1"]


async def test_processes_that_renew_together_refresh_once(provider, tokens):
    """Ten refreshers, each with its own lock handle, meet the same rejection."""
    everyone = [with_file(provider, TokenFile(tokens.path)) for _ in range(10)]
    old = await everyone[0].current()
    got = []

    async def ask(refresher):
        got.append((await refresher.renew(old)).access)

    async with trio.open_nursery() as nursery:
        for refresher in everyone:
            nursery.start_soon(ask, refresher)
    assert set(got) == {"access-2"}
    assert provider.refreshes == ["refresh-1"]


async def test_a_newly_pasted_refresh_token_wins_over_the_kept_one(provider, tokens):
    """Once; afterwards the kept one descends from it and wins."""
    await with_file(provider, tokens).current()
    provider.valid_refresh.add("pasted")
    first = await with_file(provider, tokens, TOKEN).current()
    assert provider.refreshes == ["pasted"]
    assert await with_file(provider, tokens, TOKEN).current() == first
    assert provider.refreshes == ["pasted"]
    provider.valid_refresh.add("pasted again")
    again = Credentials(refresh_token="pasted again")
    await with_file(provider, tokens, again).current()
    assert provider.refreshes == ["pasted", "pasted again"]


async def test_a_pasted_token_that_is_refused_leaves_the_kept_sign_in(provider, tokens):
    """An old line in the configuration does not undo a login."""
    kept = await with_file(provider, tokens).current()
    assert await with_file(provider, tokens, TOKEN).current() == kept
    assert provider.refreshes == ["pasted"]


async def test_a_login_wins_over_an_older_pasted_token(provider, tokens):
    """After ``fsmount login`` the refresh token in the configuration is not tried any more."""
    await keep(provider.give(), tokens=tokens, credentials=TOKEN)
    assert (await with_file(provider, tokens, TOKEN).current()).access == "access-1"
    assert provider.refreshes == []


@pytest.mark.logs("login lost")
async def test_a_login_from_outside_heals_a_running_mount(provider, tokens, monkeypatch):
    """The file is looked at every few seconds; nobody has to remount."""
    monkeypatch.setattr(module, "_LOOK_S", 0.05)
    refresher = with_file(provider, tokens, NOBODY)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        with pytest.raises(LoginLost):
            await refresher.current()
        await keep(provider.give(), tokens=tokens, credentials=NOBODY)
        with trio.fail_after(10):
            while True:
                try:
                    token = await refresher.current()
                    break
                except LoginLost:
                    await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert token.access == "access-1"


def unwritable(tokens):
    """Put a directory where the temporary file of ``tokens`` goes: it stops root as well."""
    for suffix in (".json.new", ".probe.new"):
        (tokens.path.parent / f"me{suffix}").mkdir(parents=True)


def writable(tokens):
    for suffix in (".json.new", ".probe.new"):
        (tokens.path.parent / f"me{suffix}").rmdir()


async def until_kept(tokens, token):
    """Wait until another task has written ``token``."""
    with trio.fail_after(20):
        while tokens.load() != token:  # noqa: ASYNC110 (the file tells nobody)
            await trio.sleep(0.02)


async def test_a_single_use_token_is_not_used_up_while_state_cannot_be_written(provider, tokens):
    """The failure says so in words; it works as soon as the disk does."""
    refresher = with_file(provider, tokens)
    old = await refresher.current()
    unwritable(tokens)
    with pytest.raises(StoreFault, match="make the state directory writable"):
        await refresher.renew(old)
    assert provider.refreshes == []
    writable(tokens)
    assert (await with_file(provider, tokens).renew(old)).access == "access-2"


@pytest.mark.logs("will not survive a restart")
async def test_a_reusable_token_is_refreshed_without_a_writable_state(tokens, monkeypatch):
    """Kept in memory, said once, written as soon as it can be."""
    monkeypatch.setattr(module, "_LOOK_S", 0.05)
    provider = FakeProvider(single_use=False, takes_s=0.0)
    refresher = with_file(provider, tokens)
    old = await refresher.current()
    unwritable(tokens)
    new = await refresher.renew(old)
    assert new.access == "access-2"
    assert tokens.load() == old
    newer = await refresher.renew(new)
    assert newer.access == "access-3"
    writable(tokens)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await until_kept(tokens, newer)
        nursery.cancel_scope.cancel()


@pytest.mark.logs("will not survive a restart")
async def test_a_disk_that_fills_up_during_a_refresh_loses_no_token(provider, tokens, monkeypatch):
    """The old one is used up, so the new one is used from memory and kept as soon as possible."""
    refresher = with_file(provider, tokens)
    old = await refresher.current()
    real_fsync = os.fsync

    def full(fd):
        raise OSError(28, "No space left on device")

    async def refresh(base, send):
        monkeypatch.setattr(os, "fsync", full)
        return await FakeProvider.refresh(provider, base, send)

    provider.refresh = refresh
    new = await refresher.renew(old)
    assert (await refresher.current()) == new
    assert tokens.load() == old
    monkeypatch.setattr(os, "fsync", real_fsync)
    async with trio.open_nursery() as nursery:
        await nursery.start(refresher.run)
        await until_kept(tokens, new)
        nursery.cancel_scope.cancel()


async def test_a_kept_token_from_a_clock_in_the_future_is_replaced(provider, tokens):
    """Its date alone must not strand the account."""
    strange = Token(access="x", refresh="from-2099", issued_at=4e9, access_expires_at=4e9 + 3600)
    provider.valid_refresh.add("from-2099")
    async with tokens.locked():
        tokens.save(descend(strange, PASSWORD, wall=1.0))
    refresher = with_file(provider, tokens)
    token = await refresher.current()
    assert token.access == "access-1"
    assert tokens.load() == token


PROCESS = """
import json, sys, trio
from pathlib import Path
from fsmount.account.credentials import Credentials
from fsmount.account.refresher import Refresher
from fsmount.model import Token
from fsmount.store.tokens import TokenFile

class Scheme:
    async def refresh(self, token, send):
        with open(sys.argv[2], "a") as used:
            used.write(token.refresh + "\\n")
        await trio.sleep(0.2)
        number = int(token.refresh[1:]) + 1
        return Token(access=f"a{number}", refresh=f"r{number}", issued_at=float(number))

async def main():
    refresher = Refresher(scheme=Scheme(), tokens=TokenFile(Path(sys.argv[1])),
                          credentials=Credentials(), send=None)
    print("ready", flush=True)
    sys.stdin.readline()
    token = await refresher.renew(Token(access="a1", refresh="r1"))
    print(token.access)

trio.run(main)
"""


def test_real_processes_use_a_single_use_token_once(tokens, tmp_path):
    """Four processes meet the same rejection: one refresh, one new token for all."""
    tokens.save(Token(access="a1", refresh="r1", issued_at=1.0))
    used = tmp_path / "used"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, tokens.path, used],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for each in running:
        assert each.stdout.readline() == "ready\n"
    for each in running:
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate(timeout=60)[0] for each in running]
    assert said == ["a2\n"] * 4
    assert used.read_text() == "r1\n"
    assert json.loads(tokens.path.read_text())["refresh"] == "r2"
