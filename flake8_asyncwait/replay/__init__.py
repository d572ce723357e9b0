"""The judge: runs one function with stand-ins, under every outcome, branch and single fault.

It shares nothing with the analysis, so that the two can be held against each other.
"""
