"""Aliyundrive by its official Open API: the account's drives, reading.

``driver`` answers the four calls and the abilities, ``auth`` signs, renews and compares accounts,
``login`` shows the QR code, ``api`` is the wire, ``options`` what may be configured. Items, links,
codes and the storage's rules are those of ``drivers.aliyundrive``.

Facts about the protocol cite "wire: Open API §N": notes of early 2026 on what the vendor's SDKs
and public clients do; nothing in them was tried against the live service.
"""
