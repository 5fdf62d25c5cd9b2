"""What the machine boots into: a site that is not there at first, two mounts, and their reader."""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

NOTES = "/boot-test"
"""Folder in the container where everything of the test is kept."""

ADDRESS = "10.77.0.1"
PORT = 4711
CODE = "pw12"
CREDENTIAL = "of no use to a share"
SITE = f"http://{ADDRESS}:{PORT}"

UNIT_MOUNT = "/mnt/share"
"""The link of a share, with its code."""

FSTAB_MOUNT = "/mnt/from fstab"
"""A configured remote: a folder of the same share."""

WATCHDOG_S = 4

_PYTHON = f"{sys.executable} -m"

# Kernels without autofs cannot mount on the first look: then it is mounted at boot.
_AUTOMOUNT = "x-systemd.automount," if Path("/dev/autofs").exists() else ""

FSTAB = (
    f"films {FSTAB_MOUNT.replace(' ', chr(92) + '040')} fsmount "
    f"_netdev,nofail,{_AUTOMOUNT}X-mount.mkdir,allow_other,listing_ttl_s=2 0 0\n"
)

_ENVIRONMENT = """\
SOURCE={source}
OPTIONS=allow_other,listing_ttl_s=2
"""

_CONFIG = """\
[remotes.films]
driver = "cloudreve"
address = "{site}"
share = "{share}"
share_password = "{code}"
root = "/sub"
"""

DROP_IN = f"[Service]\nWatchdogSec={WATCHDOG_S}\n"

_SITE = f"""
[Unit]
Description=the network, and the site that is on it
[Service]
WorkingDirectory={PROJECT}
ExecStartPre=ip address add {ADDRESS}/32 dev lo
ExecStart={_PYTHON} tests.emulators cloudreve --root {NOTES}/tree --host {ADDRESS} --port {PORT} \
--share-password {CODE}
ExecStopPost=-ip address del {ADDRESS}/32 dev lo
StandardOutput=file:{NOTES}/site
"""

# Nobody tells it when the network is there: it tries until both can be read, as backups do.
_READER = f"""
[Unit]
Description=reads both mounts as soon as they can be read
Wants=fsmount@share.service
After=fsmount@share.service remote-fs.target
StartLimitIntervalSec=0
[Service]
Type=oneshot
RemainAfterExit=yes
DynamicUser=yes
ExecStart=sha256sum {UNIT_MOUNT}/film.mkv "{FSTAB_MOUNT}/film.mkv"
StandardOutput=truncate:{NOTES}/read
Restart=on-failure
RestartSec=1
"""

_CHECK = f"""
[Unit]
Description=watches over the boot, and ends it
[Service]
WorkingDirectory={PROJECT}
Environment=PYTHONPATH={PROJECT}
ExecStart={_PYTHON} tests.boot.inside
ExecStopPost=systemctl poweroff --no-block
TimeoutStartSec=150
TimeoutStopSec=5
"""

_TARGET = """
[Unit]
Description=the boot test
Requires=basic.target
Wants=remote-fs.target fsmount@share.service reader.service check.service
After=basic.target
"""


def source(share: str) -> str:
    """Return the link of the share of this id, as people paste it."""
    return f"{SITE}/s/{share}/{CODE}"


def tree(film: bytes) -> dict[str, bytes]:
    """Return what the site shares: two films."""
    return {"film.mkv": film, "sub/film.mkv": film[::-1]}


def files(share: str) -> dict[str, bytes]:
    """Return the content of every file that the machine has of its own, by path.

    Args:
        share: The id that the site gives to its share.
    """
    system = "etc/systemd/system"
    texts = {
        "etc/fstab": FSTAB,
        "etc/fsmount/share.env": _ENVIRONMENT.format(source=source(share)),
        "etc/credstore/share.password": CREDENTIAL,
        "etc/fsmount/config.toml": _CONFIG.format(site=SITE, share=share, code=CODE),
        f"{NOTES[1:]}/shown": source(share).removesuffix(CODE) + "***",
        f"{system}/fsmount@share.service.d/watchdog.conf": DROP_IN,
        f"{system}/site.service": _SITE,
        f"{system}/reader.service": _READER,
        f"{system}/check.service": _CHECK,
        f"{system}/boot-test.target": _TARGET,
    }
    return {path: text.encode() for path, text in texts.items()}
