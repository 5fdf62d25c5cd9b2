"""Replays recorded requests against an emulated provider and compares the answers.

A recording is one request and one response of the real server. Ids, tokens and links differ from
server to server, so a `Replay` learns: wherever a recorded answer has a string and the emulator's
has another at the same place, later requests (and expectations) use the emulator's instead.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tests.emulators.messages import FileSpan, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.emulators.messages import Response

_CUT = re.compile(r"\.\.\. \d+ more")
# Headers that differ by the HTTP library or by a compressing front, not by the server's behaviour.
_FREE_HEADERS = frozenset(
    ("content-length", "transfer-encoding", "content-encoding", "vary", "date")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One request and its recorded response; bodies are decoded JSON, text or a description."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int
    answer_headers: dict[str, str]
    answer: Any

    @classmethod
    def load(cls, folder: Path, name: str) -> Recording:
        """Read a recording from its file."""
        value = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        request, response = value["request"], value["response"]
        return cls(
            name=name,
            method=request["method"],
            path=request["path"],
            headers=request["headers"],
            body=request["body"],
            status=response["status"],
            answer_headers=response["headers"],
            answer=response["body"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is compared, beyond status, keys and JSON types.

    Args:
        exact: keys whose values must be equal, not only of one type.
        ignored: keys that may be there or not, on either side.
    """

    exact: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Replay:
    """Replays recordings one after the other against one emulated provider."""

    folder: Path
    answer: Callable[[Request], Response]
    expectation: Expectation
    known: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def encoded(body: Any) -> bytes:
        """A JSON body, empty for None."""
        return b"" if body is None else json.dumps(body).encode()

    @staticmethod
    def decoded(response: Response) -> Any:
        """The JSON of an answer."""
        return json.loads(b"".join(map(_content, response.segments)))

    def learn(self, recorded: str, ours: str) -> None:
        """Use `ours` wherever the recordings say `recorded`."""
        if recorded and recorded != ours:
            self.known[recorded] = ours

    def play(
        self,
        name: str,
        *,
        change: Callable[[Request], Request] = lambda request: request,
        free: frozenset[str] = frozenset(),
    ) -> Response:
        """Send a recording's request; raises AssertionError that says where the answer differs.

        Args:
            name: the recording.
            change: a last change to the request, for what placeholders cannot express.
            free: keys that need not agree in this recording.
        """
        recording = Recording.load(self.folder, name)
        response = self.answer(change(self._request(recording)))
        self._compare(recording, response, self.expectation.ignored | free)
        return response

    def _request(self, recording: Recording) -> Request:
        path = self._ours(recording.path)
        headers = {key: self._ours(value) for key, value in recording.headers.items()}
        body = _body_bytes(recording.body, self._ours)
        headers.pop("content-length", None)
        if not (isinstance(recording.body, dict) and "_stream" in recording.body):
            headers["content-length"] = str(len(body))
        return Request.parse(recording.method, path, headers, body)

    def _ours(self, text: str) -> str:
        """A recorded text with everything learnt put in, the longest first."""
        if text in self.known:
            return self.known[text]
        words = sorted(self.known, key=len, reverse=True)
        if not words:
            return text
        pattern = "|".join(map(re.escape, words))
        # A word may follow an escape such as %2F, whose last letter is no part of it.
        before = r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-F]{2}))"
        bounded = re.compile(rf"{before}(?:{pattern})(?![0-9A-Za-z])")
        return bounded.sub(lambda match: self.known[match.group()], text)

    def _compare(self, recording: Recording, response: Response, free: frozenset[str]) -> None:
        assert response.status == recording.status, f"HTTP {response.status} in {recording.name}"
        self._compare_headers(recording, response, _FREE_HEADERS | free)
        plain = "json" not in recording.answer_headers.get("content-type", "json")
        if plain and isinstance(recording.answer, str) and recording.status < 300:
            assert response.length == int(recording.answer_headers["content-length"])
        if recording.method == "HEAD":
            return
        body = b"".join(map(_content, response.segments))
        if isinstance(recording.answer, dict) and "_binary_length" in recording.answer:
            assert body, "no bytes"
        elif isinstance(recording.answer, str):
            expected = self._ours(recording.answer)
            boundary = re.compile(r"--[0-9a-f]{60}")  # of multipart, random
            assert boundary.sub("--", body.decode()) == boundary.sub("--", expected)
        else:
            self._same(recording.answer, json.loads(body), "", free)

    def _compare_headers(
        self, recording: Recording, response: Response, free: frozenset[str]
    ) -> None:
        expected = {k: v for k, v in recording.answer_headers.items() if k not in free}
        ours = {k: v for k, v in response.headers.items() if k not in free}
        kind = expected.get("content-type", "")
        if kind.startswith("multipart/"):
            expected["content-type"] = kind.partition(";")[0]
            ours["content-type"] = ours["content-type"].partition(";")[0]
        if "location" in expected and "location" in ours:
            self.learn_link(expected["location"], ours["location"])
        expected = {key: self._ours(value) for key, value in expected.items()}
        assert ours == expected, f"headers {ours}, recorded {expected}"

    def _same(self, recorded: Any, ours: Any, where: str, free: frozenset[str]) -> None:
        """Compare two JSON values by shape, and learn what stands for what."""
        if isinstance(recorded, dict):
            assert isinstance(ours, dict), f"{where} is {ours!r}"
            mine = {self._ours(key): value for key, value in recorded.items()}
            missing = mine.keys() - ours.keys() - free
            extra = ours.keys() - mine.keys() - free
            assert not missing, f"{where} has no {sorted(missing)}"
            assert not extra, f"{where} has {sorted(extra)} too"
            for key in mine.keys() - free:
                self._same(mine[key], ours[key], f"{where}/{key}", free)
        elif isinstance(recorded, list):
            assert isinstance(ours, list), f"{where} is {ours!r}"
            whole = [x for x in recorded if not (isinstance(x, str) and _CUT.fullmatch(x))]
            assert len(ours) >= len(whole), f"{where} has {len(ours)} items"
            assert len(whole) < len(recorded) or len(ours) == len(whole), f"{where} is longer"
            for position, item in enumerate(whole):
                self._same(item, ours[position], f"{where}/{position}", free)
        else:
            assert type(recorded) is type(ours), f"{where} is {ours!r}, recorded {recorded!r}"
            if where.rpartition("/")[2] in self.expectation.exact:
                expected = self._ours(recorded) if isinstance(recorded, str) else recorded
                assert ours == expected, f"{where} is {ours!r}, recorded {recorded!r}"
            elif isinstance(recorded, str):
                self.learn_link(recorded, ours)

    def learn_link(self, recorded: str, ours: str) -> None:
        """Learn a string; of a link also its path and the parts of that."""
        self.learn(recorded, ours)
        theirs, mine = urlsplit(recorded), urlsplit(ours)
        if theirs.scheme in ("http", "https"):
            self.learn(recorded.partition(theirs.netloc)[2], ours.partition(mine.netloc)[2])
            for old, new in zip(theirs.path.split("/"), mine.path.split("/"), strict=False):
                if len(old) >= len("abTz") and old != new:
                    self.learn(old, new)
        elif re.search(r"[^0-9A-Za-z]", recorded):
            self.learn(quote(recorded, safe=""), quote(ours, safe=""))


def _content(segment: bytes | FileSpan) -> bytes:
    if isinstance(segment, bytes):
        return segment
    with open(segment.path, "rb") as file:
        file.seek(segment.start)
        return file.read(len(segment))


def _body_bytes(body: Any, ours: Callable[[str], str]) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if "_binary_length" in body:
        return b"\xa5" * body["_binary_length"]
    if "_stream" in body:
        return b"streamed"
    return json.dumps(_put(body, ours), ensure_ascii=False).encode()


def _put(value: Any, ours: Callable[[str], str]) -> Any:
    """A recorded JSON value with everything learnt put in."""
    if isinstance(value, str):
        return ours(value)
    if isinstance(value, list):
        return [_put(item, ours) for item in value]
    if isinstance(value, dict):
        return {key: _put(item, ours) for key, item in value.items()}
    return value
