"""Several remotes are one tree, and each of them is listed, kept and judged by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from fsmount import errors
from fsmount.model import ROOT_INODE, Entry, EntryId, Kind, Space
from fsmount.vfs.compose import assign, layout_of, space_of
from tests.vfs.cloud import ROOT, Cloud, DictStore, FakeKernel, failing, member_of, opened, rows_of
from tests.vfs.test_model import sound

pytestmark = pytest.mark.autojump


def dead():
    async def meet(_folder, _cursor):
        raise errors.Unreachable("no network")

    return meet


async def black_hole(_folder, _cursor):
    await trio.sleep_forever()


def slow(seconds):
    async def meet(_folder, _cursor):
        await trio.sleep(seconds)

    return meet


def tree(**places):
    """Return a layout of clouds by path, where ``_`` is a slash: ``_films=[b, c]``."""
    members = {}
    for path, clouds in places.items():
        members[path.replace("_", "/")] = [
            member_of(cloud, name=cloud.name, ttl_s=cloud.ttl_s) for cloud in clouds
        ]
    return layout_of(members)


def cloud(name, *files, ttl_s=300.0, **kwargs):
    """Return a cloud called ``name`` with files of these names, which hold its name."""
    made = Cloud(**kwargs)
    made.name, made.ttl_s = name, ttl_s
    for file in files:
        made.file(file, content=name.encode(), id=f"{name}-{file}")
    return made


async def names(fs, path=""):
    return [row.name for row in await rows_of(fs, (await fs.find(path)).inode)]


async def rows_then_failure(fs, inode=ROOT_INODE):
    """Read a folder as far as it goes; return its names and how that ended."""
    handle = fs.open_folder(inode)
    rows = []
    try:
        while more := await handle.read(rows[-1].next_cookie if rows else 0, 100):
            rows += more
    except errors.FsmountError as exc:
        return [row.name for row in rows], exc
    finally:
        handle.close()
    return [row.name for row in rows], None


async def content(fs, path):
    handle = fs.open_file((await fs.find(path)).inode)
    try:
        return bytes(await handle.read(0, 100))
    finally:
        await handle.close()


def entry(id_, name, kind=Kind.FILE):
    return Entry(id=EntryId(id_), name=name, kind=kind)


@pytest.mark.parametrize(
    ("entries", "kept", "beside", "plain"),
    [
        ([entry("1", "x")], {}, {}, [True]),
        ([entry("1", "x")], {}, {"x": False}, [False]),
        ([entry("1", "x")], {}, {"x": True}, [False]),
        ([entry("1", "x", Kind.FOLDER)], {}, {"x": True}, [True]),
        ([entry("1", "x", Kind.FOLDER)], {}, {"x": False}, [False]),
        ([entry("1", "x", Kind.FOLDER), entry("2", "x", Kind.FOLDER)], {}, {"x": True}, [True, 0]),
        ([entry("1", "x"), entry("2", "x")], {"2": "x"}, {}, [False, True]),
        ([entry("1", "x")], {"1": "x"}, {"x": True}, [False]),
        ([entry("1", "x")], {"1": "x"}, {"X": True}, [True]),
    ],
)
def test_names_of_a_part_leave_those_of_the_others_alone(entries, kept, beside, plain):
    """Only a folder may be called as another part's folder: then the two are one."""
    assigned = assign(entries, kept, (), beside)
    assert [name == entry.name for name, entry in zip(assigned, entries, strict=True)] == plain
    assert len(set(assigned)) == len(assigned)


def test_a_layout_has_a_folder_for_every_step():
    """Those that only lead to remotes have none of their own."""
    a, b = member_of(Cloud(), name="a"), member_of(Cloud(), name="b")
    layout = layout_of({"/deep/er": [a], "/deep/er/still/more": [b, a]})
    assert [(each.path, [m.name for m in each.members]) for each in layout.walk()] == [
        ("", []),
        ("deep", []),
        ("deep/er", ["a"]),
        ("deep/er/still", []),
        ("deep/er/still/more", ["b", "a"]),
    ]
    assert [member.name for member in layout.everyone()] == ["a", "b"]
    assert layout.paths_of(a) == ["/deep/er", "/deep/er/still/more"]


def test_the_space_of_an_account_counts_once():
    """Two remotes of one account share it; a share has none."""

    def member(name, account, space):
        return member_of(Cloud(), name=name, account=account, space=lambda: space)

    one, two = Space(total=100, used=40), Space(total=10, used=4)
    share = member("s", "", None)
    assert space_of([share]) is None
    assert space_of([member("a", "x", one), member("b", "x", one), share]) == one
    assert space_of([member("a", "x", one), member("b", "y", two)]) == Space(total=110, used=44)


async def test_remotes_are_shown_at_their_paths():
    """The way there is a folder that nobody is asked about."""
    films, music = cloud("films", "f.mkv"), cloud("music", "m.mp3")
    async with opened(tree(_media_films=[films], _music=[music])) as fs:
        assert await names(fs) == ["media", "music"]
        assert await names(fs, "media") == ["films"]
        assert not films.listed + music.listed
        assert await names(fs, "media/films") == ["f.mkv"]
        assert not music.listed
        assert await content(fs, "music/m.mp3") == b"music"
        assert (await failing(fs.find("other"))).__class__ is errors.NotFound
        assert fs.path_of((await fs.find("media/films/f.mkv")).inode) == "media/films/f.mkv"
        sound(fs._tree)


async def test_folders_of_one_name_are_one_all_the_way_down():
    """Files come from whoever has them."""
    b, c = cloud("b", "b.txt"), cloud("c", "c.txt")
    for each in (b, c):
        outer = each.folder("outer")
        inner = each.folder("inner", outer)
        each.file(f"{each.name}.mkv", inner, content=each.name.encode())
        each.folder(f"only {each.name}", inner)
    async with opened(tree(_=[b, c])) as fs:
        assert await names(fs) == ["b.txt", "outer", "c.txt"]
        assert await names(fs, "outer/inner") == ["b.mkv", "only b", "c.mkv", "only c"]
        assert await content(fs, "outer/inner/c.mkv") == b"c"
        assert await names(fs, "outer/inner/only c") == []
        assert len(c.listed) == 4
        assert len(b.listed) == 3
        sound(fs._tree)


@pytest.mark.parametrize("late", [0, 1])
async def test_of_files_of_one_name_the_first_remote_has_the_plain_name(late):
    """However fast the networks are; and nothing flips when one is deleted."""
    b, c = cloud("b", "x.txt"), cloud("c", "x.txt")
    (b, c)[late].meet = slow(1.5)
    store = DictStore()
    async with opened(tree(_=[b, c]), store=store) as fs:
        plain, suffixed = await names(fs)
        assert plain == "x.txt"
        assert suffixed.startswith("x~")
        assert await content(fs, "x.txt") == b"b"
        assert await content(fs, suffixed) == b"c"
        b.remove(b.folders[ROOT.id][0])
        await fs.refresh("")
        assert await names(fs) == [suffixed]
        b.file("x.txt", content=b"b2")
        await fs.refresh("")
        assert await names(fs) == ["x.txt", suffixed]
    async with opened(tree(_=[b, c]), store=store) as fs:
        assert await names(fs) == ["x.txt", suffixed]


@pytest.mark.logs("is offline b did not send")
async def test_what_was_seen_under_a_name_stays_under_it():
    """A remote that comes back, or a new file of the first one, takes no name away."""
    b, c = cloud("b", "x.txt"), cloud("c", "x.txt")
    b.meet = black_hole
    async with opened(tree(_=[b, c])) as fs:
        assert await content(fs, "x.txt") == b"c"
        await trio.sleep(100)
        b.meet = None
        await trio.sleep(100)
        c_first, other = sorted(await names(fs), key=len)
        assert c_first == "x.txt"
        assert await content(fs, "x.txt") == b"c"
        assert await content(fs, other) == b"b"


async def test_a_file_and_a_folder_of_one_name_are_both_there():
    """The one that comes later carries the suffix."""
    b, c = cloud("b", "x"), cloud("c")
    c.file("inside", c.folder("x"))
    async with opened(tree(_=[b, c])) as fs:
        plain, suffixed = await names(fs)
        assert (plain, suffixed[:2]) == ("x", "x~")
        assert await names(fs, suffixed) == ["inside"]


async def test_a_mount_point_comes_before_what_its_remote_has_there():
    """A folder of that name is merged behind it, a file has to step aside."""
    a, b = cloud("a", "a.txt"), cloud("b", "same", "b.txt")
    own = a.folder("films")
    a.file("same", own, content=b"a")
    a.file("music")
    async with opened(tree(_=[a], _films=[b], _music=[cloud("m")])) as fs:
        shown = await names(fs)
        assert shown[:3] == ["films", "music", "a.txt"]
        assert shown[3].startswith("music~")
        plain, other, suffixed = await names(fs, "films")
        assert (plain, other, suffixed[:5]) == ("same", "b.txt", "same~")
        assert await content(fs, "films/same") == b"b"
        a.remove(own)
        await fs.refresh("")
        assert await names(fs, "films") == ["same", "b.txt"]
        sound(fs._tree)


@pytest.mark.logs("is offline no network")
async def test_a_dead_remote_that_was_listed_once_is_served_as_it_was():
    """Its entries stay, those of its siblings too, and nothing says that anything is missing."""
    store = DictStore()
    b, c = cloud("b", "b.txt"), cloud("c", "c.txt")
    async with opened(tree(_=[b, c]), store=store) as fs:
        before = {row.name: row.attributes.inode for row in await rows_of(fs)}
    b.meet = dead()
    await trio.sleep(1000)
    async with opened(tree(_=[b, c]), store=store) as fs:
        assert {row.name: row.attributes.inode for row in await rows_of(fs)} == before
        assert (await failing(fs.find("none"))).__class__ is errors.NotFound
        status = fs.status()
        assert status["state"] == "partial"
        assert status["reason"] == "b is offline: no network"
        assert [(each["name"], each["state"]) for each in status["remotes"]] == [
            ("b", "offline"),
            ("c", "online"),
        ]


@pytest.mark.logs("is offline no network")
@pytest.mark.parametrize("which", [0, 1])
async def test_a_part_that_was_never_listed_makes_the_end_of_a_folder_its_error(which):
    """After all that is known, so that people can use it and no mirror takes it for the whole."""
    clouds = cloud("b", "b.txt"), cloud("c", "c.txt")
    gone, alive = clouds[which], clouds[1 - which]
    gone.meet = dead()
    async with opened(tree(_=clouds)) as fs:
        for _ in range(2):
            rows, failure = await rows_then_failure(fs)
            assert rows == [f"{alive.name}.txt"]
            assert isinstance(failure, errors.Unreachable)
        assert isinstance(await failing(fs.find("none")), errors.Unreachable)
        assert (await fs.find(f"{alive.name}.txt")).size == 1
        assert fs.root_stands()
        gone.meet = None
        await trio.sleep(60)
        assert sorted(await names(fs)) == ["b.txt", "c.txt"]
        assert isinstance(await failing(fs.find("none")), errors.NotFound)


async def test_a_black_hole_costs_its_siblings_two_seconds_once():
    """They do not wait for it to fail; the end of the folder is said within its deadline."""
    b, c = cloud("b"), cloud("c", "c.txt")
    b.meet = black_hole
    async with opened(tree(_=[b, c])) as fs:
        begun = trio.current_time()
        assert (await fs.find("c.txt")).size == 1
        assert trio.current_time() - begun == pytest.approx(2.0)
        rows, failure = await rows_then_failure(fs)
        assert rows == ["c.txt"]
        assert isinstance(failure, errors.TimedOut)
        assert trio.current_time() - begun == pytest.approx(7.0)
        begun = trio.current_time()
        assert (await rows_then_failure(fs))[0] == ["c.txt"]
        assert trio.current_time() == begun


@pytest.mark.logs("is offline no network")
async def test_all_parts_dead_is_an_error_and_never_an_empty_folder():
    """As for a single remote."""
    b, c = cloud("b"), cloud("c")
    b.meet = c.meet = dead()
    async with opened(tree(_=[b, c])) as fs:
        assert (await rows_then_failure(fs))[1] is not None
        assert not fs.root_stands()


async def test_each_part_has_its_own_time_to_live():
    """A share's listing lives longer than a drive's beside it."""
    b, c = cloud("b", "b.txt", ttl_s=100.0), cloud("c", "c.txt", ttl_s=1000.0)
    async with opened(tree(_=[b, c])) as fs:
        await names(fs)
        await trio.sleep(200)
        await names(fs)
        assert (len(b.listed), len(c.listed)) == (2, 1)


@pytest.mark.logs("is offline no network")
async def test_refresh_lists_every_part_and_the_kernel_is_told():
    """What came and what went, of both."""
    kernel = FakeKernel()
    b, c = cloud("b", "b.txt"), cloud("c", "c.txt")
    async with opened(tree(_films=[b, c]), kernel=kernel) as fs:
        await names(fs, "films")
        b.remove(b.folders[ROOT.id][0])
        c.file("new.txt")
        assert await fs.refresh("films") == 2
        await trio.testing.wait_all_tasks_blocked()
        films = (await fs.find("films")).inode
        assert sorted(kernel.entries) == [(films, "b.txt"), (films, "new.txt")]
        c.meet = dead()
        assert isinstance(await failing(fs.refresh("films")), errors.Unreachable)
        assert await names(fs, "films") == ["c.txt", "new.txt"]


async def test_a_folder_stays_the_same_while_remotes_come_and_go_in_it():
    """Its number too, also after a remount; what only one of them had goes with that one."""
    store, kernel = DictStore(), FakeKernel()
    b, c = cloud("b"), cloud("c")
    mine, theirs = b.folder("films"), c.folder("films")
    b.file("b.mkv", mine)
    c.file("c.mkv", theirs)
    async with opened(tree(_=[b, c]), store=store, kernel=kernel) as fs:
        films = (await fs.lookup(ROOT_INODE, "films")).inode
        assert await names(fs, "films") == ["b.mkv", "c.mkv"]
        b.remove(mine)
        await fs.refresh("")
        assert (await fs.find("films")).inode == films
        assert await names(fs, "films") == ["c.mkv"]
        await trio.testing.wait_all_tasks_blocked()
        assert kernel.entries == [(films, "b.mkv")]
        mine = b.folder("films")
        b.file("again.mkv", mine)
        await fs.refresh("")
        assert sorted(await names(fs, "films")) == ["again.mkv", "c.mkv"]
        c.change(theirs, name="movies")
        await fs.refresh("")
        assert await names(fs, "films") == ["again.mkv"]
        assert await names(fs, "movies") == ["c.mkv"]
        assert (await fs.find("films")).inode == films
        sound(fs._tree)
    async with opened(tree(_=[b, c]), store=store) as fs:
        assert (await fs.find("films")).inode == films
        assert await names(fs) == ["films", "movies"]


async def test_a_folder_that_its_provider_denies_leaves_the_others_part():
    """A not-found from a living provider takes out what that one had, no more."""
    b, c = cloud("b"), cloud("c")
    mine, theirs = b.folder("films"), c.folder("films")
    b.file("b.mkv", mine)
    c.file("c.mkv", theirs)
    async with opened(tree(_=[b, c])) as fs:
        assert await names(fs, "films") == ["b.mkv", "c.mkv"]
        b.remove(mine)
        with pytest.raises(errors.NotFound):
            await fs.refresh("films")
        assert await names(fs, "films") == ["c.mkv"]
        sound(fs._tree)


async def test_one_remote_at_two_places_is_two_trees():
    """Inodes are of the place; the same blocks serve both."""
    b = cloud("b", "x.txt")
    layout = tree(_one=[b], _two=[b])
    async with opened(layout) as fs:
        one, two = await fs.find("one/x.txt"), await fs.find("two/x.txt")
        assert one.inode != two.inode
        assert fs.member_of(one.inode).identity == fs.member_of(two.inode).identity == "b:1"
        assert fs.member_of(ROOT_INODE) is None


async def test_what_was_let_go_of_is_loaded_again():
    """A merged folder is made of the same parts, and mount points never go."""
    store = DictStore()
    b, c = cloud("b"), cloud("c")
    for each in (b, c):
        for number in range(5):
            folder = each.folder(f"f{number}")
            each.file(f"{each.name}{number}", folder)
    async with opened(tree(_at=[b, c]), store=store, nodes_in_memory=5) as fs:
        before = {}
        for _ in range(2):
            seen = {}
            for name in await names(fs, "at"):
                seen[name] = (await fs.find(f"at/{name}")).inode
                assert await names(fs, f"at/{name}") == [f"b{name[1]}", f"c{name[1]}"]
            assert before in ({}, seen)
            before = seen
            sound(fs._tree)
        assert len(store.loads) > 12
    assert (len(b.listed), len(c.listed)) == (6, 6)


async def test_a_tree_that_is_composed_anew_keeps_what_was_known():
    """A remote that is put in front finds its names taken, until it is listed alone."""
    store = DictStore()
    b, c = cloud("b", "x.txt"), cloud("c", "x.txt")
    for each in (b, c):
        async with opened(tree(_=[each]), store=store) as fs:
            assert await names(fs) == ["x.txt"]
    async with opened(tree(_=[b, c]), store=store) as fs:
        plain, suffixed = await names(fs)
        assert plain == "x.txt"
        assert await content(fs, "x.txt") == b"b"
        assert await content(fs, suffixed) == b"c"


async def test_a_long_listing_streams_beside_a_short_one():
    """Rows of all parts come as they arrive, each once."""
    b = cloud("b", *(f"{number:03}" for number in range(250)), page_size=50)
    c = cloud("c", "c.txt", "d.txt")
    b.meet = slow(1.0)
    async with opened(tree(_=[b, c])) as fs:
        rows = await names(fs)
        assert sorted(rows) == sorted(
            [f"{number:03}" for number in range(250)] + ["c.txt", "d.txt"]
        )
        assert rows[:50] == [f"{number:03}" for number in range(50)]


async def test_entries_are_sorted_as_the_first_remote_says():
    """Over all parts together."""
    b, c = cloud("b", "z", "b"), cloud("c", "x", "a")
    members = [replace(member_of(each, name=each.name), sort="name") for each in (b, c)]
    async with opened(layout_of({"/": members})) as fs:
        await names(fs)
        assert await names(fs) == ["a", "b", "x", "z"]


async def test_a_folder_may_take_the_name_that_another_gives_up_in_the_same_listing():
    """Neither what it is merged with nor a mount point is mistaken for the old one."""
    b, c = cloud("b"), cloud("c")
    b.file("b.mkv", b.folder("films"))
    old, point = c.folder("films", id="old"), c.folder("point", id="point")
    c.file("old.mkv", old)
    inside = cloud("i", "i.txt")
    async with opened(tree(_=[b, c], _point=[inside])) as fs:
        assert await names(fs, "films") == ["b.mkv", "old.mkv"]
        before = [(await fs.find(path)).inode for path in ("films", "point")]
        c.remove(old)
        c.remove(point)
        c.file("new.mkv", c.folder("films", id="new"))
        c.file("c.txt", c.folder("point", id="another"))
        await fs.refresh("")
        assert await names(fs, "films") == ["b.mkv", "new.mkv"]
        assert await names(fs, "point") == ["i.txt", "c.txt"]
        assert [(await fs.find(path)).inode for path in ("films", "point")] == before
        sound(fs._tree)
