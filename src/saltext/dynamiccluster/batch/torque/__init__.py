"""The Torque and Maui adapter: parsers (pure, bytes to records), views (records to the model), commands and changes."""

from .adapter import Torque

__all__ = ["Torque"]
