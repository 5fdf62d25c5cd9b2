"""115 Open: an own 115 drive through the Open platform, with an application of one's own.

``driver`` answers the four calls and the abilities, ``auth`` signs and renews with refresh tokens
that work once, ``login`` shows the QR code (device code with PKCE); below them ``api`` and
``session`` are the wire (requests out, typed answers in), ``refusals`` reads every no with the
table in ``codes``, ``entries`` turns rows into entries, ``links`` reads what a link says about
itself, ``options`` is what may be configured. All of it is pure but the thin calls in ``driver``,
``auth`` and ``login``.

The platform has no shares. Facts about the protocol cite "wire: 115 §N", a reference gathered from
the clients of 2026; none of it was checked against the live service.
"""
