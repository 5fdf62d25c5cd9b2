"""Blocks at hand: in memory under one budget, on disk through diskcache.

``memory.py`` owns the buffers that kernel replies are sliced from. ``disk.py`` keeps whole blocks
or single cells as raw bytes with a checksum, never a pickle, behind the reader's back, in batches
that threads write (``batches.py``), and evicts what is pinned last; ``opening.py`` finds a
directory for it. Each mount has a directory of its own, and lends what is in it to the others
(``peers.py``). ``catalogue.py`` tells people what is kept.
"""
