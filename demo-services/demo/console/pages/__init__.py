"""The NiceGUI pages. A page asks for data only while a browser shows it; each module adds its route with ``add``."""
