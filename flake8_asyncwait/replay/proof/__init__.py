"""Runs one execution on a real event loop, in a process of its own, and says what it showed."""
