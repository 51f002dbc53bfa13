"""One file per rule; each defines RULE. Rules never import each other."""
