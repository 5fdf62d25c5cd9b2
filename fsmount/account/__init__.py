"""Accounts: who signs a remote's calls, how they are paced, and how a token stays fresh.

``account.py`` is the border that drivers see: ``Account.call`` signs, paces, renews once and
classifies. ``border.py`` has what all of this is given from outside: limits, schemes, a way to
send. ``credentials.py`` finds secrets where people may keep them, ``login.py`` walks a person
through a sign-in.

``refresher.py`` keeps one token per account fresh across processes; how long a token is good, and
which of several wins, is decided in ``lifetime.py``.

``governor.py`` is the one place that protects an account. It has a lane (``lane.py``: queue and
shared files) per endpoint family and host, and a lane has a pace (``pace.py``: what is known and
what follows from it, pure). ``clocks.py`` says what time all of them mean.
"""
