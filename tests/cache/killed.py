"""A process that writes into a cache directory until it dies: at a chosen call, or killed.

``python -m tests.cache.killed DIRECTORY [CALL NUMBER]`` prints a line for each batch on disk.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from fsmount.cache import shelf as shelf_module
from fsmount.cache.inventory import place_of
from fsmount.cache.shelf import Parcel, open_shelf
from tests.cache.fakes import key_of, new_block

SIZE = 600_001


def die_at(call, number):
    """Have the ``number``-th use of a call kill this process in its middle."""
    numbers = count(1)
    real = getattr(os, call)

    def stand_in(*arguments):
        if next(numbers) == number:
            if call == "pwrite":
                file, data, at = arguments
                real(file, data[: len(data) // 8192 * 4096], at)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(os, call, stand_in)


def name_of(number):
    return f"content {number % 60}"


def main(directory, call="", number="0"):
    shelf = open_shelf(Path(directory))
    shelf.sweep(shelf.records())
    if call == "commit":
        # The files of a batch are there, its rows are not.
        store = shelf_module.RecordDisk.store
        numbers = count(1)

        def stand_in(*arguments, **options):
            row = store(*arguments, **options)
            if next(numbers) == int(number):
                os.kill(os.getpid(), signal.SIGKILL)
            return row

        shelf_module.RecordDisk.store = stand_in
    elif call:
        die_at(call, int(number))
    for first in count(0, 4):
        parcels = []
        for n in range(first, first + 4):
            key = key_of(SIZE, name_of(n))
            block = new_block(key)
            place = f"{place_of(key, 0)}-{block.valid:x}"
            parcels.append(
                Parcel(key=place, label="", view=block.view, length=SIZE, cells=block.valid)
            )
        # From the second round on this replaces records and removes others.
        shelf.apply(deletes=[parcels[0].key], parcels=parcels, touches=[parcels[1].key])
        print(first + 4, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
