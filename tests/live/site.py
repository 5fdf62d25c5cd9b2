"""A real site as its JSON file describes it, and what people do with it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import trio

from fsmount import mountpoint
from fsmount.config import load_config
from fsmount.model import ROOT_INODE
from fsmount.remote import find_source, open_remote
from tests.conformance.tree import open_tree
from tests.mount.standing import Places, clean, run

VARIABLE = "FSMOUNT_LIVE_CLOUDREVE"
WITHIN_S = 120


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON file; see the package."""

    address: str
    email: str = ""
    password: str = ""
    share: str = ""
    share_password: str = ""
    share_file: str = ""
    expired: str = ""
    cancelled: str = ""
    root: str = ""
    sums: dict[str, str] = {}
    options: str = ""


def described() -> Description:
    """Return the site that the environment names; skips aloud without one."""
    path = os.environ.get(VARIABLE)
    if not path:
        pytest.skip(f"{VARIABLE} is not set: no real server was asked")
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Description)
    except (OSError, msgspec.MsgspecError) as exc:
        pytest.fail(f"{VARIABLE}={path} cannot be used: {exc}")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command said and did."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of a failure."""
        assert self.code != 0, f"it did not fail: {self.out}"
        assert "Traceback" not in self.err
        (line,) = self.err.splitlines()
        return line


@dataclass(frozen=True, kw_only=True)
class Site:
    """One real site, with directories of its own for all tests of a run.

    They are shared on purpose: one sign-in, and each link is asked once.

    Attributes:
        told: What the JSON file says.
        places: State, cache and runtime directories.
        kept: What is asked once in a run: the sign-in.
    """

    told: Description
    places: Places
    kept: dict = field(default_factory=dict)

    def needs(self, *names: str) -> tuple:
        """Return these values of the description; skips aloud when one is missing."""
        missing = [name for name in names if not getattr(self.told, name)]
        if missing:
            pytest.skip(f"{VARIABLE} names no {' and no '.join(missing)}")
        return tuple(getattr(self.told, name) for name in names)

    @property
    def sums(self) -> dict[str, str]:
        """Relative path to SHA-256, both as we write them."""
        self.needs("sums")
        return {
            path.removeprefix("./").strip("/"): digest.lower().removeprefix("sha256:")
            for path, digest in self.told.sums.items()
        }

    @property
    def drive_root(self) -> str:
        """The folder of the drive to mount; "" for the whole of it."""
        return "" if self.originals else self.told.root

    @property
    def originals(self) -> Path | None:
        """The local directory with the same files, when the description names one."""
        root = self.told.root
        return Path(root) if root.startswith("/") and Path(root).is_dir() else None

    @property
    def needed(self) -> dict[str, str]:
        """The options that the site needs, by name."""
        return dict(option.split("=", 1) for option in self.told.options.split(",") if option)

    # --- as a person ------------------------------------------------------------------------------

    def config(self, name: str = "live", **more: str) -> Path:
        """Write a configuration whose remote ``live`` is the account's drive; returns its path."""
        email, password = self.needs("email", "password")
        secret = self.places.top / f"{name}.password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        values = {
            "driver": "cloudreve",
            "address": self.told.address,
            "email": email,
            "password_file": str(secret),
            "root": self.drive_root,
            **self.needed,
            **more,
        }
        # A JSON string is a TOML string.
        lines = [
            f"{key} = {msgspec.json.encode(value).decode()}"
            for key, value in values.items()
            if value
        ]
        path = self.places.top / f"{name}.toml"
        path.touch(mode=0o600)
        path.write_text("\n".join(["[remotes.live]", *lines, ""]), encoding="utf-8")
        return path

    def fsmount(self, *words: str, stdin: str = "") -> Said:
        """Run the program as a person would."""
        done = subprocess.run(
            [sys.executable, "-m", "fsmount", *map(os.fspath, words)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            env=self.places.environ,
        )
        return Said(code=done.returncode, out=done.stdout, err=done.stderr)

    def options(self, *more: str) -> list[str]:
        """Return ``-o`` with what the site needs and ``more``."""
        wanted = [*filter(None, [self.told.options]), *more]
        return ["-o", ",".join(wanted)] if wanted else []

    @contextlib.contextmanager
    def mounted(self, source: str, *options: str, config: Path | None = None):
        """Mount ``source`` as a person does, in the background; the end must be clean."""
        path = self.places.top / "mnt"
        path.mkdir(exist_ok=True)
        before = ["--config", str(config)] if config else []
        try:
            done = self.fsmount(*before, "mount", source, path, *self.options(*options))
            assert done.code == 0, done
            assert mountpoint.mounted_at(path).is_ours
            yield path
            done = self.fsmount("umount", path)
            assert (done.code, done.err) == (0, ""), done
            assert mountpoint.mounted_at(path) is None
            assert list(path.iterdir()) == []
        finally:
            clean(path)

    # --- through the layers -----------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def opened(self, source: str, config: Path | None = None, **overrides: str):
        """Open ``source`` as a mount does, without a kernel."""
        directories = self.places.directories
        read = load_config(config or self.empty_config(), directories)
        found = await find_source(source, read, {**self.needed, **overrides}, directories)
        assert found.driver == "cloudreve"
        async with open_remote(found, directories) as remote:
            yield remote

    def empty_config(self) -> Path:
        """Return a configuration without remotes: nobody's own is looked at."""
        path = self.places.top / "empty.toml"
        path.touch()
        return path

    @contextlib.asynccontextmanager
    async def tree(self, source: str, config: Path | None = None, **overrides: str):
        """Open the tree over ``source``."""
        async with (
            self.opened(source, config, **overrides) as remote,
            open_tree(remote) as filesystem,
        ):
            yield filesystem


async def everything(filesystem) -> dict:
    """Return path to attributes of all that is below the root of a tree."""
    found, left = {}, [("", ROOT_INODE)]
    while left:
        prefix, inode = left.pop()
        handle = filesystem.open_folder(inode)
        cookie = 0
        while rows := await handle.read(cookie, 1000):
            for row in rows:
                path = prefix + row.name
                assert path not in found, f"{path} was shown twice"
                found[path] = row.attributes
                if row.attributes.is_folder:
                    left.append((f"{path}/", row.attributes.inode))
            cookie = rows[-1].next_cookie
        handle.close()
    return found


async def sum_of(filesystem, path: str) -> str:
    """Return the SHA-256 of a file of a tree."""
    digest = hashlib.sha256()
    handle = filesystem.open_file((await filesystem.find(path)).inode)
    try:
        offset = 0
        while data := await handle.read(offset, 1 << 20):
            digest.update(data)
            offset += len(data)
            await trio.lowlevel.checkpoint()
    finally:
        await handle.close()
    return digest.hexdigest()


def where(paths, sums) -> str | None:
    """Return the folder, with a slash behind it, below which all files of ``sums`` are.

    "" is the root; None when there is none.
    """
    first = min(sums)
    for path in sorted(paths, key=len):
        if path == first or path.endswith(f"/{first}"):
            prefix = path.removesuffix(first)
            if all(prefix + name in paths for name in sums):
                return prefix
    return None


def shown_by(path: Path) -> dict[str, int | None]:
    """Return relative path to size (None for a folder) of all below a mounted directory."""
    found: dict[str, int | None] = {}
    for folder, folders, names in os.walk(path, onerror=_raise):
        for name in (*folders, *names):
            whole = Path(folder) / name
            state = whole.lstat()
            relative = str(whole.relative_to(path))
            found[relative] = None if name in folders else state.st_size
    return found


def _raise(exc):
    raise exc


def same(one: Path, other: Path) -> None:
    """Fail unless two directories hold the same."""
    run("diff", "-r", one, other, within_s=WITHIN_S)
