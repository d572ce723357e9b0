"""Cures findings: what to do about each, proved harmless before it is done."""
