"""Shares of Aliyundrive: listed without a login, read by way of an own drive.

``driver`` lists, ``auth`` buys the share's token with its code, ``api`` is the wire, ``options``
what may be configured. Items, codes and pasted links are those of ``drivers.aliyundrive``.

The provider has refused direct links of shared files since 2024-03 (wire §B). What works is to save
a file into an own drive and to read it there: ``transfer.staging`` does that with the own drive
that the option ``via`` names.
"""
