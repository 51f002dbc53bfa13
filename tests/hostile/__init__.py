"""A hostile agent against the running gateway and the simulated carrier, and an oracle that looks at
the carrier's own log, at what honest people did, and at the audit chain; never at how the gate
decides."""
