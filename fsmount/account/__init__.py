"""Accounts: who signs a remote's calls, how they are paced, and how a token stays fresh.

``account.py`` is the border that drivers see: ``Account.call`` signs, paces, renews once and
classifies. ``credentials.py`` finds secrets where people may keep them, ``refresher.py`` keeps one
token per account fresh across processes, ``governor.py`` is the one place that protects an account,
``login.py`` walks a person through a sign-in.
"""
