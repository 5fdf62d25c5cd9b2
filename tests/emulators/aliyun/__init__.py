"""Emulated Aliyundrive (alipan): the apps' own API, share links and the Open API.

It is a PDS domain with routes of its own: storage, trees, shares and links are those of
`tests.emulators.pds`. One site serves all three at once, since a share is read by way of an own
drive; the modules `drive`, `share` and `open` are what `python -m tests.emulators` starts.
`file_api`, `change_api`, `share_api`, `login_api` and `open_api` are routes, `device` the device
sessions and their signatures, `qr` the two ways to log in with a phone, `rates` the Open limits.

Sources are named as in `tests.emulators.pds`.
"""
