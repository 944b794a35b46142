"""Services that make real load behind the gateway, and the load itself: a stack to watch and to drill."""
