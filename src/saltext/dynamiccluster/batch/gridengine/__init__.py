"""The Grid Engine adapter: parsers (pure, bytes to records), views (records to the model), commands and changes."""

from .adapter import GridEngine

__all__ = ["GridEngine"]
