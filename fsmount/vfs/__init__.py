"""The tree that the kernel sees, made of what the remotes told.

``filesystem.py`` is the door that ``operations`` and the cli use; ``border.py`` has the values and
ports that cross it. Below it, downward::

    listing.py    answers what is in a folder, in time       handles.py   open files and folders
    fetching.py   brings listings, one fetch per folder      kept.py      to and from the store
    tree.py       nodes, inodes, lookup counts, memory       changes.py   what the kernel forgets

and what is decided without waiting: ``freshness.py`` (when to ask, how long to wait), ``pages.py``
(duplicates, endless listings, where to go on), ``names.py`` (any name becomes a legal, unique,
stable one), ``identity.py`` (versions and the keys of blocks). ``order.py`` sorts rows where
``sort`` asks for it; ``packed.py`` has entries in few bytes, ``comparison.py`` tells what a listing
left as it was; ``progress.py`` wakes who waits. ``pinning.py`` stands above the door: files
that people want kept, fetched behind everybody; ``survey.py`` finds them, ``wishes.py`` says what
of them fits.

A tree may be made of several remotes. ``compose.py`` has as data which of them is shown where, and
what two of them may call the same. ``nodes.py`` has the folders, each made of *parts*, one a
remote; what is listed, kept or judged is always a part. ``views.py`` has the rows that parts bring.
"""
