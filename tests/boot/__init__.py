"""A real boot: systemd as PID 1 in a container over an overlay of this very machine.

``python -m tests.boot`` (``./run boot-test``) takes about a minute and needs root and
systemd-nspawn. ``container`` makes and runs the machine, ``units`` is what it boots into, and
``inside`` runs in it: it waits, reads, pulls the network, kills, and writes down what it saw;
``__main__`` says whether that was right.

It is not collected by pytest: it needs a machine to itself and a minute of it.
"""

from __future__ import annotations
