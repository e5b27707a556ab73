"""Checks that tell whether a node is configured (the one that asks Salt lives in `salt/`)."""
