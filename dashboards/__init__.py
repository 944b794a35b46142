"""Dashboards as Python (build.py and a builder each), and what they make: JSON and Kubernetes manifests, committed."""
