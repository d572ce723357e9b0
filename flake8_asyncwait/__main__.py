"""`python -m flake8_asyncwait`, the same as the command `asyncwait`."""

from flake8_asyncwait.cli import main

raise SystemExit(main())
