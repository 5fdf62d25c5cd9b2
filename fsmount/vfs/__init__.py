"""The tree that the kernel sees, made of what the remotes told.

``tree.py`` owns nodes, inodes and lookup counts; ``names.py`` makes any remote name a legal,
unique, stable one; ``listing.py`` brings folders page by page and shares each fetch; ``handles.py``
owns open files; ``filesystem.py`` is the door that ``operations`` and the cli use.
"""
