"""Where the wait sites of a file may be."""
