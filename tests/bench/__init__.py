"""fsmount and the newest rclone over one origin in one run, with curl as the limit.

``python -m tests.bench`` (``./run bench``) prints a table, writes JSON and a plot. Runs of the
contenders of a row are interleaved, so that a noisy machine is noisy for all of them; figures are
medians with quartiles; bars are ratios within one run.

``tree.py`` makes what is served and ``origin.py`` is the one web server (nginx); ``systems.py`` has
the mounts and ``curl.py`` the limit; ``meters.py`` reads the kernel. ``sample.py`` says what a row
is and ``trial.py`` takes one sample of a mount; ``rows/`` has the rows themselves, ``running.py``
the order they run in, ``report.py`` and ``plot.py`` what is shown. ``engine.py`` measures the read
engine alone.

What is counted: a mount is fresh (own state, own cache) unless a row says otherwise, and has come
to rest before the clock starts; so neither its start nor the listing of the file's folder counts,
except where listing is what the row is about. CPU seconds are those of the daemon and all its
children, not of the reader, nor of the origin. The tree lies in memory where there is room, so the
origin's disk is nobody's limit, and forgetting pages of a cache does not make the origin cold.
"""
