"""Scripts that p115client and py115 are driven by."""
