"""The directories of an installation, and the unprivileged user that its servers run as.

PostgreSQL refuses to run as root. When root starts the ledger, both servers run as the owner of the existing data or as
`nobody`; where that user cannot reach a directory, the servers' files go to one that it can reach, and the name under
the home becomes a link to it. Directories that exist are never opened for others.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger_project.embedded import home as addresses
from ledger_project.embedded.processes import Account, StartFailed

# Where root's servers keep their files when the home itself is closed to them; the first that exists is taken.
OPEN_DIRECTORIES = (Path("/var/lib"), Path("/srv"), Path("/tmp"))  # noqa: S108 - a private directory is made in it


@dataclass(frozen=True)
class Place:
    """An installation on disk; its directories exist once `prepare` has returned it."""

    home: Path
    installation: str
    account: Account | None  # None: the servers run as the user who started them
    logs: Path
    postgres: Path  # real path of the data directory
    valkey: Path
    sockets: Path  # real path of the sockets' directory

    def reachable(self, path: Path) -> bool:
        return self.account is None or can_traverse(self.account, path)


def make_home(home: Path) -> None:
    """Make the home where there is none; one that exists keeps its mode."""
    if home.is_dir():
        return
    try:
        home.mkdir(parents=True)
    except OSError as error:
        raise StartFailed(f"LEDGER_HOME {home} cannot be made: {error.strerror}.") from error
    # The servers of root's installation must pass through; everything private below has its own 0700 or 0600.
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)


def prepare(home: Path) -> Place:
    """Make what is missing of the installation's directories; the caller holds the home's lock."""
    account = server_account(home)
    logs = home / "log"
    logs.mkdir(mode=0o700, exist_ok=True)
    return Place(
        home=home,
        installation=installation_of(home),
        account=account,
        logs=logs,
        postgres=_private_directory(home / "pg", home, account),
        valkey=_private_directory(home / "valkey", home, account),
        sockets=_private_directory(addresses.socket_directory(home), home, account),
    )


def server_account(home: Path) -> Account | None:
    """Whom the servers run as: ourselves, unless we are root."""
    data = home / "pg"
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise StartFailed(
                f"{data} belongs to user {owner.st_uid}, not to you; start as that user or choose another LEDGER_HOME."
            )
        return None
    if owner and owner.st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StartFailed("There is no user `nobody` to run PostgreSQL as; start as an ordinary user.") from None
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def can_traverse(account: Account, path: Path) -> bool:
    """Whether the account may pass through every directory from the root down to `path`, by the modes alone."""
    for directory in [path, *path.parents]:
        if not directory.exists():
            continue
        found = directory.stat()
        if found.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def reachable_copy(place: Place, root: Path, parts: Sequence[str]) -> Path:
    """`root` itself, or a copy of its `parts` where the servers' user can reach them.

    A virtual environment below /root is closed to it. The copy keeps the layout, by which programs find libraries.
    """
    if all(place.reachable(root / part) for part in parts):
        return root
    # The name holds what changes when the package is upgraded.
    package = Path(parts[0]).parts[0]
    copies = _reachable_base(place.home, place.account) / "programs"
    copy = copies / f"{package}-{(root / parts[0]).stat().st_mtime_ns:x}"
    if not copy.exists():
        for outdated in copies.glob(f"{package}-*"):
            shutil.rmtree(outdated)
        partial = copies / f"{copy.name}.partial"
        for part in filter(lambda part: (root / part).exists(), parts):
            shutil.copytree(root / part, partial / part, symlinks=True)
        for path in [copies, partial, *partial.rglob("*")]:
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runs else 0o644)  # whatever the umask was at installation
        partial.replace(copy)
    return copy


def _private_directory(wanted: Path, home: Path, account: Account | None) -> Path:
    """The real path of a 0700 directory of the servers' user, which clients find as `wanted`."""
    if wanted.is_symlink() and not wanted.exists():
        raise StartFailed(f"{wanted} points to {os.readlink(wanted)}, which is gone.")
    if not wanted.exists():
        _make_private(wanted, home, account)
    real = wanted.resolve()
    found = real.stat()
    owner = account.uid if account else os.geteuid()
    # A stranger can make a directory or a link of this name in a shared place such as /tmp before us.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or wanted.lstat().st_uid not in {owner, os.geteuid()}:
        raise StartFailed(f"{wanted} is not a directory of user {owner}.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        real.chmod(0o700)
    return real


def _make_private(wanted: Path, home: Path, account: Account | None) -> None:
    if account is None:
        wanted.mkdir(mode=0o700)
        return
    if can_traverse(account, wanted.parent):
        wanted.mkdir(mode=0o700)
        os.chown(wanted, account.uid, account.gid)
        return
    elsewhere = _reachable_base(home, account) / wanted.name
    elsewhere.mkdir(mode=0o700, exist_ok=True)
    os.chown(elsewhere, account.uid, account.gid)
    wanted.symlink_to(elsewhere)


def _reachable_base(home: Path, account: Account | None) -> Path:
    """The directory for what the servers' user must reach: the home, or one outside that the home remembers."""
    if account is None or can_traverse(account, home):
        return home
    link = home / "elsewhere"
    if not link.exists():
        link.unlink(missing_ok=True)
        parent = next(path for path in OPEN_DIRECTORIES if path.is_dir() and can_traverse(account, path))
        # A random name: when the home is deleted and made again, it must not find the old data.
        made = Path(tempfile.mkdtemp(prefix="ledger-", dir=parent))
        made.chmod(0o711)
        link.symlink_to(made)
    return link.resolve()


def installation_of(home: Path) -> str:
    """What marks this installation's processes: a random number, made once, and its path.

    The path is in it, so that a copy of a home is another installation.
    """
    name = home / "installation"
    if not name.exists():
        partial = home / f"installation.{os.getpid()}"
        partial.write_text(uuid.uuid4().hex, encoding="ascii")
        partial.replace(name)
    number = name.read_text(encoding="ascii")
    return hashlib.sha256(number.encode() + os.fsencode(home.resolve())).hexdigest()[:32]
