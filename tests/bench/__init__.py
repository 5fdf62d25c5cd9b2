"""fsmount and the newest rclone over one origin in one run, with curl as the limit.

``python -m tests.bench`` (``./run bench``) prints a table, writes JSON and a plot. Runs of the
contenders of a row are interleaved, so that a noisy machine is noisy for all of them; figures are
medians with quartiles; bars are ratios within one run.

``origin.py`` is the one web server (nginx), ``systems.py`` the mounts and curl, ``meters.py`` what
is read from the kernel, ``rows.py`` what is measured, ``report.py`` what is shown.
"""
