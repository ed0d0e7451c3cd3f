"""Where an embedded installation keeps its data, and the addresses that follow from it.

Only paths are computed here: nothing is started and nothing is created, so settings may import it.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

PORT = 5432  # only a part of the socket's file name; said in the URL, since PGPORT in a shell would change it
# A Unix socket's path is limited to 107 bytes on Linux and 103 on macOS, file name included.
SOCKET_DIRECTORY_LIMIT = 80


def home() -> Path:
    """The data directory: `LEDGER_HOME`, or `var/` beside `manage.py`."""
    default = Path(__file__).resolve().parents[2] / "var"
    return Path(os.environ.get("LEDGER_HOME") or default).resolve()


def socket_directory(at: Path) -> Path:
    """The directory (mode 0700) of both servers' sockets; a short one when `at` is too deep."""
    inside = at / "run"
    if len(os.fsencode(inside)) <= SOCKET_DIRECTORY_LIMIT:
        return inside
    short = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    digest = hashlib.sha256(os.fsencode(at)).hexdigest()[:12]
    return short / f"ledger-{os.geteuid()}-{digest}"


def restless(at: Path) -> Path:
    """What the supervisor says of children that keep dying: JSON, a sentence by role."""
    return at / "restless.json"


def secret_key(at: Path) -> str:
    """The installation's secret key; empty before its first start."""
    return _secret(at / "secret_key")


def metrics_token(at: Path) -> str:
    """The token of its /metrics; empty before its first start."""
    return _secret(at / "metrics_token")


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        sys.exit(f"LEDGER_HOME {path.parent} is not yours: {error.strerror}. Be its user or choose another.")


def database_url(at: Path, *, user: str, database: str = "ledger") -> str:
    """A libpq URL for the embedded PostgreSQL; the socket's directory stands in the query, which every parser takes."""
    return f"postgresql://{user}@/{database}?host={quote(os.fspath(socket_directory(at)))}&port={PORT}"


def redis_url(at: Path, *, number: int = 0) -> str:
    """The embedded server's URL in redis-py's form."""
    return f"unix://{quote(os.fspath(socket_directory(at)))}/valkey.sock?db={number}"
