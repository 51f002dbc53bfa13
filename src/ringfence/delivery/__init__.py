"""Delivery as arithmetic: when to try again, and where a message is. Pure; no clock, no I/O."""
