"""From "bytes a to b of this file" to a checked GET on a usable link.

``links.py`` keeps one usable link per file and renews it once for all who wait. ``fetch.py`` turns
a span into a GET into the block's buffer, checks every header that matters, resumes after a drop.
"""
