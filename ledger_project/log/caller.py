"""Who calls, and how far they may reach: the boundary that every command is judged by.

A scope is a command's permission (`journal.transfer`), all commands of an app (`journal.*`), a right beside a command
(`journal.platform`), `read` for every GET, or `*` for everything.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from ledger_project.kernel import ids
from ledger_project.kernel.errors import Forbidden

EVERYTHING = "*"
# Rights beside commands: to let the platform's accounts pay by any command, and to open an account without a floor.
PLATFORM, OPEN_UNBOUNDED = "journal.platform", "accounts.open_unbounded"
RIGHTS = frozenset({PLATFORM, OPEN_UNBOUNDED})


def covers(scopes: Collection[str], wanted: str) -> bool:
    """Whether scopes allow a permission, or include another scope."""
    return wanted in scopes or EVERYTHING in scopes or f"{wanted.partition('.')[0]}.*" in scopes


@dataclass(frozen=True, slots=True)
class Caller:
    """The author of a call.

    `actor` is the name in the log. `identity` is the person or root key that answers for the call; nobody types it, so
    two identities are two parties. `scopes` are what an API key may do; None where permissions were asked elsewhere.
    `account` is the one account that an account's own key is bound to. `key`, `lineage` (root first) and `expires_at`
    are the API key's.
    """

    actor: str
    identity: str
    scopes: frozenset[str] | None = None
    account: UUID | None = None
    key: UUID | None = None
    lineage: tuple[UUID, ...] = ()
    expires_at: datetime | None = None
    is_system: bool = False

    @classmethod
    def system(cls, actor: str) -> Self:
        """The ledger's own code, which may do everything."""
        return cls(actor, actor, is_system=True)

    @classmethod
    def user(cls, user_id: int, name: str) -> Self:
        """A member of the staff, whose permissions the back office has asked."""
        return cls(f"user:{name}", f"user:{user_id}")

    @property
    def account_ref(self) -> str | None:
        """The public id of the account that the caller is bound to."""
        return ids.show("acc", self.account) if self.account else None

    def may(self, permission: str) -> bool:
        return self.scopes is None or covers(self.scopes, permission)

    def require(self, permission: str) -> None:
        """Refuses: Forbidden."""
        if not self.may(permission):
            raise Forbidden(scope=permission)

    def authorized(self, *, account: UUID, permission: str) -> Self:
        """The same caller for one act that the owner of an account has authorised, and for nothing else."""
        return replace(self, account=account, scopes=frozenset({permission}))
