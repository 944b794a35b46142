"""Dashboards as Python (build.py and a builder each) and the JSON they make, committed beside them."""
