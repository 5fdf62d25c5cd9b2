"""The one origin: nginx over a directory, fast in clear and TLS, and as a long, narrow link."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

import trustme

LATENCY_S = 0.08
"""What the long link waits before each answer."""

RATE = 20 * 1024 * 1024
"""Bytes per second that the long link gives one connection."""

_CONF = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_echo_module.so;
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
  server {{
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl;
    ssl_certificate {home}/server.pem;
    ssl_certificate_key {home}/server.key;
    root {root};
    autoindex on;
  }}
  server {{
    listen 127.0.0.1:{long};
    location / {{
      echo_sleep {latency};
      echo_exec /narrow$uri;
    }}
    location /narrow/ {{
      internal;
      alias {root}/;
      autoindex on;
      limit_rate {rate};
    }}
  }}
}}
"""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A running nginx.

    Attributes:
        root: What it serves.
        http, https, long: Base URLs without a trailing slash.
        ca_file: Trusts ``https``.
    """

    root: pathlib.Path
    http: str
    https: str
    long: str
    ca_file: pathlib.Path
    log: pathlib.Path

    def counted(self, base: str) -> tuple[int, int]:
        """Return (requests, body bytes) that ``base`` has answered so far."""
        port = base.rsplit(":", 1)[1]
        rows = [line.split() for line in self.log.read_text().splitlines()]
        mine = [int(size) for where, size in rows if where == port]
        return len(mine), sum(mine)


@contextmanager
def serving(root: pathlib.Path, home: pathlib.Path):
    """Serve ``root`` while the block runs; nginx keeps its files in ``home``."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    modules = pathlib.Path("/usr/lib/nginx/modules")
    if nginx is None or not (modules / "ngx_http_echo_module.so").exists():
        raise SystemExit(
            "the bench needs nginx and libnginx-mod-http-echo: ./run bench installs them"
        )
    home.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    (home / "server.pem").write_bytes(b"".join(p.bytes() for p in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(home / "server.key"))
    ports = {name: free_port() for name in ("http", "https", "long")}
    (home / "nginx.conf").write_text(
        _CONF.format(modules=modules, home=home, root=root, latency=LATENCY_S, rate=RATE, **ports)
    )
    for path in (root, home):
        os.chmod(path, 0o755)
    server = subprocess.Popen([nginx, "-c", home / "nginx.conf", "-e", home / "error.log"])
    try:
        _wait_for(ports["https"], home / "ca.pem")
        yield Origin(
            root=root,
            http=f"http://127.0.0.1:{ports['http']}",
            https=f"https://127.0.0.1:{ports['https']}",
            long=f"http://127.0.0.1:{ports['long']}",
            ca_file=home / "ca.pem",
            log=home / "access.log",
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def _wait_for(port: int, ca_file: pathlib.Path) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    until = time.monotonic() + 10
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=1) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1"),
            ):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
