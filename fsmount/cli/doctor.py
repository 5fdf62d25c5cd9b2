"""``doctor``: looks at this machine and at a SOURCE, and says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from fsmount.cli import failures
from fsmount.cli.checks.finding import Verdict, fail
from fsmount.cli.parameters import Command, Invocation, local_path, with_options
from fsmount.cli.rows import printable, say
from fsmount.log import redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fsmount.cli.checks.finding import Finding


@click.command(cls=Command)
@click.argument("source", required=False)
@click.option("--fix", is_flag=True, help="Put right what can be put right safely.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list with one object a line.")
@click.option(
    "--report",
    type=local_path,
    metavar="FILE",
    help="Also write a .tar.gz for whoever helps you: this, versions, logs; without secrets.",
)
@with_options
@click.pass_obj
def doctor(
    invocation: Invocation,
    source: str | None,
    fix: bool,
    as_json: bool,
    report: Path | None,
    options: tuple[str, ...],
) -> int:
    """Look at this machine and, with SOURCE, at the way to it: name, login, share, link, speed.

    Each line is ok, warn or fail, with what to do about it. Exit code 1 when any is fail. Measuring
    the speed reads up to 48 MiB of one file.
    """
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        finding = _repaired(finding) if fix else finding
        findings.append(finding)
        if not as_json:
            _print(finding)

    _look(invocation, source, options, tell)
    rows = [
        {
            "name": finding.name,
            "verdict": str(finding.verdict),
            "said": redact(finding.said),
            "fix": redact(finding.fix),
        }
        for finding in findings
    ]
    if as_json:
        say(json.dumps(rows, ensure_ascii=False, indent=2))
    if report is not None:
        _write(report, rows, invocation)
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    return failures.FAILED if failed else failures.DONE


def _look(
    invocation: Invocation,
    source: str | None,
    options: tuple[str, ...],
    tell: Callable[[Finding], None],
) -> None:
    from fsmount.cli.checks.machine import check_machine, this_machine
    from fsmount.cli.checks.places import check_places
    from fsmount.store.directories import find_directories

    machine = this_machine()
    for finding in check_machine(machine):
        tell(finding)
    for finding in check_places(find_directories(), invocation.config, machine.mounts):
        tell(finding)
    if source is None:
        return
    import trio

    from fsmount.cli.checks.remote import check_source

    trio.run(check_source, invocation, source, options, tell)


def _repaired(finding: Finding) -> Finding:
    """Return ``finding`` after its repair, where it has one."""
    if finding.repair is None:
        return finding
    from fsmount.cli.checks.finding import ok

    try:
        finding.repair()
    except OSError as exc:
        return fail(
            finding.name, f"{finding.said}; cannot be put right: {exc.strerror}", finding.fix
        )
    return ok(finding.name, f"{finding.said}; put right now")


def _print(finding: Finding) -> None:
    colour = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}[finding.verdict]
    verdict = click.style(f"{finding.verdict:>4}", fg=colour)
    click.echo(f"{verdict}  {finding.name}: {printable(redact(finding.said))}")
    if finding.fix and finding.verdict is not Verdict.OK:
        click.echo(f"      -> {printable(redact(finding.fix))}")


def _write(target: Path, rows: list[dict[str, str]], invocation: Invocation) -> None:
    from fsmount.cli.checks.machine import about, this_machine
    from fsmount.cli.checks.report import write_report
    from fsmount.store.directories import find_directories

    write_report(target, rows, about(this_machine()), find_directories(), invocation.config)
    click.echo(f'"{target}" is written; look through it before you send it', err=True)
