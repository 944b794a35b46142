"""``python -m dashboards build`` and ``check``."""

from dashboards.cli import app

if __name__ == "__main__":
    app()
