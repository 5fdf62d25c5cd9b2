"""The only way out: API calls, and ranged GETs whose bodies land in the reader's memory.

``client.py`` sends a ``Call`` and returns an ``Answer`` (stock httpx). ``stream.py`` is the data
path: it follows redirects, ``exchange.py`` carries one GET on one ``connection.py`` (plain or TLS),
``idle.py`` keeps connections between two. ``proxies.py`` and ``tls.py`` say by which way and whom
to trust; ``failures.py`` names everything that can go wrong on it.
"""
