"""The ways to cure a site: what to cancel, where to put that, and what becomes redundant."""
