"""This machine with an /etc, /usr/sbin and /usr/local of its own, for tests that change those.

A mount namespace with overlays: what is written there, and what is mounted there, is seen by nobody
else and is gone with its last process. Only root can make one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.mount.standing import WITHIN_S, Places, run

_COVERED = ("/etc", "/usr/sbin", "/usr/local")
_MAKE = """
set -e
top=$1; shift
for covered in "$@"; do
    layer=$top/layers$covered
    mkdir -p "$layer/upper" "$layer/work"
    mount -t overlay overlay \
        -o "lowerdir=$covered,upperdir=$layer/upper,workdir=$layer/work" "$covered"
done
: >/etc/fstab
# Open to everybody, as udev makes it.
mknod -m 0666 "$top/fuse" c 10 229
mount --bind "$top/fuse" /dev/fuse
echo ready
exec cat
"""


@dataclass
class Machine:
    """A private machine.

    Attributes:
        places: Where programs on it keep things; the layers are below.
        keeper: The process whose mount namespace it is.
    """

    places: Places
    keeper: subprocess.Popen

    def run(self, *argv, user=None, check=True, within_s=60):
        """Run a program on it, as root or as another user; return what it did."""
        words = ["nsenter", "-t", str(self.keeper.pid), "-m", "--"]
        environ = {**self.places.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        if user is not None:
            words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY", "RUNTIME_DIRECTORY"):
                del environ[name]
            environ["HOME"] = str(self.home(user))
        done = run(*words, *argv, env=environ, check=check, within_s=within_s)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def home(self, user):
        """Return the home of a user, made where it is missing."""
        path = self.places.top / f"home-{user}"
        if not path.exists():
            path.mkdir()
            os.chown(path, user, user)
        return path

    def fsmount(self, *words):
        """Run fsmount on it."""
        return self.run(sys.executable, "-m", "fsmount", *words)

    def fstab(self, *lines):
        """Have it know these lines."""
        self.file("/etc/fstab", "".join(f"{line}\n" for line in lines))

    def file(self, path, text):
        """Write a file on it."""
        inside = Path(f"/proc/{self.keeper.pid}/root{path}")
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_text(text)

    def table(self, path):
        """Return the line of its mount table about ``path`` as findmnt shows it; "" for none."""
        columns = "FSTYPE,SOURCE,OPTIONS"
        done = self.run("findmnt", "-n", "-o", columns, "-M", path, check=False)
        return done.out.strip()


@dataclass
class Done:
    """What a program did."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def private_machine(places):
    """Have a machine until the end of the block; every mount on it is aborted then."""
    keeper = subprocess.Popen(
        [
            *("unshare", "--mount", "--propagation", "private"),
            *("bash", "-c", _MAKE, "make", str(places.top), *_COVERED),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert keeper.stdout.readline() == b"ready\n"
        yield Machine(places, keeper)
    finally:
        leave(keeper)


def leave(keeper):
    """Abort what is still mounted, then end the namespace."""
    clean_inside = (
        "import sys; from pathlib import Path; from tests.mount.standing import clean\n"
        "from fsmount import mountpoint\n"
        "for mount in mountpoint.mounts():\n"
        "    if mount.is_ours and mount.mountpoint.startswith(sys.argv[1]):\n"
        "        clean(Path(mount.mountpoint))\n"
    )
    inside = [sys.executable, "-c", clean_inside, "/"]
    own = {os.readlink("/proc/self/ns/mnt")}
    if keeper.poll() is None and os.readlink(f"/proc/{keeper.pid}/ns/mnt") not in own:
        subprocess.run(
            ["nsenter", "-t", str(keeper.pid), "-m", "--", *inside], timeout=WITHIN_S, check=False
        )
    with contextlib.suppress(ProcessLookupError):
        os.killpg(keeper.pid, signal.SIGTERM)
    keeper.wait(WITHIN_S)
    keeper.stdin.close()
    keeper.stdout.close()
