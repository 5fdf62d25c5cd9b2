"""Cloudreve V4: own drives and shares, reading.

``driver`` answers the four calls and the abilities, ``auth`` signs and renews; below them ``api``,
``details``, ``sharing`` and ``session`` are the wire (requests out, typed answers in), ``refusals``
reads every no with the table in ``codes``, ``entries`` turns file objects into entries, ``links``
looks at what links lead to, ``uri`` and ``pasted`` read what people write, ``login`` asks them,
``owned`` makes and ends an account's own shares, ``options`` is what may be configured. All of it
is pure but the thin calls in ``driver``, ``auth``, ``owned``, ``login`` and ``pasted.probe``.

Facts about the protocol cite "wire §N": a reference recorded against a server of 2025-06-21 that
reports version 4.0.0; what newer servers do differently is known from public documents only.
"""
