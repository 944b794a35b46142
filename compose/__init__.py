"""The composition root: every part of the stack configured once, run as processes (native/) or as containers."""
