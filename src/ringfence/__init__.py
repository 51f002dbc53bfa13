"""Ringfence: a phone number for an agent; a phone number is not permission."""

__version__ = "0.1.0"
