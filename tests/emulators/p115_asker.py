"""Asks an emulated 115 without a network, as the tests of its emulator do."""

from __future__ import annotations

import base64
import json
import os
from urllib.parse import urlencode, urlsplit

from tests.emulators.messages import FileSpan, Request
from tests.emulators.p115 import m115
from tests.emulators.p115.provider import make
from tests.emulators.running import parser

AGENT = "Mozilla/5.0 115Browser/36.2.28"
ADDRESS = "http://115.test"


class Asker:
    """One client: it has the cookies of the first login until `cookie` is changed."""

    def __init__(self, root, *options):
        arguments = parser().parse_args(["p115", "--root", str(root), *options])
        self.site = make(arguments)
        self.ready = self.site.start(ADDRESS)
        self.cookie = self.site.sessions.first.header
        self.token = self.ready.more["access_token"]
        self.referer = ""

    def send(self, method, place, form=None, **headers):
        """The raw response; `place` is `host/path?query`."""
        sent = {"user-agent": AGENT, "cookie": self.cookie, "referer": self.referer}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        body = urlencode(form or {}).encode()
        return self.site.answer(Request.parse(method, f"/{place}", sent, body))

    def get(self, place, **query):
        """The JSON answer to a GET."""
        target = f"{place}?{urlencode(query)}" if query else place
        return json.loads(self.send("GET", target).segments[0])

    def post(self, place, **form):
        """The JSON answer to a POST."""
        return json.loads(self.send("POST", place, form).segments[0])

    def open(self, method, path, /, **values):
        """The JSON answer of the Open platform."""
        place = f"proapi.115.com/open/{path}"
        bearer = {"authorization": f"Bearer {self.token}"}
        if method == "GET":
            response = self.send("GET", f"{place}?{urlencode(values)}", **bearer)
        else:
            response = self.send(method, place, values, **bearer)
        return json.loads(response.segments[0])

    def files(self, cid=0, **query):
        """A page of the web listing, in the order asked for."""
        order = {"o": "file_name", "asc": 1, "fc_mix": 0, "custom_order": 1, "show_dir": 1}
        return self.get("webapi.115.com/files", cid=cid, **{"limit": 1150, **order, **query})

    def snap(self, cid=0, share=None, **query):
        """A page of a share."""
        share = share or self.site.main_share
        wish = {"share_code": share.code, "receive_code": share.receive_code, "cid": cid}
        return self.get("webapi.115.com/share/snap", **{**wish, "limit": 1000, **query})

    def pickcode(self, path):
        """The pickcode of a file of the own drive."""
        return self.site.tree.find(path).pickcode

    def chrome(self, pickcode, **headers):
        """The response, its JSON and, opened, what is inside of it."""
        return self.sealed("proapi.115.com/app/chrome/downurl", {"pickcode": pickcode}, **headers)

    def sealed(self, place, wish, **headers):
        """The same for any endpoint with the cipher."""
        data = seal_request(json.dumps(wish).encode())
        response = self.send("POST", f"{place}?t=1", {"data": data}, **headers)
        answer = json.loads(response.segments[0])
        inner = None
        if isinstance(answer.get("data"), str) and answer["data"]:
            inner = json.loads(open_answer(answer["data"]))
        return response, answer, inner

    def follow(self, url, method="GET", **headers):
        """The response of the content host."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}".removeprefix("/")
        sent = {"cookie": None, "referer": None} | headers
        return self.send(method, target, **sent)


# The client's half of the cipher, which only a test of the service's half needs here.
KEY = bytes(range(16))


def seal_request(plain, key=KEY, padding=b"\2"):
    """Write a request as a client does."""
    mixed = m115._mixed(m115._mixed(plain, m115._derived(key, 4))[::-1], m115._CLIENT_KEY)
    message, cipher = key + mixed, b""
    for start in range(0, len(message), 117):
        block = message[start : start + 117]
        padded = b"\0\2" + padding * (125 - len(block)) + b"\0" + block
        cipher += pow(int.from_bytes(padded, "big"), 65537, m115.MODULUS).to_bytes(128, "big")
    return base64.b64encode(cipher).decode()


def open_answer(text, key=KEY):
    """Read an answer as a client does."""
    cipher, message = base64.b64decode(text), b""
    for start in range(0, len(cipher), 128):
        number = int.from_bytes(cipher[start : start + 128], "big")
        block = pow(number, 65537, m115.MODULUS).to_bytes(128, "big")
        message += block[block.index(0, 1) + 1 :]
    mixed = m115._mixed(message[16:], m115._derived(message[:16], 12))[::-1]
    return m115._mixed(mixed, m115._derived(key, 4))


def body(response):
    """All bytes of a response, those on disk too."""
    parts = []
    for segment in response.segments:
        if isinstance(segment, FileSpan):
            with open(segment.path, "rb") as file:
                parts.append(os.pread(file.fileno(), len(segment), segment.start))
        else:
            parts.append(segment)
    return b"".join(parts)
