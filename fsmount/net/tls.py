"""Builds the TLS context of a client: whom it trusts."""

from __future__ import annotations

import os
import ssl

import certifi

from fsmount.errors import UsageError


def tls_context(*, ca_file: str, insecure: bool) -> ssl.SSLContext:
    """Return a client context; build it once per client, it reads files.

    Trusts what the machine trusts (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count), or the
    authorities of certifi on a machine without any, and those of ``ca_file`` besides.

    Raises:
        UsageError: ``ca_file`` cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # HTTP/1.1 only: h2 costs Python time per frame. Said, as some front ends insist on ALPN.
    context.set_alpn_protocols(["http/1.1"])
    # Not a few servers end a body by closing TCP without close_notify; lengths are checked anyway.
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if _machine_has_authorities():
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=certifi.where())
    if ca_file:
        _trust(context, ca_file)
    return context


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as exc:
        raise UsageError(
            f'ca_file "{ca_file}" holds no certificate that can be read', advice="it must be PEM"
        ) from exc
    except OSError as exc:
        raise UsageError(f'ca_file "{ca_file}": {(exc.strerror or "unreadable").lower()}') from exc


def _machine_has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    # Either is None where the path does not exist; typeshed takes them for always there.
    cafile: str | None = paths.cafile
    capath: str | None = paths.capath
    return cafile is not None or (capath is not None and any(os.scandir(capath)))
