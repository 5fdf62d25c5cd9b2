"""Imports point downward only, as the architecture page says."""

from __future__ import annotations

import ast
import pathlib
import re
import tomllib

import pytest

import fsmount

PACKAGE = pathlib.Path(fsmount.__file__).parent

# The page's list is the one source: a step moved there moves here.
_LIST = re.search(r"lowest first::\n\n(.*?)\n\n", fsmount.__doc__, re.DOTALL).group(1)
STEPS = [step.split() for step in _LIST.split("<")]
STEP_OF = {name: number for number, step in enumerate(STEPS) for name in step}


def modules():
    """Yield (path, step name, dotted name) of each module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] in ("__init__", "__main__"):
            continue
        yield path, parts[0]


def imported(path):
    """Yield the top names below ``fsmount`` that a module imports, typing-only imports included."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                dotted = [alias.name for alias in names]
            case ast.ImportFrom(module="fsmount", names=names):
                dotted = [f"fsmount.{alias.name}" for alias in names]
            case ast.ImportFrom(module=module, level=0) if module:
                dotted = [module]
            case ast.ImportFrom():
                pytest.fail(f"{path}: relative import")
            case _:
                continue
        for name in dotted:
            if name.startswith("fsmount.") and name != "fsmount.__version__":
                yield name.split(".")[1]


def test_each_module_has_a_step():
    """Every module and package is named on the architecture page."""
    assert {step for _, step in modules()} == set(STEP_OF) | {"supervisor"}


def test_imports_point_downward_only():
    """No module imports from its own step's neighbours or from above."""
    wrong = []
    for path, step in modules():
        for target in imported(path):
            if target == step:
                continue
            # The supervisor is below everything: it imports nothing, whoever starts it imports it.
            if step == "supervisor" or STEP_OF.get(target, -1) >= STEP_OF[step]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {target}")
    assert not wrong


FAMILIES = {
    "aliyundrive_open": {"aliyundrive"},
    "aliyundrive_share": {"aliyundrive"},
    "p115_open": {"p115"},
    "p115_share": {"p115"},
}
"""Drivers that talk to one service, each with those of it that it takes from."""


def test_drivers_take_only_from_the_elder_of_their_family():
    """And from what all drivers have in common."""
    packages = {path.name: path for path in (PACKAGE / "drivers").iterdir() if path.is_dir()}
    wrong = []
    for name, package in packages.items():
        for path in package.glob("*.py"):
            for line in path.read_text().splitlines():
                found = re.match(r"\s*(?:from|import) fsmount\.drivers\.(\w+)", line)
                if found and found[1] in packages:
                    allowed = {name} | FAMILIES.get(name, set())
                    wrong += [f"{name}/{path.name}: {line.strip()}"] * (found[1] not in allowed)
    assert not wrong


def test_pyfuse3_is_used_by_three_modules_only():
    """Only operations, what they show, and kernel know the kernel binding."""
    users = {
        path.name
        for path, _ in modules()
        if re.search(r"^\s*(import|from) pyfuse3", path.read_text(), re.MULTILINE)
    }
    assert users == {"operations.py", "appearance.py", "kernel.py"}


def test_the_version_is_the_packages():
    """``fsmount.__version__`` is what pyproject.toml says."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())
    assert fsmount.__version__ == project["project"]["version"]
