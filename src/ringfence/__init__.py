"""Ringfence: a phone number for an agent; a phone number is not permission."""
