"""A simulated carrier on loopback: Twilio's REST dialect, its signed webhooks, and handsets.

Written apart from the gateway's own Twilio codec, so that the two check each other: nothing here
may import `ringfence.providers`. Never talks to anything but loopback.
"""
