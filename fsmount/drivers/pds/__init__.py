"""Alibaba's PDS (Drive and Photo Service): shares of a domain, its users' drives, own shares.

``driver`` answers the four calls and the abilities, ``auth`` signs and renews what a user signs in
with, ``visitor`` keeps the second credential, a share's own token. Below them ``api``, ``sharing``
and ``session`` are the wire (requests out, typed answers in), ``entries`` turns file objects into
entries, ``refusals`` reads every no of the API and ``content`` those of the storage, ``pasted``
reads what people paste, ``login`` asks them, ``options`` is what may be configured. ``owned`` is
the owner's side: making, changing and ending shares, and saving those of others.

Facts about the protocol cite "wire: PDS §N": the vendor's public pages and its SDK of API version
2022-03-01. None of it was tried against the live service; where that reference leaves two answers
open, both are taken.
"""
