"""The network layer, over real sockets on loopback."""
