"""What belongs to the database itself, and not to anything in it: set at each `migrate`.

A dump does not speak of it, and a copy that is made from a template has none of it: a migration that runs once is not
enough.
"""

from typing import Any, Final

from django.db import connections

# Nobody may fill the disk with temporary tables, or hide the ledger's own behind tables of the same name.
CLOSED: Final = """
DO $$ BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$
"""


def close_database(using: str, **_: Any) -> None:
    """Take back what every login may do in a new database. Only its owner can; who is not is warned by PostgreSQL."""
    with connections[using].cursor() as cursor:
        cursor.execute(CLOSED)
