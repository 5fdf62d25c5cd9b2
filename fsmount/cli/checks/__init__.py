"""What ``fsmount doctor`` looks at: this machine (``machine``, ``places``), and a SOURCE.

Each check is a function that returns one or more ``finding.Finding``; none prints, none repairs by
itself. ``report`` packs what others may be shown.
"""

from __future__ import annotations

__all__: list[str] = []
