"""Side-by-side measurements: what the gateway does beside the least that could be done, in one run
on one machine. Prints tables; no test depends on a time."""
