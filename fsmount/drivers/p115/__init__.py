"""115 Cloud: an own drive, signed in with a cookie, reading; and what the family of 115 shares.

``driver`` answers the four calls and the abilities, ``auth`` signs and looks after the cookie,
``login`` asks for one; ``calling`` asks one endpoint after the other for a link. Below them is the
wire, pure: ``api`` (listings), ``details`` (one object, space), ``links`` (download links),
``offline`` (downloads that 115 does by itself) and ``receiving`` (saving others' shares) make
requests and read answers; ``refusals`` reads every no with the table in ``codes``; ``entries``
turns rows of every dialect into entries; ``cipher`` is the envelope of the link calls, ``cookies``
what a login consists of, ``hosts`` where everything is, ``options`` what may be said.

Facts about the protocol cite "wire: 115 §N", a reference collected from the clients that people
use; none of it was checked against the live service.
"""
