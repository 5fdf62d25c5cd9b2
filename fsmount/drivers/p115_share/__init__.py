"""115 Share: what somebody shared by a link, read with or without a login.

``driver`` answers the four calls and the abilities, ``auth`` signs and reads refusals; below them
``api`` is the wire, pure, ``states`` says what a share's states and codes mean, ``entries`` turns
rows into entries, ``pasted`` reads links as people paste them, ``options`` is what may be said.
Hosts, cookies, the cipher and everything else that an own drive needs as well are those of
``drivers.p115``. Facts about the protocol cite "wire: 115 §N", as there.
"""
