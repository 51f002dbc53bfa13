"""Telephone audio as values: G.711 codes, rates, frames of 20 ms, who is speaking. Pure arithmetic over
bytes: no clock, no I/O, no package. µ-law at 8 kHz stays what it is wherever a vendor speaks it."""
