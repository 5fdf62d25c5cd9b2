"""Asks an emulated domain of the Aliyundrive family without a network, for its own tests."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from tests.emulators.messages import FileSpan, Request
from tests.emulators.provider import load
from tests.emulators.running import parser

ADDRESS = "http://drive.test"
AUTH = "auth.aliyundrive.com"
PDS_API, PDS_AUTH = "hz22.api.aliyunpds.com", "hz22.auth.aliyunpds.com"
FORM = {"content_type": "application/x-www-form-urlencoded"}
REFERER = "https://www.aliyundrive.com/"


class Asker:
    """A site, and someone who asks it; `headers` go with every request."""

    def __init__(self, provider, root, *options):
        arguments = parser().parse_args([provider, "--root", str(root), *options])
        self.site = load(provider).make(arguments)
        self.ready = self.site.start(ADDRESS)
        self.headers = {}
        self.host = "api.aliyundrive.com"

    def send(self, method, target, body=None, host=None, **headers):
        """The raw response of a path at a host."""
        content = b"" if body is None else body
        if not isinstance(content, bytes):
            content = json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = self.headers | {"x-real-host": self.host if host is None else host} | names
        return self.site.answer(Request.parse(method, target, sent, content))

    def post(self, target, body=None, host=None, **headers):
        """Status and JSON of a call; None for an empty body."""
        answer = self.send("POST", target, {} if body is None else body, host, **headers)
        return answer.status, value_of(answer)

    def ok(self, target, body=None, host=None, **headers):
        """The JSON of a call that succeeds."""
        status, value = self.post(target, body, host, **headers)
        assert status in (200, 201, 202, 204), value
        return value

    def code(self, target, body=None, host=None, **headers):
        """Status and code of a call that fails."""
        status, value = self.post(target, body, host, **headers)
        assert status >= 400, value
        return status, value["code"]

    def fetch(self, url, method="GET", body=b"", **headers):
        """The response of a link that the site gave."""
        assert url.startswith(f"{ADDRESS}/")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request.parse(method, url.removeprefix(ADDRESS), names, body)
        return self.site.answer(request)

    def jump(self, seconds):
        """Let time pass."""
        self.site.clock.jump(seconds)


class Owner(Asker):
    """The owner of an Aliyundrive, signed in, on a device with a session."""

    def __init__(self, root, *options, kind="web", provider="aliyundrive"):
        super().__init__(provider, root, *options)
        self.refresh_token = self.site.refresh_token(kind)
        self.sign_in()

    def sign_in(self):
        """Refresh, and make a device session."""
        body = {"refresh_token": self.refresh_token, "grant_type": "refresh_token"}
        told = self.ok("/v2/account/token", body, AUTH)
        self.refresh_token = told["refresh_token"]
        self.headers = {
            "authorization": f"Bearer {told['access_token']}",
            "x-device-id": "a device",
            "x-signature": "0" * 130,
        }
        self.ok("/users/v1/users/device/create_session", {"pubKey": "04"})
        return told

    def page(self, parent="root", **wish):
        """One page of a listing."""
        body = {"drive_id": "1001", "parent_file_id": parent} | wish
        return self.ok("/adrive/v3/file/list", body)

    def ids(self, parent="root", **wish):
        """Names to ids of one page."""
        return {item["name"]: item["file_id"] for item in self.page(parent, **wish)["items"]}

    def link(self, file_id, **wish):
        """The answer for a link."""
        body = {"drive_id": "1001", "file_id": file_id} | wish
        return self.ok("/v2/file/get_download_url", body)

    def create(self, name, **wish):
        """Make a folder, or begin an upload."""
        body = {"drive_id": "1001", "parent_file_id": "root", "name": name, "type": "folder"}
        return self.ok("/adrive/v2/file/createWithFolders", body | wish)


class Member(Asker):
    """A member of the domain, who is also a visitor of its main share."""

    def __init__(self, root, *options):
        super().__init__("pds", root, *options)
        self.host = PDS_API
        self.share_id = self.site.main_share.share_id
        self.share_token = ""
        token = self.site.tokens.issue(self.site.owner, "member")["access_token"]
        self.headers = {"authorization": f"Bearer {token}"}

    def form(self, path, host=PDS_AUTH, **fields):
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


def text_of(answer):
    """The bytes of an answer."""
    parts = []
    for segment in answer.segments:
        if isinstance(segment, FileSpan):
            with open(segment.path, "rb") as file:
                parts.append(file.read()[segment.start : segment.stop])
        else:
            parts.append(segment)
    return b"".join(parts)


def value_of(answer):
    """The JSON of an answer; None when there is none."""
    text = text_of(answer)
    return json.loads(text) if text else None
