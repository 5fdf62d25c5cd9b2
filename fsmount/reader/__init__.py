"""The read engine: from "bytes a to b of this handle" to blocks that are there.

``window.py`` is pure policy: which spans are wanted now and soon. ``blocks.py`` joins a block in
flight or starts one run of blocks. ``stream.py`` is one open handle; its read-ahead runs in the
reader service's nursery under the handle's own cancel scope.
"""
