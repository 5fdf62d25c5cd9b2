"""Emulated PDS domain: an enterprise drive, its members and its share links.

Aliyundrive is such a domain with routes of its own, so `tests.emulators.aliyun` is made of this
package's parts: `tree` and `drives` hold what is stored, `reach` says what a caller may touch,
`listing`, `changes`, `uploads`, `links` and `shares` are the verbs, `storage` serves content,
`site` puts them together and obeys the control door. `*_api` modules are routes: wire in, wire out.

Sources are named beside each fact as "PDS §n" and "Aliyundrive §n" (public documentation and
clients, state of 2026; nothing was recorded live).
"""
