"""The shapes of the configuration file, as pydantic models: types, ranges and words per key.
Only `loading`, `reference` and `openclaw` import this; the models never leave the config floor."""
