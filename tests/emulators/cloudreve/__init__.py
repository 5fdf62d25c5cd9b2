"""An emulated Cloudreve V4 server.

`site` puts it together; a request goes through `routes` to a handler in `account_api`, `file_api`,
`share_api` or `change_api`, which resolves URIs (`uris`, `places`) to nodes (`tree`) and shows them
(`views`, `paging`). Tokens are `tokens`, sign-in is `session`, links and content are `links` and
`content`. `settings` holds what an administrator could set and the switches of the defects.

Written from the protocol page and its recordings alone, never from the driver.
"""
