"""Runs a function: made ready, with hooks, in every way, or in the one of a witness."""
