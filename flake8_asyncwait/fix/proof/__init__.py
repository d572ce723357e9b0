"""Asks the analysis, before a fix for what it must know, and after it for proof."""
