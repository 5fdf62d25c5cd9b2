"""Blocks in memory: buffers with a bitmap of valid cells, one budget for all handles."""

from __future__ import annotations

BLOCK = 4 * 1024 * 1024
"""Bytes in a block."""

CELL = 128 * 1024
"""Bytes in a cell, the least that is fetched; 32 cells make a block, so a bitmap is one int."""
