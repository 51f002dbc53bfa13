"""The live call as a state machine: an event and the time in, effects out. No sockets, no clock."""
