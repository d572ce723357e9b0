"""Runs one function with stand-ins, in any way that it can go, and on a real event loop.

It shares nothing with the analysis, so that the two can be held against each other.
"""
