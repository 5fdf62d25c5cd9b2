"""The one owner of what persists: directories, databases, tokens, links, trees, detections.

stdlib sqlite3 and 0600 files. Everything speaks model values. Blocks are not here: they are cache
(``fsmount.cache.disk``), and the cache may be deleted at any time.
"""
