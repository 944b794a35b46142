"""The whole stack as processes of this machine, without containers."""
