"""What the PDS emulator does that the vendor's client does not check."""

from __future__ import annotations

import base64
import json
import tomllib
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.emulators import open_emulator
from tests.emulators.aliyun_asker import Asker, text_of, value_of
from tests.emulators.faults import Fault
from tests.emulators.pds.assertions import key_pair
from tests.emulators.pds.login_api import JWT_APP, PLAIN_APP, WEB_APP, WEB_SECRET
from tests.emulators.pds.reach import Place

API, AUTH = "hz22.api.aliyunpds.com", "hz22.auth.aliyunpds.com"
FORM = {"content_type": "application/x-www-form-urlencoded"}
GRANT = "urn:ietf:params:oauth:grant-type:"
TOKEN = "/v2/oauth/token"


@pytest.fixture
def root(tmp_path):
    """A folder with a file, and a file."""
    folder = tmp_path / "served"
    (folder / "目录").mkdir(parents=True)
    (folder / "目录" / "b.txt").write_bytes(b"bb")
    (folder / "a.txt").write_bytes(b"0123456789")
    return folder


class Member(Asker):
    """A member of the domain, who is also a visitor of its main share."""

    def __init__(self, root, *options):
        super().__init__("pds", root, *options)
        self.host = API
        self.share_id = self.site.main_share.share_id
        self.share_token = ""
        token = self.site.tokens.issue(self.site.owner, "member")["access_token"]
        self.headers = {"authorization": f"Bearer {token}"}

    def form(self, path, host=AUTH, **fields):
        """Status and JSON of a call with form fields."""
        signed, self.headers = self.headers, {}
        try:
            return self.post(path, urlencode(fields).encode(), host, **FORM)
        finally:
            self.headers = signed

    def open(self, code="", **wish):
        """Get a share token."""
        body = {"share_id": self.share_id, "share_pwd": code} | wish
        self.share_token = self.ok("/v2/share_link/get_share_token", body)["share_token"]

    def shared(self, path, **wish):
        """Status and JSON of a call about the share, with its token only."""
        signed, self.headers = self.headers, {}
        try:
            return self.post(
                path, {"share_id": self.share_id} | wish, x_share_token=self.share_token
            )
        finally:
            self.headers = signed

    def shared_ids(self):
        """Names to ids at the top of the share."""
        status, page = self.shared("/v2/file/list", parent_file_id="root")
        assert status == 200, page
        return {item["name"]: item["file_id"] for item in page["items"]}

    def ids(self):
        """Names to ids in the member's drive."""
        page = self.ok("/v2/file/list", {"drive_id": "1", "parent_file_id": "root"})
        return {item["name"]: item["file_id"] for item in page["items"]}

    def share(self, *names, **wish):
        """Share something of the own drive."""
        ids = self.ids()
        body = {"drive_id": "1", "file_id_list": [ids[name] for name in names]} | wish
        return self.ok("/v2/share_link/create", body)


@pytest.fixture
def member(root):
    """A member."""
    return Member(root)


def signed(now, *, key=None, algorithm="RS256", **claims):
    """An application's assertion."""
    key = key or serialization.load_pem_private_key(key_pair().private_pem.encode(), None)
    said = {
        "iss": JWT_APP,
        "aud": "hz22",
        "sub_type": "user",
        "jti": "j" * 32,
        "iat": int(now),
        "exp": int(now) + 300,
    }
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": algorithm, "typ": "JWT"}, said | claims)
    ]
    signature = key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def test_a_refresh_has_two_dialects(member):
    """A form at one path, JSON at another; each gives a new token, or keeps the old one."""
    token = member.site.refresh_token()
    fields = {"client_id": PLAIN_APP, "grant_type": "refresh_token", "refresh_token": token}
    status, first = member.form(TOKEN, **fields)
    assert (status, first["expires_in"], first["default_drive_id"]) == (200, 7200, "1")
    assert member.form(TOKEN, **fields)[1]["code"] == "InvalidParameter.RefreshToken"
    body = {"app_id": "BasicUI", "grant_type": "refresh_token"}
    body["refresh_token"] = first["refresh_token"]
    second = member.ok("/v2/account/token", body, AUTH)
    member.site.control("switch", {"keep-refresh-token": True})
    body["refresh_token"] = second["refresh_token"]
    for _ in range(2):
        assert "refresh_token" not in member.ok("/v2/account/token", body, AUTH)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"client_id": "nobody"}, "InvalidClientId"),
        ({"client_id": WEB_APP, "client_secret": "wrong"}, "InvalidClientSecret"),
        ({"client_id": PLAIN_APP, "grant_type": "password"}, "InvalidGrantType"),
        ({"client_id": PLAIN_APP, "grant_type": "authorization_code", "code": "x"}, "InvalidCode"),
    ],
)
def test_what_is_configured_wrong_is_told(member, fields, code):
    """Each mistake has its code."""
    status, value = member.form(TOKEN, **fields)
    assert (status, value["code"]) == (400, code)


@pytest.mark.parametrize("grant", ["authorization_code", "code"])
def test_a_browser_brings_a_code(member, grant):
    """It is good for the application that asked, once."""
    query = {
        "client_id": WEB_APP,
        "redirect_uri": "http://127.0.0.1:9/back",
        "response_type": "code",
        "state": "s",
    }
    answer = member.send("GET", f"/v2/oauth/authorize?{urlencode(query)}", host=AUTH)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (answer.status, back["state"]) == (302, ["s"])
    fields = {"client_id": WEB_APP, "client_secret": WEB_SECRET, "grant_type": grant}
    fields["code"] = back["code"][0]
    assert member.form(TOKEN, **fields)[0] == 200
    assert member.form(TOKEN, **fields)[1]["code"] == "InvalidCode"


def test_a_device_waits_for_a_person(member):
    """Pending first; what people do is scripted."""
    status, told = member.form(
        "/v2/oauth/device_authorization", client_id=PLAIN_APP, device_name="d"
    )
    assert (status, told["interval"]) == (200, 2)
    fields = {"client_id": PLAIN_APP, "grant_type": f"{GRANT}device_code"}
    fields["device_code"] = told["device_code"]
    assert member.form(TOKEN, **fields)[1]["code"] == "AuthorizationPending"
    assert member.form(TOKEN, **fields)[0] == 200
    member.site.control("device", {"states": ["refused"]})
    _, told = member.form("/v2/oauth/device_authorization", client_id=PLAIN_APP)
    fields["device_code"] = told["device_code"]
    assert member.form(TOKEN, **fields)[0] == 403


def test_an_application_speaks_for_a_user(member):
    """With a token that it signed, which a member's access token follows from."""
    user_id = member.site.publisher.user_id
    fields = {"client_id": JWT_APP, "grant_type": f"{GRANT}jwt-bearer"}
    fields["assertion"] = signed(member.site.clock.now(), sub=user_id)
    status, told = member.form(TOKEN, **fields)
    assert (status, told["user_id"]) == (200, user_id)
    bearer = f"Bearer {told['access_token']}"
    assert member.ok("/v2/user/get", authorization=bearer)["user_id"] == user_id


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "another"},
        {"aud": "another"},
        {"exp": 0},
        {"exp": 1 << 40},
        {"jti": "short"},
        {"sub_type": "robot"},
        {"algorithm": "none"},
    ],
)
def test_an_assertion_with_a_flaw_is_refused(member, claims):
    """Whatever it is that is wrong."""
    fields = {"client_id": JWT_APP, "grant_type": f"{GRANT}jwt-bearer"}
    given = signed(member.site.clock.now(), **({"sub": member.site.owner.user_id} | claims))
    fields["assertion"] = given
    assert member.form(TOKEN, **fields)[1]["code"] == "InvalidParameter.Assertion"
    fields["assertion"] = given[:-8] + "AAAAAAAA"
    assert member.form(TOKEN, **fields)[1]["code"] == "InvalidParameter.Assertion"


async def test_the_line_has_what_each_way_in_needs(root):
    """The key of the application is a private file beside the configuration."""
    async with open_emulator(root, "--share-password", "abcd", provider="pds") as emulator:
        line = emulator.line
        assert line["source"] == f"https://hz22.apps.aliyunpds.com/disk/s/{line['share']}"
        assert line["options"] == f"endpoint={line['address']},share_password=abcd"
        remotes = tomllib.loads(emulator.config.read_text(encoding="utf-8"))["remotes"]
        assert {"demo", "demo-access", "demo-oauth", "demo-jwt", "share"} == remotes.keys()
        key_file = emulator.config.parent / "application.pem"
        assert remotes["demo-jwt"]["private_key_file"] == str(key_file)
        assert key_file.stat().st_mode & 0o777 == 0o600
        assert key_file.read_text() == key_pair().private_pem


async def test_scripted_errors_have_words_for_codes(root):
    """And the shapes without JSON are codes as well, for so many requests as are said."""
    async with (
        open_emulator(root, provider="pds") as emulator,
        httpx.AsyncClient(base_url=emulator.address, trust_env=False) as client,
    ):
        wish = {"action": "error_code", "kind": "share_info", "count": 1}
        for nth, code in enumerate(("ShareLink.Expired", "429"), 1):
            emulator.faults.add(Fault.from_json(wish | {"code": code, "nth": nth}))
        path, body = "/v2/share_link/get_by_anonymous", {"share_id": emulator.line["share"]}
        answers = [await client.post(path, json=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [400, 429, 200]
        assert answers[0].json()["code"] == "ShareLink.Expired"
        assert answers[1].content == b""


def test_links_are_signed_in_the_older_way_and_live_long(member):
    """Up to 115,200 s, as `expiration` says; with the switch in the newer way."""
    where = {"drive_id": "1", "file_id": member.ids()["a.txt"]}
    told = member.ok("/v2/file/get_download_url", where | {"expire_sec": 115_200})
    query = parse_qs(urlsplit(told["url"]).query)
    assert {"Expires", "OSSAccessKeyId", "Signature"} <= query.keys()
    assert text_of(member.fetch(told["url"])) == b"0123456789"
    member.jump(115_201)
    assert member.fetch(told["url"]).status == 403
    member.site.control("switch", {"v1-links": False})
    assert "x-oss-signature" in member.site.links.make(*_file(member), 9)[0]
    over = where | {"expire_sec": 115_201}
    assert member.site.settings.max_link_s == 115_200
    member.headers = {"authorization": f"Bearer {_fresh(member)}"}
    assert member.code("/v2/file/get_download_url", over)[1] == "InvalidParameter.ExpireSec"


def _fresh(member):
    return member.site.tokens.issue(member.site.owner, "member")["access_token"]


def _file(member):
    drive = member.site.owner.default
    node = next(node for node in drive.root.children.values() if node.name == "a.txt")
    return node, Place(drive=drive, share=None, session=None, tree=member.site.tree)


def test_a_visitor_can_be_redirected(member):
    """A plain GET with the share token leads to the content."""
    member.open()
    query = urlencode({"share_id": member.share_id, "file_id": member.shared_ids()["a.txt"]})
    member.headers = {}
    answer = member.send("GET", f"/v2/file/download?{query}", x_share_token=member.share_token)
    assert answer.status == 302
    assert text_of(member.fetch(answer.headers["location"])) == b"0123456789"


def test_a_share_id_goes_before_a_drive_id(member):
    """With both the drive is ignored; a bad access token does not harm a visitor."""
    member.open()
    body = {"drive_id": "77", "parent_file_id": "root"}
    assert member.shared("/v2/file/list", **body)[0] == 200
    member.headers = {"authorization": "Bearer a.b.c"}
    told = member.ok(
        "/v2/file/list", body | {"share_id": member.share_id}, x_share_token=member.share_token
    )
    assert told["items"]
    assert member.code("/v2/file/list", body) == (401, "AccessTokenInvalid")


def test_what_the_owner_forbids_is_forbidden(member):
    """Downloads, saving, and more of either than were granted."""
    member.open()
    ids = member.shared_ids()
    link = {"path": "/v2/file/get_download_url", "file_id": ids["a.txt"]}
    save = {"file_id": ids["a.txt"], "to_drive_id": "1", "to_parent_file_id": "root"}
    tokens = {"x_share_token": member.share_token}
    member.site.control("share", {"limits": {"download_limit": 1, "save_limit": 1}})
    assert member.shared(**link)[0] == 200
    assert member.shared(**link)[1]["code"] == "ForbiddenNoPermission.File"
    save["share_id"] = member.share_id
    assert member.post("/v2/file/copy", save, **tokens)[0] == 201
    assert member.code("/v2/file/copy", save, **tokens)[0] == 403
    member.site.control(
        "share",
        {
            "limits": {"download_limit": 0, "save_limit": 0},
            "flags": {"disable_download": True, "disable_save": True},
        },
    )
    assert member.shared(**link)[0] == 403
    assert member.code("/v2/file/copy", save, **tokens)[0] == 403
    assert member.shared("/v2/file/list", parent_file_id="root")[0] == 200


def test_what_anybody_sees_of_a_share(member):
    """Counters and flags; the older answer ends before them, also for a share that expired."""
    member.site.control("share", {"password": "abcd", "state": "expired"})
    body = {"share_id": member.share_id}
    told = member.ok("/v2/share_link/get_by_anonymous", body)
    assert (told["has_pwd"], told["download_count"], told["disable_save"]) == (True, 0, False)
    assert "share_pwd" not in told
    member.site.control("switch", {"old-anonymous-info": True})
    assert member.ok("/v2/share_link/get_by_anonymous", body).keys() == {
        "creator_id",
        "creator_name",
        "creator_phone",
        "avatar",
        "share_name",
        "expiration",
        "updated_at",
    }


def test_a_share_may_want_a_captcha_or_a_login(member):
    """Neither can be solved by a code."""
    member.site.control("share", {"require_login": True})
    member.open()
    signed_in, member.headers = member.headers, {}
    body = {"share_id": member.share_id}
    path = "/v2/share_link/get_share_token"
    assert member.code(path, body) == (401, "AccessTokenInvalid")
    member.headers = signed_in
    member.site.control("switch", {"share-captcha": True})
    assert member.code(path, body)[0] == 403


def test_an_administrator_needs_no_code(member):
    """`check_share_pwd` off."""
    member.site.control("share", {"password": "abcd"})
    member.open(check_share_pwd=False)
    assert member.shared_ids()


def test_the_whole_drive_can_be_shared(member, root):
    """What comes later is in it."""
    share = member.share(share_all_files=True)
    assert share["share_all_files"] is True
    (root / "later.txt").write_bytes(b"later")
    member.share_id = share["share_id"]
    member.open()
    assert member.shared_ids().keys() == {"a.txt", "目录", "later.txt"}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"file_id_list": []}, "InvalidParameter.FileIdList"),
        ({"file_id_list": ["0" * 40] * 101}, "InvalidParameter.FileIdList"),
        ({"file_id_list": ["0" * 40]}, "NotFound.File"),
        ({"share_pwd": "x" * 65}, "InvalidParameter.SharePwd"),
        ({"share_pwd": "提取码"}, "InvalidParameter.SharePwd"),
        ({"expiration": "tomorrow"}, "InvalidParameter.Expiration"),
        ({"share_name": "x" * 129}, "InvalidParameter.ShareName"),
        ({"disable_save": "yes"}, "InvalidParameter.DisableSave"),
        ({"download_limit": -1}, "InvalidParameter.DownloadLimit"),
    ],
)
def test_a_share_that_makes_no_sense_is_refused(member, wish, code):
    """The code names the parameter."""
    body = {"drive_id": "1", "file_id_list": [member.ids()["a.txt"]]} | wish
    assert member.code("/v2/share_link/create", body)[1] == code


def test_an_update_leaves_alone_what_it_does_not_name(member):
    """A share that was cancelled can be enabled again."""
    share = member.share("a.txt", share_pwd="abcd", description="d", save_limit=3)
    told = member.ok(
        "/v2/share_link/update", {"share_id": share["share_id"], "share_name": "anders"}
    )
    assert (told["share_name"], told["share_pwd"]) == ("anders", "abcd")
    assert (told["description"], told["save_limit"]) == ("d", 3)
    where = {"share_id": share["share_id"]}
    member.ok("/v2/share_link/cancel", where)
    assert member.ok("/v2/share_link/get", where)["status"] == "disabled"
    assert member.ok("/v2/share_link/update", where | {"status": "enabled"})["status"] == "enabled"


def test_own_shares_come_in_pages_and_by_query(member):
    """The newest first; a search counts them, and cancelled ones are asked for by their status."""
    shares = [member.share("a.txt", share_name=f"name {number}") for number in range(5)]
    seen, marker = [], ""
    while True:
        page = member.ok("/v2/share_link/list", {"limit": 2, "marker": marker})
        seen += [one["share_id"] for one in page["items"]]
        marker = page["next_marker"]
        if not marker:
            break
    assert sorted(seen) == sorted(share["share_id"] for share in shares)
    member.ok("/v2/share_link/cancel", {"share_id": shares[0]["share_id"]})
    search = {"query": "status in ['disabled'] and share_name_for_fuzzy match 'name'"}
    told = member.ok("/v2/share_link/search", search | {"return_total_count": True})
    assert [one["share_name"] for one in told["items"]] == ["name 0"]
    assert told["total_count"] == 1
    never = {
        "query": "expired_time = '1970-01-01T00:00:00' and created_at >= '2020-01-01T00:00:00'"
    }
    assert len(member.ok("/v2/share_link/search", never)["items"]) == 5
    assert (
        member.code("/v2/share_link/search", {"query": "status ="})[1] == "InvalidParameter.Query"
    )
    foreign = {"creators": [member.site.publisher.user_id]}
    assert member.code("/v2/share_link/search", foreign)[0] == 403
    everything = {"include_cancelled": True}
    assert len(member.ok("/v2/share_link/list", everything)["items"]) == 5
    assert len(member.ok("/v2/share_link/list")["items"]) == 4


def test_the_list_of_shares_can_be_retired(member):
    """Then there is search only; the gateway says so without a body."""
    member.site.control("switch", {"no-share-list": True})
    answer = member.send("POST", "/v2/share_link/list", {})
    assert (answer.status, text_of(answer)) == (404, b"")
    assert answer.headers["x-ca-error-code"] == "I404NF"
    assert member.ok("/v2/share_link/search")["items"] == []


@pytest.mark.parametrize(("switch", "status", "body"), [(False, 204, None), (True, 200, {})])
def test_cancelling_answers_in_two_ways(member, switch, status, body):
    """Both are told in the vendor's pages; twice is no error."""
    member.site.control("switch", {"cancel-200": switch})
    share = member.share("a.txt")
    for _ in range(2):
        answer = member.send("POST", "/v2/share_link/cancel", {"share_id": share["share_id"]})
        assert (answer.status, value_of(answer)) == (status, body)


def test_pages_end_at_a_hundred(member):
    """More is refused; fifty come unasked."""
    body = {"drive_id": "1", "parent_file_id": "root", "limit": 101}
    assert member.code("/v2/file/list", body) == (400, "InvalidParameter.Limit")


def test_names_that_are_taken(member):
    """`refuse` tells what is there, `auto_rename` appends the time, else there are two."""
    body = {"drive_id": "1", "parent_file_id": "root", "name": "目录", "type": "folder"}
    there = member.ok("/v2/file/create", body | {"check_name_mode": "refuse"})
    assert (there["exist"], there["file_id"]) == (True, member.ids()["目录"])
    named = member.ok("/v2/file/create", body | {"check_name_mode": "auto_rename"})
    assert named["file_name"].startswith("目录_2")
    assert member.ok("/v2/file/create", body)["file_name"] == "目录"
    refused = member.code("/v2/file/create", body | {"check_name_mode": "whatever"})
    assert refused == (400, "InvalidParameter.CheckNameMode")


def test_an_upload_by_hash_needs_no_proof(member):
    """Unlike in Aliyundrive."""
    body = {
        "drive_id": "1",
        "parent_file_id": "root",
        "name": "again",
        "type": "file",
        "size": 10,
        "content_hash": "87ACEC17CD9DCD20A716CC2CF67417B71C8A7016",
        "content_hash_name": "sha1",
    }
    assert member.ok("/v2/file/create", body)["rapid_upload"] is True


def test_search_reads_conditions(member):
    """Names, types and sizes."""
    for query, names in (
        ("name match 'TXT' and type = 'file'", {"a.txt", "b.txt"}),
        ("type = 'folder'", {"目录"}),
        ("size > 2 and type = 'file'", {"a.txt"}),
        ('name = "b.txt"', {"b.txt"}),
    ):
        told = member.ok("/v2/file/search", {"drive_id": "1", "query": query})
        assert {item["name"] for item in told["items"]} == names, query
    refused = member.code("/v2/file/search", {"drive_id": "1", "query": "colour = 'red'"})
    assert refused == (400, "InvalidParameter.Query")


def test_what_nobody_knows_is_the_gateways_answer(member):
    """And what is no JSON is the service's."""
    answer = member.send("POST", "/v2/no/such", {})
    assert (answer.status, answer.headers["x-ca-error-code"]) == (404, "I404NF")
    status, value = member.post("/v2/file/list", b"{")
    assert (status, value["code"]) == (400, "InvalidRequestJSONFormat")
    assert member.post("/v2/file/list", b"[]")[0] == 400


def test_control_verbs_that_make_no_sense_are_refused(member):
    """Each says what there is."""
    for verb, wish in (
        ("dance", {}),
        ("expire", {"what": "patience"}),
        ("switch", {"no-such-switch": True}),
        ("settings", {"no_such_setting": 1}),
        ("settings", {"signature_check": "maybe"}),
        ("share", {"state": "sad"}),
        ("share", {"link": "https://x/s/nothing"}),
        ("punish", {"path": "no/such"}),
        ("device", {}),
    ):
        with pytest.raises(ValueError, match=r"."):
            member.site.control(verb, wish)
