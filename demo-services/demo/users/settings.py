"""The settings file of users."""

from pathlib import Path

from process.settings import Address, Seconds, Settings


class UsersSettings(Settings):
    """Where users listens, keeps its key, and how long a login lasts."""

    listen: Address
    key_file: Path
    token_lifetime: Seconds = 3600.0
