"""`python -m flake8_asyncwait`, the same as the command `asyncwait`."""

import sys

# Python looks for modules in the working directory first here, and that may be what is checked.
if not getattr(sys.flags, "safe_path", sys.flags.isolated):  # `safe_path`: since Python 3.11
    del sys.path[0]

from flake8_asyncwait.cli import main

raise SystemExit(main())
