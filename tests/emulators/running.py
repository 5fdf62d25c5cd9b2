"""Runs one emulator: its two servers, its certificate, its configuration file."""

from __future__ import annotations

import argparse
import email.utils
import json
import logging
import os
import ssl
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from tests.emulators import faults, secrets
from tests.emulators.control import ControlDoor
from tests.emulators.messages import Delivery, Request, Response
from tests.emulators.provider import PROVIDERS, load
from tests.emulators.serving import open_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.emulators.clock import Clock
    from tests.emulators.counters import Counters
    from tests.emulators.faults import Faults
    from tests.emulators.provider import Provider, Ready

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """An emulator that is running in this process.

    `state` is the provider itself, to be changed by a test; `config` is the configuration file it
    wrote and `line` all that the command line tells in its line of JSON.
    """

    address: str
    control: str
    config: Path
    source: str
    options: str
    state: Any  # a `Provider`; Any, since tests use what only their provider has
    line: dict[str, Any]

    @property
    def faults(self) -> Faults:
        """The script of what goes wrong."""
        return self.state.faults

    @property
    def counters(self) -> Counters:
        """What was asked so far."""
        return self.state.counters

    @property
    def clock(self) -> Clock:
        """The provider's clock."""
        return self.state.clock


class _Faulty:
    """A provider as the network sees it: through its script of faults."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def counters(self) -> Counters:
        return self._provider.counters

    def deliver(self, request: Request) -> Delivery:
        delivery = self._delivery(request)
        secrets.note(secrets.of_exchange(request, delivery.response))
        # Every server says its own time, which lives of tokens and links are counted from.
        now = email.utils.formatdate(self._provider.clock.now(), usegmt=True)
        delivery.response.headers.setdefault("date", now)
        return delivery

    def _delivery(self, request: Request) -> Delivery:
        kind = self._provider.kind(request)
        hits = self._provider.faults.take(kind, request)
        try:
            return faults.deliver(hits, kind, request, self._provider.answer, self._provider.refuse)
        except Exception:
            log.exception("no answer to %s %s", request.method, request.path)
            return Delivery(response=Response(status=500), kind=kind)


def parser() -> argparse.ArgumentParser:
    """The command line: common options and, after the provider's name, its own."""
    top = argparse.ArgumentParser(prog="python -m tests.emulators", description=__doc__)
    providers = top.add_subparsers(dest="provider", required=True)
    for name in PROVIDERS:
        one = providers.add_parser(name, help=f"emulate {name}")
        one.add_argument("--root", required=True, type=_directory, help="the directory to serve")
        one.add_argument("--port", type=int, default=0, help="0 chooses a free one")
        one.add_argument("--host", default="127.0.0.1", help="the address to listen on")
        one.add_argument("--address-host", help="the host name in the address and in links")
        one.add_argument("--origin", help="let direct links point at this server over the same DIR")
        one.add_argument("--tls", action="store_true", help="HTTPS, with a certificate of our own")
        one.add_argument(
            "--until-stdin-closes", action="store_true", help="end when standard input does"
        )
        load(name).add_arguments(one)
    return top


def _directory(path: str) -> str:
    if not os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"{path!r} is not a directory")
    return os.path.realpath(path)


@asynccontextmanager
async def open_arguments(arguments: argparse.Namespace) -> AsyncIterator[Emulator]:
    """Run the emulator that a command line asks for; it ends with the block."""
    provider = load(arguments.provider).make(arguments)
    with tempfile.TemporaryDirectory(prefix="emulator-") as folder:  # made with mode 0700
        tls, ca_file = _certificate(Path(folder), arguments) if arguments.tls else (None, None)
        host, port = arguments.host, arguments.port
        async with (
            open_server(_Faulty(provider), host=host, port=port, tls=tls) as bound,
            open_server(ControlDoor(provider), host="127.0.0.1") as control,
        ):
            scheme = "http" if tls is None else "https"
            address = f"{scheme}://{arguments.address_host or host}:{bound}"
            ready = provider.start(address)
            secrets.note(secrets.of_remotes(ready.remotes))
            secrets.note([arguments.share_password])
            yield _described(provider, ready, address, control, Path(folder), ca_file)


def _described(
    provider: Provider, ready: Ready, address: str, control: int, folder: Path, ca_file: str | None
) -> Emulator:
    options = [ready.options] if ready.options else []
    extra = {}
    if ca_file is not None:
        options.append(f"ca_file={ca_file}")
        extra["ca_file"] = ca_file
    for name, text in ready.files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text, encoding="utf-8")
    stanzas = []
    for name, values in ready.remotes.items():
        placed = {key: value.replace("{folder}", str(folder)) for key, value in values.items()}
        lines = [f"{key} = {json.dumps(value)}" for key, value in (placed | extra).items()]
        stanzas.append("\n".join([f"[remotes.{name}]", *lines]) + "\n")
    config = folder / "config.toml"
    config.touch(mode=0o600)
    config.write_text("\n".join(stanzas), encoding="utf-8")
    line = {
        "address": address,
        "control": f"http://127.0.0.1:{control}",
        "config": str(config),
        "source": ready.source,
        "options": ",".join(options),
        **ready.more,
        **extra,
    }
    return Emulator(
        address=address,
        control=line["control"],
        config=config,
        source=ready.source,
        options=line["options"],
        state=provider,
        line=line,
    )


def _certificate(folder: Path, arguments: argparse.Namespace) -> tuple[ssl.SSLContext, str]:
    authority = trustme.CA()
    names = {"localhost", arguments.host, arguments.address_host or arguments.host}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*sorted(names)).configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    return context, str(ca_file)
