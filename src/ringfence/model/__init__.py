"""Words: the frozen nouns every floor shares. Standard library only; nothing here does I/O."""
