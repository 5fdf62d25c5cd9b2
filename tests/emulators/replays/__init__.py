"""Recorded answers of real services, replayed against their emulators.

`recording` replays any provider's recordings; the scenes that give them an order, and the world
they happen in, are the provider's own modules.
"""
