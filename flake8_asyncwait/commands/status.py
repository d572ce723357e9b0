"""The exit status of every command."""

CLEAN, FINDINGS, FAILED = 0, 1, 2
