"""What the Cloudreve emulator does that no recording shows: its switches, its clock, its disk."""

from __future__ import annotations

import base64
import json
import os
import shutil
from urllib.parse import quote

import pytest
import trio

from tests.emulators import open_emulator
from tests.emulators.cloudreve import totp
from tests.emulators.cloudreve.captcha import draw
from tests.emulators.cloudreve.provider import make
from tests.emulators.messages import Request
from tests.emulators.running import parser

LIST = "/api/v4/file?uri={}&page_size={}&order_by={}&order_direction={}"


class Asker:
    """Asks a site without a network, as the owner or (`anonymous`) as nobody."""

    def __init__(self, root, *options):
        arguments = parser().parse_args(["cloudreve", "--root", str(root), *options])
        self.site = make(arguments)
        self.ready = self.site.start("http://site.test")
        self.tokens = self.site.tokens.issue(self.site.owner)
        self.anonymous = False

    def send(self, method, target, body=None, **headers):
        """The raw response."""
        if not self.anonymous:
            headers["authorization"] = f"Bearer {self.tokens['access_token']}"
        content = b"" if body is None else json.dumps(body).encode()
        return self.site.answer(Request.parse(method, target, headers, content))

    def ask(self, method, target, body=None):
        """The JSON answer."""
        return json.loads(self.send(method, target, body).segments[0])

    def page(self, uri, size=2000, order="name", direction="asc", token=None):
        """The `data` of one page."""
        target = LIST.format(quote(uri, safe=""), size, order, direction)
        tail = f"&next_page_token={quote(token, safe='')}" if token else ""
        return self.ask("GET", target + tail)["data"]

    def names(self, uri, size, order="name", direction="asc", most=10_000):
        """All names by cursor, at most `most` of them."""
        names, token = [], None
        while len(names) < most:
            page = self.page(uri, size, order, direction, token)
            names += [file["name"] for file in page["files"]]
            token = page["pagination"].get("next_token")
            if token is None:
                break
        return names

    def info(self, uri, tail=""):
        """The answer about one object."""
        return self.ask("GET", f"/api/v4/file/info?uri={quote(uri, safe='')}{tail}")

    def link(self, uri, **wish):
        """A link to one file, without the site's address."""
        answer = self.ask("POST", "/api/v4/file/url", {"uris": [uri], **wish})
        return answer["data"]["urls"][0]["url"].removeprefix("http://site.test")

    def uri(self, *names):
        """A URI in the main share."""
        share = self.site.main_share
        return "/".join((f"cloudreve://{share.id}@share", *(quote(name) for name in names)))


@pytest.fixture
def root(tmp_path):
    """Five folders, seven files that sort before them, and a subtree."""
    folder = tmp_path / "served"
    for number in range(5):
        (folder / f"z-dir{number}").mkdir(parents=True)
    for number in range(7):
        (folder / f"a-file{number}").write_text("x" * number)
    (folder / "z-dir0/里面 %#?.txt").write_text("inside\n")
    return folder


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("order", ["name", "size", "updated_at", "created_at", "bogus"])
@pytest.mark.parametrize("size", [1, 2, 5, 7, 12, 13])
def test_every_child_is_listed_once_with_folders_first(root, order, direction, size):
    """Whatever the order and the page size, while no defect is on."""
    names = Asker(root).names("cloudreve://my", size, order, direction)
    assert len(names) == len(set(names)) == 12
    assert all(name.startswith("z-dir") for name in names[:5])


def test_files_are_lost_at_a_page_border(root):
    """5 folders and 7 files, five a page: 5 of 12 items (§6.2.1); one less a page loses none."""
    asker = Asker(root, "--defect", "page-border-loss")
    assert len(asker.names("cloudreve://my", 5)) == 5
    assert len(asker.names("cloudreve://my", 4)) == 12
    token = asker.page("cloudreve://my", 5)["pagination"]["next_token"]
    assert json.loads(base64.b64decode(token))["start_with_file"] is True


def test_updated_at_ascending_repeats_the_border(tmp_path):
    """3020 files by 700 are 3024 rows (§6.2.2), and pages of one never end."""
    for number in range(3020):
        (tmp_path / f"{number:04}").touch()
    asker = Asker(tmp_path, "--defect", "updated-at-repeat")
    names = asker.names("cloudreve://my", 700, "updated_at")
    assert (len(names), len(set(names))) == (3024, 3020)
    assert len(set(asker.names("cloudreve://my", 1, "updated_at", most=50))) < 3
    assert len(asker.names("cloudreve://my", 700, "name")) == 3020


def test_offset_paging_has_a_total_and_no_tokens(root):
    """The fields of the other mode are missing, not false."""
    asker = Asker(root, "--defect", "offset-paging")
    page = asker.ask("GET", LIST.format("cloudreve://my", 5, "name", "asc") + "&page=2")["data"]
    assert [file["name"] for file in page["files"]] == ["a-file5", "a-file6"]
    assert page["pagination"] == {"page": 2, "page_size": 5, "total_items": 12}


def test_default_view_is_shared_when_that_defect_is_on(root):
    """A bare request gets what somebody else asked for last."""
    bare = "/api/v4/file?uri=cloudreve://my"
    for options, size in (((), 100), (("--defect", "shared-default-view"), 7)):
        asker = Asker(root, *options)
        asker.page("cloudreve://my", 7, "size", "desc")
        assert asker.ask("GET", bare)["data"]["pagination"]["page_size"] == size


def test_fields_of_other_objects_turn_up(root):
    """A plain info call carries the folder summary of another object (§6.2.4)."""
    for options, there in (((), False), (("--defect", "foreign-fields"), True)):
        asker = Asker(root, *options)
        asker.info("cloudreve://my/z-dir0", "&folder_summary=true")
        data = asker.info("cloudreve://my/a-file1")["data"]
        assert ("folder_summary" in data) is there


def test_second_folder_summary_is_a_panic_for_a_while(root):
    """HTTP 500 within 300 s, then one more success (§7)."""
    asker = Asker(root, "--defect", "folder-summary-500")
    target = "/api/v4/file/info?uri=cloudreve://my/z-dir0&folder_summary=true"
    assert [asker.send("GET", target).status for _ in range(3)] == [200, 500, 500]
    asker.site.clock.jump(301)
    asker.tokens = asker.site.tokens.issue(asker.site.owner)
    assert [asker.send("GET", target).status for _ in range(2)] == [200, 500]


def test_names_are_encoded_once_in_paths(root):
    """`%`, `#`, `?` and Chinese come back ready to be used, and only so (§5)."""
    asker = Asker(root)
    asker.anonymous = True
    (file,) = asker.page(asker.uri("z-dir0"))["files"]
    assert file["path"] == asker.uri("z-dir0") + "/%E9%87%8C%E9%9D%A2%20%25%23%3F.txt"
    assert asker.info(file["path"])["data"]["name"] == "里面 %#?.txt"
    assert asker.info(asker.uri("z-dir0", "x") + "/%2E%2E/../z-dir0")["data"]["name"] == "z-dir0"


def test_changed_file_is_a_new_version_and_the_old_link_is_dead(root):
    """Right bytes or 40077, never a mix."""
    asker = Asker(root)
    uri = "cloudreve://my/a-file3"
    before, link = asker.info(uri)["data"], asker.link(uri)
    assert asker.send("GET", link).length == 3
    (root / "a-file3").write_text("much longer")
    assert json.loads(asker.send("GET", link).segments[0])["code"] == 40077
    after = asker.info(uri)["data"]
    assert after["id"] == before["id"]
    assert after["primary_entity"] != before["primary_entity"]
    assert after["size"] == len("much longer")
    assert asker.send("GET", asker.link(uri)).length == after["size"]


def test_disk_changes_show_in_listings(root):
    """Files and folders come, go, and change their kind."""
    asker = Asker(root)
    asker.names("cloudreve://my", 100)
    (root / "a-file0").unlink()
    (root / "new").mkdir()
    shutil.rmtree(root / "z-dir4")
    (root / "z-dir4").write_text("a file now")
    os.symlink("/etc", root / "link")
    page = asker.page("cloudreve://my")
    kinds = {file["name"]: file["type"] for file in page["files"]}
    assert "a-file0" not in kinds
    assert "link" not in kinds
    assert (kinds["new"], kinds["z-dir4"]) == (1, 0)
    assert asker.info("cloudreve://my/a-file0")["code"] == 40016


def test_ids_outlive_a_restart(root):
    """The same tree has the same ids, versions and share links in the next process."""
    pages = [Asker(root).page("cloudreve://my")["files"] for _ in range(2)]
    assert pages[0] == pages[1]
    assert Asker(root).ready.source == Asker(root).ready.source


def test_refresh_token_outlives_a_restart(root):
    """A real server keeps its secret, too."""
    body = {"refresh_token": Asker(root).tokens["refresh_token"]}
    assert Asker(root).ask("POST", "/api/v4/session/token/refresh", body)["code"] == 0


def test_what_the_api_changes_leaves_the_directory_alone(root):
    """Renamed, deleted and created in memory; the disk still has what it had."""
    asker = Asker(root)
    before = sorted(os.listdir(root))
    body = {"uri": "cloudreve://my/a-file1", "new_name": "renamed"}
    assert asker.ask("POST", "/api/v4/file/rename", body)["code"] == 0
    asker.ask("DELETE", "/api/v4/file", {"uris": ["cloudreve://my/a-file2"]})
    asker.ask("POST", "/api/v4/file/create", {"uri": "cloudreve://my/made", "type": "folder"})
    names = asker.names("cloudreve://my", 100)
    assert {"renamed", "made"} <= set(names)
    assert not {"a-file1", "a-file2"} & set(names)
    assert sorted(os.listdir(root)) == before


def test_restored_file_is_where_it_was(root):
    """The trash gives back under the old name, and only once."""
    asker = Asker(root)
    asker.ask("DELETE", "/api/v4/file", {"uris": ["cloudreve://my/z-dir0"]})
    (item,) = asker.page("cloudreve://trash")["files"]
    assert item["metadata"]["sys:restore_uri"] == "cloudreve://my/z-dir0"
    restore = {"uris": [item["path"]]}
    assert asker.ask("POST", "/api/v4/file/restore", restore)["code"] == 0
    assert asker.page("cloudreve://my/z-dir0")["files"][0]["size"] == len("inside\n")
    assert asker.ask("POST", "/api/v4/file/restore", restore)["code"] == 40081


def test_link_is_the_same_until_ten_minutes_before_its_end(root):
    """Cached for 3000 of its 3600 s; `no_cache` makes another (§8)."""
    asker = Asker(root)
    asker.anonymous = True
    first = asker.link(asker.uri("a-file1"))
    asker.site.clock.jump(2990)
    assert asker.link(asker.uri("a-file1")) == first
    fresh = asker.link(asker.uri("a-file1"), no_cache=True)
    assert fresh != first
    assert asker.link(asker.uri("a-file1")) == fresh
    asker.site.clock.jump(3010)
    assert asker.link(asker.uri("a-file1")) != fresh


def test_too_many_uris_are_refused(root):
    """3000 pass, 3001 do not (§8)."""
    asker = Asker(root)
    for count, code in ((3000, 0), (3001, 40074)):
        body = {"uris": ["cloudreve://my/a-file1"] * count}
        assert asker.ask("POST", "/api/v4/file/url", body)["code"] == code


def test_empty_list_of_uris_is_no_error(root):
    """No links, and no end (§8)."""
    answer = Asker(root).ask("POST", "/api/v4/file/url", {"uris": []})
    assert answer["data"] == {"urls": [], "expires": None}


def test_speed_limit_is_in_the_link_and_held(root):
    """The number in the path is the rate at which the body goes (§8.1)."""
    asker = Asker(root, "--speed-limit", "1000")
    link = asker.link("cloudreve://my/a-file5")
    assert "/1000/a-file5?" in link
    assert asker.send("GET", link).rate == 1000


def test_slave_tags_every_file_alike(root):
    """Two files, one ETag, right bytes (§8.1)."""
    asker = Asker(root, "--defect", "constant-etag")
    answers = [
        asker.send("GET", asker.link(f"cloudreve://my/{name}")) for name in ("a-file1", "a-file2")
    ]
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert [answer.length for answer in answers] == [1, 2]


def test_listing_tells_a_wrong_size(root):
    """The content has another length than the listing says (§7)."""
    asker = Asker(root, "--defect", "wrong-size")
    assert asker.info("cloudreve://my/a-file3")["data"]["size"] == 4
    assert asker.send("GET", asker.link("cloudreve://my/a-file3")).length == 3


def test_mtime_moves_and_the_version_does_not(root):
    """`updated_at` is another each time, `primary_entity` the same (§7)."""
    asker = Asker(root, "--defect", "moving-mtime")
    one, two = (asker.info("cloudreve://my/a-file3")["data"] for _ in range(2))
    assert one["updated_at"] != two["updated_at"]
    assert one["primary_entity"] == two["primary_entity"]


def test_thumbnail_moves_the_mtime_without_any_defect(root):
    """Looking at a picture's thumbnail is enough (§8.2)."""
    (root / "picture.png").write_bytes(draw("1"))
    asker = Asker(root)
    before = asker.info("cloudreve://my/picture.png")["data"]
    assert asker.ask("GET", "/api/v4/file/thumb?uri=cloudreve://my/picture.png")["code"] == 0
    after = asker.info("cloudreve://my/picture.png")["data"]
    assert after["updated_at"] > before["updated_at"]
    assert after["primary_entity"] == before["primary_entity"]


def test_origin_serves_what_lies_on_disk(root):
    """Links point at the other server, percent-encoded under it."""
    asker = Asker(root, "--origin", "http://other.test/files/")
    link = asker.link("cloudreve://my/z-dir0/%E9%87%8C%E9%9D%A2%20%25%23%3F.txt")
    assert link == "http://other.test/files/z-dir0/%E9%87%8C%E9%9D%A2%20%25%23%3F.txt"


def test_download_limit_of_a_one_file_share(root):
    """Calls for links count, used or not; then the share is gone and the link lives on (§11)."""
    asker = Asker(root, "--share-file", "a-file4", "--share-downloads", "2")
    asker.anonymous = True
    share = asker.ready.more["share_file"].rsplit("/", 1)[1]
    uri = f"cloudreve://{share}@share/a-file4"
    links = [asker.link(uri) for _ in range(2)]
    assert asker.ask("POST", "/api/v4/file/url", {"uris": [uri]})["code"] == 40081
    assert asker.ask("GET", f"/api/v4/share/info/{share}")["code"] == 404
    assert asker.send("GET", links[0]).length == 4


def test_one_file_share_as_the_source(root):
    """The line's source is the share of one file, which lists as one file."""
    asker = Asker(root, "--defect", "single-file-share")
    asker.anonymous = True
    share = asker.ready.source.rsplit("/", 1)[1]
    page = asker.page(f"cloudreve://{share}@share")
    assert page["single_file_view"] is True
    assert [file["name"] for file in page["files"]] == ["a-file0"]


def test_expired_access_token_is_nobody_or_is_refused(root):
    """Anonymous by default: shares go on (§4); always 401 when that habit is off."""
    asker = Asker(root)
    asker.site.clock.jump(3601)
    share = "/api/v4/file?uri=" + quote(asker.uri(), safe="")
    assert asker.ask("GET", share)["code"] == 0
    asker.site.settings.switch("anonymous-expiry", on=False)
    assert asker.ask("GET", share)["code"] == 401


def test_expired_link_without_the_json_habit(root):
    """A stricter site answers 403."""
    asker = Asker(root)
    link = asker.link("cloudreve://my/a-file3")
    asker.site.clock.jump(3601)
    assert asker.send("GET", link).status == 200
    asker.site.settings.switch("expired-json", on=False)
    assert asker.send("GET", link).status == 403


def test_refresh_tokens_are_not_rotated_and_die_as_a_family(root):
    """Old ones go on working; signing out kills all that descend, and no other sign-in (§4)."""
    asker = Asker(root)

    def refreshed(token):
        body = {"refresh_token": token}
        return asker.ask("POST", "/api/v4/session/token/refresh", body)

    first = asker.tokens["refresh_token"]
    second = refreshed(first)["data"]["refresh_token"]
    other = asker.site.tokens.issue(asker.site.owner)["refresh_token"]
    assert refreshed(first)["code"] == 0
    asker.ask("DELETE", "/api/v4/session/token", {"refresh_token": second})
    assert [refreshed(token)["code"] for token in (first, second, other)] == [40020, 40020, 0]
    assert asker.ask("GET", "/api/v4/user/capacity")["code"] == 0  # access cannot be revoked


def test_password_set_back_does_not_revive_refresh_tokens(root):
    """The stored digest is salted (§4)."""
    asker = Asker(root)
    for password in ("another", asker.site.owner.password):
        asker.site.owner.change_password(password)
    body = {"refresh_token": asker.tokens["refresh_token"]}
    assert asker.ask("POST", "/api/v4/session/token/refresh", body)["code"] == 40020


def test_tokens_are_jwts_with_the_recorded_claims(root):
    """HS256, and the claims of §4 without any other."""
    claims = {}
    for kind in ("access", "refresh"):
        head, body, _ = Asker(root).tokens[f"{kind}_token"].split(".")
        padded = [part + "=" * (-len(part) % 4) for part in (head, body)]
        header, claims[kind] = (json.loads(base64.urlsafe_b64decode(part)) for part in padded)
        assert header["alg"] == "HS256"
    common = {"token_type", "sub", "exp", "nbf"}
    assert claims["access"].keys() == common
    assert claims["refresh"].keys() == common | {"state_hash", "root_token_id"}


def test_second_factor_follows_the_clock_when_it_has_a_secret(root):
    """RFC 6238's own vector, and a code that an app would show now."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert totp.code(secret, 59) == "287082"
    asker = Asker(root, "--defect", "two-factor", "--otp-secret", secret)
    owner = asker.site.owner
    body = {"email": owner.email.upper(), "password": owner.password}
    session = asker.ask("POST", "/api/v4/session/token", body)
    assert session["code"] == 203
    answer = {"session_id": session["data"], "otp": "000000"}
    assert asker.ask("POST", "/api/v4/session/token/2fa", answer)["code"] == 40022
    answer["otp"] = totp.code(secret, asker.site.clock.now())
    assert asker.ask("POST", "/api/v4/session/token/2fa", answer)["code"] == 0
    assert asker.ask("POST", "/api/v4/session/token/2fa", answer)["code"] == 404


def test_ampersands_are_escaped_as_go_does(root):
    """Only text scraping notices (§1)."""
    asker = Asker(root)
    body = {"uris": ["cloudreve://my/a-file1"], "download": True}
    answer = asker.send("POST", "/api/v4/file/url", body).segments[0]
    assert b"download=true\\u0026sign=" in answer
    assert b"&" not in answer


async def test_emulator_runs_inside_a_test(root):
    """`open_emulator` serves on loopback, and its state is at hand."""
    async with open_emulator(root, "--address-host", "localhost") as emulator:
        assert emulator.address.startswith("http://localhost:")
        assert emulator.state.settings.site_url == emulator.address
        emulator.clock.jump(10)
        stream = await trio.open_tcp_stream("127.0.0.1", int(emulator.address.rpartition(":")[2]))
        async with stream:
            await stream.send_all(b"GET /api/v4/site/ping HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b'"4.0.0"' in await stream.receive_some()
        assert emulator.counters.requests["ping"] == 1
        config = emulator.config
        assert config.exists()
    assert not config.exists()
