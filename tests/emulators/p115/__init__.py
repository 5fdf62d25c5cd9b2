"""An emulated 115: cookie drive, shares, Open platform, content host, on one port.

`site` puts it together; `hosts` and `routes` find the handler in a module named `..._api` or in
`open_auth`. `tree` holds the drive, `listing` and `orders` its pages, `views` its entries in every
dialect, `spelling` the fields that are now text and now a number, `envelope` the shapes of errors.
`sessions`, `qr_codes` and `tokens` say who asks, `links` makes and serves links, `m115` and `ec115`
are the service's halves of its ciphers, `safety` blocks, `offline` downloads into the drive.
`settings` holds what is known of the service and the switches of its traps.

Written from the protocol page alone, never from the drivers.
"""
