"""Aliyundrive (alipan) by its own web and phone API: the account's drives, reading.

``driver`` answers the four calls and the abilities, ``auth`` signs and renews; below them ``api``
is the wire (requests out, typed answers in), ``refusals`` reads every no with the table in
``codes``, ``entries`` turns items into entries, ``links`` knows the signed URLs and the storage
behind them, ``device`` the signature that a device session wants, ``shares`` the account's own
shares and what is saved from others', ``login`` asks people, ``options``, ``hosts`` and ``pasted``
read what they write.

``aliyundrive_share`` and ``aliyundrive_open`` talk to the same service in other ways and take from
here what is the same: hosts, items, storage rules, codes.

Facts about the protocol cite "wire §N": notes on what public clients do, of early 2026; nothing in
them was tried against the live service.
"""
