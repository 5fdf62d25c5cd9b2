"""115 Open: an own 115 drive through the Open platform, with an application of one's own.

``driver`` answers the four calls and the abilities, ``auth`` signs and renews with refresh tokens
that work once, ``login`` shows the QR code (device code with PKCE); below them ``api`` and
``session`` are the wire (requests out, typed answers in), ``refusals`` and ``codes`` know
what the platform adds to the family's ways to say no, ``entries`` turns rows into entries,
``options`` is what may be configured. All of it is pure but the thin calls in ``driver``, ``auth``
and ``login``. Hosts, envelopes, links and content servers are the family's (``drivers.p115``).

The platform has no shares. Facts about the protocol cite "wire: 115 §N", a reference gathered from
the clients of 2026; none of it was checked against the live service.
"""
