"""Blocks at hand: in memory under one budget, on disk through diskcache.

``memory.py`` owns the buffers that kernel replies are sliced from; ``disk.py`` keeps whole blocks
or single cells as raw bytes with a checksum, never a pickle, behind the reader's back, and never
evicts what is pinned. ``catalogue.py`` tells people which files are kept.
"""
