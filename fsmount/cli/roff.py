"""Writes manual pages: the few macros of man(7) that ours need."""

from __future__ import annotations

import re


class Page:
    """One page under construction; verbs append to it.

    Args:
        name: Such as ``mount.fsmount``.
        section: Of the manual.
        summary: One line for NAME, without a full stop.
        version: Shown at the bottom.
    """

    def __init__(self, name: str, section: int, summary: str, version: str) -> None:
        self.name = name
        self.section = section
        title = f'.TH "{name.upper()}" {section} "" "fsmount {version}"'
        self._lines = [title, ".SH NAME", rf"{escaped(name)} \- {escaped(summary)}"]

    @property
    def file(self) -> str:
        """The page's file below a ``man`` directory."""
        return f"man{self.section}/{self.name}.{self.section}"

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._lines.append(f".SH {escaped(text.upper())}")

    def subheading(self, text: str) -> None:
        """Begin a part of a section."""
        self._lines.append(f'.SS "{escaped(text)}"')

    def paragraph(self, text: str) -> None:
        """Append flowing text; ``words`` in double backquotes are bold, blank lines part."""
        for part in text.strip().split("\n\n"):
            self._lines.append(".PP")
            self._lines.append(_inline(" ".join(part.split())))

    def entry(self, term: str, text: str) -> None:
        """Append a term and what it is."""
        self._lines += [".TP", rf"\fB{escaped(term)}\fR", _inline(" ".join(text.split())) or r"\&"]

    def example(self, text: str) -> None:
        """Append lines as they are."""
        self._lines += [".PP", ".RS 4", ".nf"]
        self._lines += [escaped(line) or r"\&" for line in text.strip("\n").splitlines()]
        self._lines += [".fi", ".RE"]

    def text(self) -> str:
        """Return the page."""
        return "\n".join(self._lines) + "\n"


def escaped(text: str) -> str:
    r"""Return ``text`` as a line that roff shows as it is.

    One that begins with a point or an apostrophe would be taken for a macro.
    """
    text = _literal(text)
    return rf"\&{text}" if text.startswith((".", "'")) else text


def _literal(text: str) -> str:
    # A "-" would come out as a hyphen that nobody can paste.
    return text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")


def _inline(text: str) -> str:
    parts = map(_literal, re.split(r"``(.+?)``", text))
    line = "".join(rf"\fB{part}\fR" if number % 2 else part for number, part in enumerate(parts))
    return rf"\&{line}" if line.startswith((".", "'")) else line
