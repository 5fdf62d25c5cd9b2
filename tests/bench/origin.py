"""The one origin: nginx over a directory, fast in clear and TLS, and as a long, narrow link."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from tests.bench.processes import started

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY_S = 0.08
"""What the long link waits before each answer."""

MODULES = Path("/usr/lib/nginx/modules")
PACKAGES = ("nginx", "libnginx-mod-http-echo", "libnginx-mod-http-dav-ext")

# nginx paces a connection between its writes, and a write is as much as the socket takes: 1 MiB
# would pass the narrow link at once. With small writes it takes 40 ms there, as it should (50).
_CONF = """
load_module {modules}/ngx_http_echo_module.so;
load_module {modules}/ngx_http_dav_ext_module.so;
worker_processes 2;
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format counted '$server_port $body_bytes_sent';
  access_log {home}/access.log counted;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  keepalive_timeout 300s;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  root {root};
  autoindex on;
  dav_ext_methods PROPFIND OPTIONS;
  server {{
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl;
    ssl_certificate {home}/server.pem;
    ssl_certificate_key {home}/server.key;
  }}
  server {{
    listen 127.0.0.1:{long};
    location / {{
      echo_sleep {latency};
      echo_exec @narrow;
    }}
    location @narrow {{
      limit_rate 20m;
      sendfile_max_chunk 256k;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What an origin has answered: requests and body bytes."""

    requests: int = 0
    bytes: int = 0


@dataclass(slots=True, kw_only=True)
class Origin:
    """A running nginx; it speaks WebDAV (for listings) on every address.

    Attributes:
        root: What it serves.
        http, https, long: Base URLs without a trailing slash.
        ca_file: Trusts ``https``.
    """

    root: Path
    http: str
    https: str
    long: str
    ca_file: Path
    log: Path
    _counted: dict[str, Count] = field(default_factory=dict)
    _offset: int = 0

    def counted(self, base: str) -> Count:
        """Return what ``base`` has answered so far; answers are counted when they have ended."""
        with self.log.open() as log:
            log.seek(self._offset)
            for line in iter(log.readline, ""):
                if not line.endswith("\n"):
                    break
                self._offset += len(line)
                port, size = line.split()
                before = self._counted.get(port, Count())
                self._counted[port] = Count(
                    requests=before.requests + 1, bytes=before.bytes + int(size)
                )
        return self._counted.get(base.rsplit(":", 1)[1], Count())


def missing_packages() -> list[str]:
    """Return the Debian packages that an origin needs and that are not there."""
    there = [
        _nginx() is not None,
        (MODULES / "ngx_http_echo_module.so").exists(),
        (MODULES / "ngx_http_dav_ext_module.so").exists(),
    ]
    return [name for name, found in zip(PACKAGES, there, strict=True) if not found]


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def serving(root: Path, home: Path) -> Iterator[Origin]:
    """Serve ``root`` while the block runs; nginx keeps its files in ``home``."""
    if missing := missing_packages():
        raise SystemExit(f"the bench needs {', '.join(missing)}: ./run bench installs them")
    home.mkdir(parents=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    (home / "server.pem").write_bytes(b"".join(p.bytes() for p in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(home / "server.key"))
    ports = dict(zip(("http", "https", "long"), _free_ports(3), strict=True))
    (home / "nginx.conf").write_text(
        _CONF.format(modules=MODULES, home=home, root=root, latency=LATENCY_S, **ports)
    )
    home.chmod(0o755)  # the workers are not root
    errors = home / "error.log"
    with started([_nginx(), "-c", home / "nginx.conf", "-e", errors]) as server:
        _wait_for(ports["https"], home / "ca.pem", server, errors)
        yield Origin(
            root=root,
            http=f"http://127.0.0.1:{ports['http']}",
            https=f"https://127.0.0.1:{ports['https']}",
            long=f"http://127.0.0.1:{ports['long']}",
            ca_file=home / "ca.pem",
            log=home / "access.log",
        )


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _wait_for(port, ca_file, server, errors) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    until = time.monotonic() + 10
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=1) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1"),
            ):
                return
        except OSError as exc:
            if server.poll() is not None or time.monotonic() > until:
                said = errors.read_text() if errors.exists() else ""
                raise SystemExit(f"nginx does not start: {said}") from exc
            time.sleep(0.05)
