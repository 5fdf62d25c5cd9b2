"""Links and fetches, against scripted drivers and servers."""
