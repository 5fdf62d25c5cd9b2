"""fsmount: cloud drives and shared links as a local directory.

This page is the architecture. Each package's docstring continues it; whoever moves a border
rewrites it in the same commit.

The layers, one read followed border by border (only plain values cross)::

    kernel read(fh, off, size)
      leading             which task receives the next request: one leads, others follow
      operations          one deadline, one errno wrapper; what is known is answered at once
      vfs.handles         clamps to the size, checks that the version is still the one opened
      reader.stream       asks reader.window (pure policy) which spans are wanted now and soon
      reader.blocks       joins a block in flight, or starts one run of blocks
      cache.memory        hit: a slice of the block        cache.disk: diskcache, in a thread
      transfer.links      a usable link for this file, renewed once for all who wait
      transfer.fetch      GET bytes=a-b into the block's buffer, every header checked, resumed
      net.stream          the only way bytes of files come in
      net.client          the only way API calls go out

A listing takes the same way down: ``vfs.listing`` asks a driver for a page, the driver asks its
account, the account signs, paces, renews, classifies, and ``net.client`` sends.

Imports point downward only; names on one step do not import each other, and a test
(``tests/test_layers.py``) holds this list to the truth, lowest first::

    model errors < log health mountpoint budgets urgency < store net < account < drivers
    < config options lives < source < transfer < cache < reader < vfs < remote attributes caching
    offline < assembly guard leading appearance < operations kernel < control metrics watchdog
    < daemon < composition < mount < cli

``supervisor`` imports nothing of ours. What must go upward (the kernel has to forget a page) goes
through a small port handed in by ``composition``; ``remote`` composes the same
layers without a kernel for the command line, and ``assembly`` the several remotes of one mount.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
