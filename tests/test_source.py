"""What a SOURCE means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsmount import drivers
from fsmount.config import Config, MountConfig, RemoteConfig
from fsmount.errors import Unreachable, UsageError
from fsmount.model import Answer
from fsmount.source import arranged, configured, resolve
from fsmount.store.detections import Detections
from tests.fake_driver import SPEC, FakeOptions

FAKE = {"fake": "tests.fake_driver"}


@pytest.fixture(autouse=True)
def only_the_fake_driver(monkeypatch):
    """Let the fake driver be all there is."""
    monkeypatch.setattr("fsmount.drivers.registry.REGISTRY", FAKE)
    monkeypatch.setattr(drivers, "REGISTRY", FAKE)


def config(**remotes):
    return Config(
        remotes={
            name: RemoteConfig(driver="fake", options=FakeOptions(**options))
            for name, options in remotes.items()
        }
    )


class Site:
    """Answers who it is, and counts how often it was asked."""

    def __init__(self, body=b"fake", failure=None):
        self.body = body
        self.failure = failure
        self.asked = 0

    async def send(self, call):
        self.asked += 1
        if self.failure:
            raise self.failure
        return Answer(status=200, headers={}, body=self.body, url=call.url, date=0.0)


async def resolved(text, remotes=None, overrides=None, *, send=None, detections=None):
    return await resolve(
        text, remotes or Config(), overrides or {}, send=send, detections=detections
    )


async def test_a_remote_is_found_by_its_name():
    """Its options are the configured ones, overridden by -o, converted from text."""
    source = await resolved(
        "mine",
        config(mine={"address": "https://a", "pages": 2}),
        {"pages": "5", "insecure": "true"},
    )
    assert (source.name, source.shown, source.driver) == ("mine", "mine", "fake")
    assert (source.options.address, source.options.pages) == ("https://a", 5)
    assert source.options.insecure is True
    assert source.spec is SPEC
    assert not source.is_share


async def test_a_link_that_is_certain_asks_nobody():
    """A driver's own address needs no probe."""
    site = Site()
    source = await resolved("fake://AbC", overrides={"address": "https://a"}, send=site.send)
    assert (source.options.share, source.options.address) == ("AbC", "https://a")
    assert site.asked == 0
    assert source.is_share


async def test_an_unknown_site_is_asked_once_and_remembered(tmp_path):
    """The second time, without network, the answer is known; the code is blanked."""
    site, detections = Site(), Detections(tmp_path / "detections.json")
    text = "https://a.example/f/AbC/pw1"
    source = await resolved(f" {text}\n", send=site.send, detections=detections)
    assert source.shown == "https://a.example/f/AbC/***"
    assert source.name == source.shown
    assert source.options.code == "pw1"
    assert detections.get(text) == "fake"
    again = await resolved(text, send=site.send, detections=detections)
    assert again == source
    assert site.asked == 1


async def test_a_site_that_is_something_else_is_refused(tmp_path):
    """Named without its code, and not remembered."""
    detections = Detections(tmp_path / "detections.json")
    with pytest.raises(UsageError) as caught:
        await resolved(
            "https://a.example/f/AbC/pw1", send=Site(b"other").send, detections=detections
        )
    assert str(caught.value) == (
        '"https://a.example/f/AbC/***" looks like a link of Fake, but the site says it is '
        "something else; check the address, or say -o driver=NAME if you are sure"
    )
    assert detections.get("https://a.example/f/AbC/pw1") is None


@pytest.mark.parametrize("how", ["unreachable", "no way to ask"])
async def test_without_network_the_only_candidate_is_taken_but_not_remembered(tmp_path, how):
    """So that a mount at boot can wait for the network."""
    detections = Detections(tmp_path / "detections.json")
    send = None if how == "no way to ask" else Site(failure=Unreachable("no network")).send
    source = await resolved("https://a.example/f/AbC", send=send, detections=detections)
    assert source.driver == "fake"
    assert detections.get("https://a.example/f/AbC") is None


async def test_without_network_two_candidates_are_not_guessed_between(monkeypatch):
    """The message says how to decide."""
    two = {"fake": "tests.fake_driver", "fake2": "tests.fake_driver"}
    monkeypatch.setattr("fsmount.drivers.registry.REGISTRY", two)
    monkeypatch.setattr(drivers, "REGISTRY", two)
    with pytest.raises(UsageError) as caught:
        await resolved("https://a.example/f/AbC")
    assert str(caught.value) == (
        'cannot tell what kind of site "https://a.example/f/AbC" is without asking it; '
        "say -o driver=fake or -o driver=fake2"
    )
    assert (await resolved("https://a.example/f/AbC", overrides={"driver": "fake2"})).driver == (
        "fake2"
    )


@pytest.mark.logs("what kind of site it is cannot be remembered")
async def test_a_state_that_cannot_be_written_only_costs_the_memory(tmp_path):
    """The mount goes on; the next one asks again."""
    (tmp_path / "file").touch()
    detections = Detections(tmp_path / "file" / "detections.json")
    source = await resolved("https://a/f/x", send=Site().send, detections=_Unreadable(detections))
    assert source.driver == "fake"


class _Unreadable:
    """Knows nothing, and cannot write."""

    def __init__(self, detections):
        self._detections = detections

    def get(self, text):
        return None

    def put(self, text, driver):
        self._detections.put(text, driver)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (
            "fotos",
            {},
            'there is no remote "fotos" and no configuration file; did you mean "photos"?',
        ),
        ("zzz", {}, 'there is no remote "zzz" and no configuration file; there are photos'),
        (
            "https://x/y pw hunter2",
            {},
            "SOURCE is neither a configured remote nor a link that is understood; "
            "paste a share link such as https://cloud.example.com/s/AbC1",
        ),
        (
            "https://x/y",
            {"driver": "fake"},
            "driver fake does not understand this SOURCE as a link; "
            'see "fsmount remotes example fake"',
        ),
        ("https://x/y", {"driver": "fak"}, 'there is no driver "fak"; did you mean fake?'),
        (
            "photos",
            {"driver": "other"},
            'remote "photos" is of driver fake; leave out -o driver=',
        ),
        ("photos", {"adress": "x"}, 'unknown option "adress"; did you mean "address"?'),
        (
            "photos",
            {"alow_other": "true"},
            'unknown option "alow_other"; did you mean "allow_other"?',
        ),
        ("photos", {"pages": "many"}, "-o pages: expected int, got str"),
        ("photos", {"insecure": "perhaps"}, "-o insecure: expected bool, got str"),
        (
            "photos",
            {"password": "hunter2"},
            "-o password=… is refused: everyone could read it in ps and /etc/fstab; "
            'write it to a configuration file, or use "fsmount login REMOTE"',
        ),
        ("photos", {"auth": "me"}, 'auth = "me" is not understood; write auth = "ref:NAME"'),
        (
            "photos",
            {"auth": "ref:photo"},
            'auth = "ref:photo" names a remote that is not configured; did you mean "ref:photos"?',
        ),
        (
            "fake://AbC",
            {"auth": "ref:photos", "address": "https://b"},
            'auth = "ref:photos": a login of one site is of no use at another; '
            "name a remote of https://b",
        ),
    ],
)
async def test_what_is_not_understood_is_said(text, overrides, message):
    """One line, with what to do, and without what was pasted as a secret."""
    with pytest.raises(UsageError) as caught:
        await resolved(text, config(photos={"address": "https://a"}), overrides)
    assert str(caught.value) == message
    assert "hunter2" not in str(caught.value)


async def test_without_any_configuration_the_message_says_how_to_begin():
    """Nothing is configured, nothing is near."""
    with pytest.raises(UsageError) as caught:
        await resolved("photos")
    assert str(caught.value) == (
        'there is no remote "photos" and no configuration file; write one '
        '(see "fsmount remotes example cloudreve") or paste a share link'
    )


async def test_an_unknown_option_unlike_any_lists_those_of_the_driver():
    """Secrets are not suggested for the command line."""
    with pytest.raises(UsageError, match=r'unknown option "qqqq"; Fake knows .*address') as caught:
        await resolved("fake://x", overrides={"qqqq": "1"})
    assert "password" not in str(caught.value)


async def test_identity_hangs_on_site_and_place_only():
    """Other options, a code, a login change nothing for a share; an own drive is its owner's."""
    one = await resolved("fake://AbC", overrides={"address": "https://a"})
    other = await resolved("fake://AbC", overrides={"address": "https://a", "pages": "7"})
    lent = await resolved("fake://AbC", overrides={"address": "https://a", "login": "ann"})
    assert one.identity == other.identity == lent.identity
    assert (
        one.identity != (await resolved("fake://AbD", overrides={"address": "https://a"})).identity
    )
    assert (
        one.identity != (await resolved("fake://AbC", overrides={"address": "https://b"})).identity
    )
    drives = config(ann={"address": "https://a", "login": "ann"}, bob={"address": "https://a"})
    ann, bob = [(await resolved(name, drives)).identity for name in ("ann", "bob")]
    assert len({one.identity, ann, bob}) == 3


async def test_an_account_is_a_site_and_a_login():
    """Two remotes of one login share token and pace; one without a login goes by its name."""
    remotes = config(
        one={"address": "https://a.example", "login": "ann"},
        two={"address": "https://a.example", "login": "ann", "pages": 3},
        three={"address": "https://a.example"},
    )
    one, two, three = [await resolved(name, remotes) for name in ("one", "two", "three")]
    assert one.account_key == two.account_key != three.account_key
    pasted = await resolved("fake://x", overrides={"address": "https://a.example"})
    assert pasted.account_key not in (one.account_key, three.account_key)


async def test_account_keys_and_identities_never_change():
    """They name files of the state directory: another derivation would lose tokens and trees."""
    source = await resolved("one", config(one={"address": "https://a.example", "login": "ann"}))
    assert source.account_key == "fake-a.example-7e4feb87e2"
    assert source.identity == "fake-49a1cd878d"


async def test_a_share_may_borrow_a_login():
    """With auth = "ref:NAME": token, pace and credentials are that remote's, the place is not."""
    remotes = config(me={"address": "https://a", "login": "ann", "password": "pw"})
    lent = await resolved("fake://AbC", remotes, {"address": "https://a", "auth": "ref:me"})
    alone = await resolved("fake://AbC", remotes, {"address": "https://a"})
    me = await resolved("me", remotes)
    assert lent.account_key == me.account_key != alone.account_key
    assert lent.signer.password == "pw"
    assert alone.signer is alone.options
    assert lent.identity == alone.identity


MEDIA = MountConfig(tree={"/": ("a",), "/films": ("b", "a")})


def test_a_mount_is_its_remotes_at_their_places():
    """Each is what it is by itself; the whole keeps its name when the tree is edited."""
    both = replace(config(a={"address": "https://a"}, b={"share": "B"}), mounts={"m": MEDIA})
    found = arranged("m", both, {})
    assert {path: [each.name for each in place] for path, place in found.places.items()} == {
        "/": ["a"],
        "/films": ["b", "a"],
    }
    assert [source.name for source in found.sources] == ["a", "b"]
    assert found.places["/"][0] == configured("a", both)
    edited = replace(both, mounts={"m": MountConfig(tree={"/": ("b",)})})
    assert arranged("m", edited, {}).identity == found.identity
    assert found.identity not in {source.identity for source in found.sources}


async def test_what_is_asked_of_one_remote_is_not_asked_of_a_mount():
    """Options of a remote and commands about one say which are meant."""
    both = replace(config(a={}, b={}), mounts={"m": MEDIA})
    with pytest.raises(UsageError) as caught:
        arranged("m", both, {"address": "https://x"})
    assert str(caught.value) == (
        '"m" is a mount of several remotes, which takes no option "address"; '
        "write it to the remotes it is for"
    )
    with pytest.raises(UsageError, match='did you mean "allow_other"'):
        arranged("m", both, {"alow_other": ""})
    with pytest.raises(UsageError) as caught:
        await resolved("m", both)
    assert str(caught.value) == (
        '"m" is a mount of several remotes, and this is asked of one; name one of a, b'
    )
    with pytest.raises(UsageError, match='did you mean "media"'):
        await resolved("medai", replace(both, mounts={"media": MEDIA}))


async def test_a_remote_that_is_not_understood_concerns_only_who_asks_for_it():
    """A mount has it as unusable; by itself, or as the only ones, it is refused."""
    wrong = UsageError("line 1: no")
    both = replace(config(a={}), mounts={"m": MEDIA}, broken={"b": wrong})
    found = arranged("m", both, {})
    (source, unusable) = found.sources
    assert (source.name, unusable.name, unusable.failure) == ("a", "b", wrong)
    assert unusable.identity != source.identity
    with pytest.raises(UsageError, match="line 1: no"):
        await resolved("b", both)
    with pytest.raises(UsageError, match="line 1: no"):
        arranged("m", replace(both, mounts={"m": MountConfig(tree={"/": ("b",)})}), {})
    lent = replace(config(a={"share": "A", "auth": "ref:b"}), broken={"b": wrong})
    with pytest.raises(UsageError, match="line 1: no"):
        await resolved("a", lent)
