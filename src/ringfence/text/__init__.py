"""Text as the trade needs it: segments, plain text out of Markdown, chunks, keywords, topics.

Pure functions over strings. Nothing here reads a clock, opens a socket or keeps state.
"""
