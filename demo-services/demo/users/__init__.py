"""Lets people in: a login that gives a signed token, and the key that gateways check tokens with."""
