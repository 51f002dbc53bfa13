"""The fence: pure decisions. Every rule speaks, the strictest verdict wins, no rules means DENY.
Nothing here does I/O, reads a clock, or knows who asked beyond the facts."""
