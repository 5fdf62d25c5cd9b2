"""How an upload begins: identity, rapid upload with its challenge, tokens of the object store.

What follows at the object store itself is not emulated. Source: wire 115 §8.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.routes import Route
from tests.emulators.p115.sessions import USER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.clock import Clock
    from tests.emulators.messages import Response
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.tree import Node, Tree

USER_KEY = "0123456789ABCDEF0123456789ABCDEF01234567"
_SALT = "Qclm8MGWUv59TnrR0XPg"
# From this size on the service wants to see that the content is at hand.
_CHALLENGED_BYTES = 1 << 20
_CHALLENGE_BYTES = 151
_LARGEST_BYTES = 123480309760
_TOKEN_LIFE_S = 3600
_CALLBACK_FIELDS = ("pick_code", "user_id", "behavior_type", "source", "target", "task_uid")


class UploadApi:
    """Handlers of `uploadinfo` and of `uplb`."""

    def __init__(self, tree: Tree, clock: Clock) -> None:
        self._tree = tree
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where they are."""

        def at(place: str, handler: Callable[[Call], Response], *, anyone: bool = False) -> Route:
            return Route.to(place, "upload", handler if anyone else _signed(handler))

        return [
            at("webapi.115.com/files/uploadinfo", self._identity),
            at("proapi.115.com/app/uploadinfo", self._identity),
            at("proapi.115.com/*/2.0/user/upload_key", self._key),
            at("uplb.115.com/4.0/initupload.php", self._begin),
            at("uplb.115.com/3.0/gettoken.php", self._token, anyone=True),
            at("uplb.115.com/3.0/getuploadinfo.php", self._places, anyone=True),
            at("uplb.115.com/3.0/sampleinitupload.php", self._sample),
        ]

    def _identity(self, call: Call) -> Response:
        return respond(
            {
                "state": True,
                "error": "",
                "errno": 0,
                "user_id": USER_ID,
                "userkey": USER_KEY,
                "app_id": 100195123,
                "app_version": 3602028,
                "isp_type": 0,
                "size_limit": _LARGEST_BYTES,
                "size_limit_yun": 209715200,
                "max_dir_level": 25,
                "max_dir_level_yun": 5,
                "max_file_num": 50000,
                "max_file_num_yun": 200,
                "type_limit": ["exe"],
                "upload_allowed": True,
                "upload_allowed_msg": "",
            }
        )

    def _key(self, call: Call) -> Response:
        return respond({"state": True, "errno": 0, "error": "", "data": {"userkey": USER_KEY}})

    def _begin(self, call: Call) -> Response:
        sha1, target = call.text("fileid"), call.text("target")
        wrong = self._wrong(call)
        if wrong is not None:
            return respond(wrong)
        folder = self._folder(target)
        if folder is None:
            return respond(_answer(status=4, statuscode=402, statusmsg="target invalid"))
        size = call.number("filesize")
        known = self._known(sha1, size)
        if known is None:
            return respond(self._to_store(call, target))
        if size >= _CHALLENGED_BYTES:
            key = hashlib.md5(sha1.encode()).hexdigest()
            start = int(sha1[:8], 16) % (size - _CHALLENGE_BYTES)
            proof = _digest(known, start, _CHALLENGE_BYTES)
            if (call.text("sign_key"), call.text("sign_val")) != (key, proof):
                span = f"{start}-{start + _CHALLENGE_BYTES - 1}"
                challenge = {"sign_key": key, "sign_check": span}
                return respond(_answer(status=7, statuscode=701, **challenge))
        made = self._tree.make(folder, call.text("filename"), self._clock.now_ns(), b"")
        made.content = known.content
        return respond(_answer(status=2, pickcode=made.pickcode, target=target))

    def _wrong(self, call: Call) -> dict[str, Any] | None:
        """What is wrong with a form's signatures; None when nothing is."""
        user, sha1, size = call.text("userid"), call.text("fileid"), call.text("filesize")
        inner = hashlib.sha1(f"{user}{sha1}{call.text('target')}0".encode()).hexdigest()
        signed = hashlib.sha1(f"{USER_KEY}{inner}000000".encode()).hexdigest().upper()
        if call.text("sig") != signed:
            return _answer(status=4, statuscode=400, statusmsg="sig invalid")
        version = call.text("appversion")
        parts = (
            _SALT,
            sha1,
            size,
            call.text("sign_key"),
            call.text("sign_val"),
            user,
            call.text("t"),
            hashlib.md5(user.encode()).hexdigest(),
            version,
        )
        if call.text("token") != hashlib.md5("".join(parts).encode()).hexdigest():
            return _answer(status=4, statuscode=400, statusmsg="token invalid")
        if user != str(USER_ID):
            return _answer(status=4, statuscode=402, statusmsg="userid invalid")
        if int(version.partition(".")[0] or 0) < 30:
            return _answer(status=4, statuscode=403, statusmsg="请升级到最新版本")
        return None

    def _known(self, sha1: str, size: int) -> Node | None:
        """A file anywhere in the drive with this content."""
        for node in self._tree.below(self._tree.root):
            if not node.is_folder and node.size == size and node.sha1 == sha1:
                return node
        return None

    def _folder(self, target: str) -> Node | None:
        number = target.rpartition("_")[2]
        node = self._tree.nodes.get(int(number)) if number.isdecimal() else None
        return node if node is not None and node.is_folder else None

    def _to_store(self, call: Call, target: str) -> dict[str, Any]:
        fields = "&".join(f"{name}=${{x:{name}}}" for name in _CALLBACK_FIELDS)
        body = f"bucket=${{bucket}}&object=${{object}}&size=${{size}}&sha1=${{sha1}}&{fields}"
        url = "http://uplb.115.com/3.0/completeupload.php"
        values = {f"x:{name}": "" for name in _CALLBACK_FIELDS}
        values |= {"x:user_id": str(USER_ID), "x:behavior_type": "0", "x:target": target}
        callback = {
            "callback": json.dumps({"callbackUrl": url, "callbackBody": body}),
            "callback_var": json.dumps(values),
        }
        return _answer(
            status=1,
            target=target,
            bucket="fhnfile",
            object=f"fhnimg/{call.text('fileid').lower()}",
            callback=callback,
        )

    def _token(self, call: Call) -> Response:
        ends = time.gmtime(self._clock.now() + _TOKEN_LIFE_S)
        return respond(
            {
                "StatusCode": "200",
                "AccessKeyId": "STS.test",
                "AccessKeySecret": "secret",
                "SecurityToken": "token",
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", ends),
                "endpoint": "http://oss-cn-shenzhen.aliyuncs.com",
            }
        )

    def _places(self, call: Call) -> Response:
        return respond(
            {
                "endpoint": "http://oss-cn-shenzhen.aliyuncs.com",
                "gettokenurl": "http://uplb.115.com/3.0/gettoken.php",
            }
        )

    def _sample(self, call: Call) -> Response:
        name = hashlib.md5(call.text("filename").encode()).hexdigest()
        return respond(
            {
                "host": "https://fhnfile.oss-cn-shenzhen.aliyuncs.com",
                "object": f"fhnimg/{name}",
                "policy": "e30=",
                "accessid": "STS.test",
                "signature": "c2lnbmF0dXJl",
                "callback": "e30=",
                "expire": int(self._clock.now()) + _TOKEN_LIFE_S,
            }
        )


def _digest(node: Node, start: int, count: int) -> str:
    content = node.content
    if isinstance(content, bytes):
        data = content[start : start + count]
    else:
        with open(content.path, "rb") as file:
            file.seek(start)
            data = file.read(count)
    return hashlib.sha1(data).hexdigest().upper()


def _answer(**values: Any) -> dict[str, Any]:
    """An answer of `initupload.php`; `fileid` is always there and never means anything."""
    return {
        "request": "upload",
        "status": 0,
        "statuscode": 0,
        "statusmsg": "",
        "pickcode": "",
        "target": "",
        "version": "4.0",
        "fileid": 0,
        "fileinfo": "",
        "callback": [],
        **values,
    }


def _signed(handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
    def checked(call: Call) -> Response:
        if call.session is None:
            raise envelope.web(99, "请重新登录")
        return handler(call)

    return checked
