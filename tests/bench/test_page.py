"""Results become the README's table: medians, figures, and what was not met."""

from __future__ import annotations

import json

from tests.bench.page import markdown


def sample(value, cpu=None):
    return {"value": value, "cpu_per_gib": cpu}


def row(name, ours, met=True):
    return {
        "name": name,
        "title": f"the {name} row",
        "unit": "MB/s",
        "samples": {
            "fsmount": [sample(each, 1.0) for each in ours],
            "rclone": [sample(400.0, 2.0), sample(410.4), sample(500.0)],
        },
        "bars": [{"text": "≥ 1.2 × rclone", "figure": 1.234, "met": met}],
    }


def test_medians_and_bars_stand_in_the_table(tmp_path):
    """The fewest runs count; a bar that is not met is bold."""
    file = tmp_path / "bench.json"
    rows = [row("cold", [500.0, 600.0]), row("warm", [7.0], met=False)]
    file.write_text(json.dumps({"machine": "m", "rows": rows}))
    _, _, cold, warm = markdown([file])
    assert cold == (
        "| the cold row (`cold`) | 2 | 550 MB/s, 1.00 CPU s/GiB | rclone: 410 MB/s, 2.00 CPU s/GiB "
        "| ≥ 1.2 × rclone: 1.23 |"
    )
    assert warm.endswith("| ≥ 1.2 × rclone: **1.23, not met** |")


def test_a_later_file_replaces_a_row(tmp_path):
    """A row that was measured again counts as measured last."""
    for name, value in (("a", 1.0), ("b", 9.0)):
        (tmp_path / name).write_text(json.dumps({"rows": [row("cold", [value])]}))
    lines = markdown([tmp_path / "a", tmp_path / "b"])
    assert len(lines) == 3
    assert "9 MB/s" in lines[2]
