"""The one table from failure to errno."""

from __future__ import annotations

import errno
import inspect

import pytest

from fsmount import errors

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.FsmountError)
]


def make(cls):
    """Return an instance of ``cls``, whatever else it wants."""
    return cls("it failed", actual=1) if cls is errors.WrongSize else cls("it failed")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_page_names_each_class_with_its_errno(cls):
    """The tree in the module docstring is the table: no class missing, no errno different."""
    line = next(line for line in errors.__doc__.splitlines() if f" {cls.__name__} " in line)
    number = errors.errno_of(make(cls))
    written = [word for word in line.split() if word.startswith("E") and word.isupper()]
    assert [getattr(errno, word) for word in written] == [number]


def test_every_class_but_the_base_kinds_has_its_errno_on_the_page():
    """Each line of the tree carries an errno."""
    tree = [line for line in errors.__doc__.splitlines() if "──" in line]
    assert len(tree) == len(CLASSES) - 1
    assert all(any(word.isupper() and word[0] == "E" for word in line.split()) for line in tree)


def test_a_special_class_wins_over_its_base():
    """Changed is Gone's errno, Blocked is Throttled's."""
    assert errors.errno_of(errors.Changed("x")) == errno.ESTALE
    assert errors.errno_of(errors.Blocked("x")) == errno.ETIMEDOUT
    assert errors.errno_of(errors.LoginLost("x")) == errno.EACCES


def test_a_group_is_judged_by_its_leaf():
    """A failure raised inside nested nurseries keeps its errno."""
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [errors.NotFound("x")])])
    assert errors.errno_of(group) == errno.ENOENT
    assert isinstance(errors.known(group), errors.NotFound)


def test_what_is_not_ours_is_eio():
    """An unknown exception never escapes as another errno."""
    assert errors.errno_of(KeyError("x")) == errno.EIO
    assert errors.errno_of(ExceptionGroup("g", [ValueError("x")])) == errno.EIO
    assert errors.known(KeyError("x")) is None


def test_a_failure_reads_as_one_sentence_with_its_advice():
    """``str`` is what people see."""
    assert str(errors.Denied("no", advice="sign in")) == "no; sign in"
    assert str(errors.Denied("no")) == "no"
