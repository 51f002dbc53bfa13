"""The imperative shell, files in the order of a message's life: receive, reply, review, dispatch,
track. Fetches facts, asks policy, commits, does the I/O. Knows no SQL and no concrete adapter."""
