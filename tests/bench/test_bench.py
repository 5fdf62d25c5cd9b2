"""The bench itself: one tiny row through both mounts, and what is made of its samples."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench import report, running
from tests.bench.origin import missing_packages
from tests.bench.report import Result
from tests.bench.rows import ROWS
from tests.bench.sample import MIB, Bar, Contender, Failed, Row, Sample, Scale, median, ratio
from tests.bench.tree import PARTS, make_tree

TINY = running.Plan(rounds=1, scale=Scale(sizes=1 / 256, counts=1 / 100))


class Silent:
    """Nobody watches."""

    def turn(self, row, label, done):
        """Do not care."""


def taking(*values):
    """Return a contender's way to take these values, one after the other."""
    left = iter(values)
    return lambda bench: Sample(value=next(left), cpu_per_gib=1.0, requests=2)


def row(**contenders):
    """Return a row that measures nothing."""
    return Row(
        name="row",
        title="a row",
        unit="MB/s",
        needs=(),
        contenders=[Contender(label=label, take=take) for label, take in contenders.items()],
        bars=[Bar(text="≥ 2 × rclone", figure=ratio("rclone"), at_least=2)],
    )


def printed(results):
    """Return the table as text."""
    written = io.StringIO()
    Console(width=200, file=written).print(report.table(results))
    return written.getvalue()


def test_contenders_take_turns():
    """A round is one sample of each, so that noise hits all of them."""
    order = []

    def take(label):
        def sample(_bench):
            order.append(label)
            return Sample(value=1.0)

        return sample

    running.run_row(
        row(fsmount=take("fsmount"), rclone=take("rclone")), None, running.Plan(rounds=3), Silent()
    )
    assert order == ["fsmount", "rclone"] * 3


def test_a_bar_is_judged_on_medians():
    """One outlier changes nothing."""
    measured = running.run_row(
        row(fsmount=taking(6.0, 1.0, 6.0), rclone=taking(3.0, 3.0, 90.0)),
        None,
        running.Plan(rounds=3),
        Silent(),
    )
    assert [(verdict.figure, verdict.met) for verdict in measured.verdicts] == [(2.0, True)]
    assert measured.met


def test_a_bar_that_is_not_met_is_said():
    """The table says so and the row counts as not met."""
    measured = Result(
        row=row(fsmount=None, rclone=None),
        samples={"fsmount": [Sample(value=3.0)], "rclone": [Sample(value=2.0)]},
    )
    assert not measured.met
    assert "1.50" in printed([measured])
    assert "not met" in printed([measured])


def test_a_failure_is_shown_with_what_was_measured_before(tmp_path):
    """A row that breaks is neither met nor hidden; the other rows stand."""

    def breaks(_bench):
        raise Failed("rclone [does] not mount")

    broken = running.run_row(
        row(fsmount=taking(5.0), rclone=breaks), None, running.Plan(rounds=1), Silent()
    )
    assert broken.failure == "rclone: rclone [does] not mount"
    assert not broken.met
    assert "failed: rclone: rclone [does] not mount" in printed([broken])
    assert "5.0 MB/s" in printed([broken])
    report.write_json([broken], tmp_path / "bench.json")
    written = json.loads((tmp_path / "bench.json").read_text())["rows"][0]
    assert written["failure"] == broken.failure
    assert written["samples"]["fsmount"][0]["value"] == 5.0
    assert written["bars"] == []


def test_a_quick_run_has_rclone_once_in_a_row():
    """Everybody else takes part as ever."""
    whole = row(**{"fsmount": taking(), "rclone full": taking(), "rclone": taking(), "x": taking()})
    assert running.FULL.of(whole) is whole
    labels = [contender.label for contender in running.QUICK.of(whole).contenders]
    assert labels == ["fsmount", "rclone full", "x"]


def test_medians_are_taken_figure_by_figure():
    """Also of what only some samples have."""
    samples = [
        Sample(value=1.0, figures={"links": 0}),
        Sample(value=2.0, cpu_per_gib=4.0, figures={"links": 3, "growth": 1.2}),
        Sample(value=9.0, cpu_per_gib=6.0, figures={"links": 2}),
    ]
    assert median(samples) == Sample(
        value=2.0, cpu_per_gib=5.0, figures={"links": 2, "growth": 1.2}
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], (3.0, 3.0)), ([1.0, 9.0, 2.0], (1.0, 9.0)), ([1, 2, 3, 4, 5], (2, 4))],
)
def test_quartiles_of_few_values_are_the_extremes(values, expected):
    """Below four values there is nothing else to say."""
    assert report.quartiles(values) == expected


def test_rows_have_names_of_their_own_and_parts_that_exist():
    """``--row`` finds each, and each can be served."""
    names = [each.name for each in ROWS]
    assert len(set(names)) == len(names)
    assert {part for each in ROWS for part in each.needs} <= set(PARTS)


@pytest.mark.parametrize("measured", ROWS, ids=lambda each: each.name)
def test_every_bar_of_a_row_speaks_of_its_contenders(measured):
    """A label that was renamed would be noticed after half an hour only."""
    figures = dict.fromkeys(("kept", "wait", "growth", "slowest", "reads"), 1.0)
    sample = Sample(value=1.0, cpu_per_gib=1.0, figures=figures)
    result = Result(row=measured, samples={each.label: [sample] for each in measured.contenders})
    assert measured.bars
    assert len(result.verdicts) == len(measured.bars)


def test_a_scaled_tree_has_what_rows_read(tmp_path):
    """A smaller run reads smaller files of the same names."""
    make_tree(tmp_path, ["2048", "walk"], TINY.scale)
    assert (tmp_path / "2048" / "whole.bin").stat().st_size == 8 * MIB
    assert len(list((tmp_path / "walk" / "folder 000").iterdir())) == 100
    assert not (tmp_path / "many").exists()


@pytest.mark.fuse
def test_one_row_measures_real_mounts_and_leaves_nothing_behind(tmp_path, monkeypatch):
    """nginx, the emulator, fsmount, rclone and curl over a file of a few MiB."""
    if missing := missing_packages():
        pytest.skip(f"no {', '.join(missing)}: ./run test installs them")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    [cold] = [each for each in ROWS if each.name == "cold-memory"]
    some = [each for each in cold.contenders if each.label in ("fsmount", "rclone")]
    with running.open_bench([cold], TINY.scale) as bench:
        measured = running.run_row(
            replace(cold, contenders=[*some, cold.contenders[-1]]), bench, TINY, Silent()
        )
    assert measured.failure == ""
    ours = measured.medians["fsmount"]
    assert ours.value > 0
    assert ours.cpu_per_gib is not None
    assert ours.peak_rss > MIB
    assert ours.requests >= 1
    assert ours.bytes >= MIB
    assert ours.calls >= 1  # the link
    assert measured.medians["rclone"].calls == 0
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_a_picture_is_drawn_where_matplotlib_is(tmp_path):
    """Rows without samples are left out, not fatal."""
    plot = pytest.importorskip("tests.bench.plot", reason="./run test installs matplotlib").plot
    measured = Result(
        row=row(fsmount=None, rclone=None),
        samples={"fsmount": [Sample(value=3.0)], "rclone": [Sample(value=2.0)]},
    )
    nothing = Result(row=row(fsmount=None), samples={"fsmount": []}, failure="fsmount: no mount")
    plot([measured, nothing], tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
