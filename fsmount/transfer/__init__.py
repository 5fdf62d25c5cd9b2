"""From "bytes a to b of this file" to a checked GET on a usable link.

``links.py`` keeps one usable link per file and renews it once for all who wait; ``rewrite.py``
sends its GETs elsewhere. ``fetch.py`` turns a span into GETs into the block's buffer;
``answers.py`` decides which bodies may be taken and ``attempts.py`` what is tried again.
``staging.py`` gives links of files that a share gives none of: of copies in an own drive.
"""
