"""The one owner of what persists: directories, databases, tokens, links, trees, pins, tasks.

stdlib sqlite3 and 0600 files. Everything speaks model values. Blocks are not here: they are cache
(``fsmount.cache.disk``), and the cache may be deleted at any time.

``journal.py`` is what was put into an own drive for a while, so that a crash leaves nothing there.
``files.py`` is how a small file survives a crash and how its writers wait for each other;
``shared.py`` is what processes tell each other while they run (the governor's records and leases).
All but ``shared.py`` may block for as long as the disk does: async callers use ``files.in_thread``.
"""
