"""Scripts that the vendor's PDS client is driven by."""
