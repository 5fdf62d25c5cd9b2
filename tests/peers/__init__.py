"""Holds the emulators to clients that we did not write: `python -m tests.peers [FAMILY...]`.

A driver and its emulator come from one reading of a protocol and may share its mistakes; a client
of others' hands does not. Such clients have dependencies and Python versions of their own, so each
family (`families`) has a virtual environment (`environments`), made from its requirements file and
kept below `.venvs` until that changes.

A script of a family runs there, as a module, beside an emulator started for it (`__main__`). It
imports the client and `checks`, nothing else of ours. Each check is one line of output.

To add a family: a folder with `requirements.txt`, every line pinned, and a module for each emulator
that is to be met; and an entry in `families.FAMILIES`.
"""
