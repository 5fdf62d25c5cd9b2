"""The only builders of HTTP clients.

``client.py`` sends a ``Call`` and returns an ``Answer`` (stock httpx). ``stream.py`` is the data
path: an httpx transport whose bodies are received straight into the reader's blocks.
"""
