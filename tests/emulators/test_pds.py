"""The PDS emulator: ways to sign in, files, and how it is started."""

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
from tests.emulators.aliyun_asker import PDS_AUTH, Member, text_of
from tests.emulators.faults import Fault
from tests.emulators.pds.assertions import key_pair
from tests.emulators.pds.login_api import JWT_APP, PLAIN_APP, WEB_APP, WEB_SECRET
from tests.emulators.pds.reach import Place

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
    second = member.ok("/v2/account/token", body, PDS_AUTH)
    member.site.control("switch", {"keep-refresh-token": True})
    body["refresh_token"] = second["refresh_token"]
    for _ in range(2):
        assert "refresh_token" not in member.ok("/v2/account/token", body, PDS_AUTH)


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
    answer = member.send("GET", f"/v2/oauth/authorize?{urlencode(query)}", host=PDS_AUTH)
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
        assert {"demo", "demo-access", "demo-oauth", "demo-jwt", "shared"} == remotes.keys()
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
