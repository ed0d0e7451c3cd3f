"""Operations for migrations that run while the ledger is used (docs/migrations.md).

Whoever waits for the lock of a whole table makes everybody wait who comes after him. So what needs it for a moment asks
briefly, and again; and what takes long takes a lock that lets writers through.
"""

import logging
import time

from django.contrib.postgres.operations import AddIndexConcurrently, NotInTransactionMixin
from django.db import OperationalError, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from psycopg.errors import LockNotAvailable

PATIENCE = 500  # milliseconds for which others wait behind us
PAUSE = 1  # seconds for which they do not
MOST_TRIES = 600

log = logging.getLogger(__name__)


class Briefly(NotInTransactionMixin, Operation):
    """Operations that need a table's lock for a moment: one transaction, which gives up soon and is tried again.

    Of one table, as whoever takes the locks of several can meet writers who take them the other way round.
    """

    def __init__(self, *operations: Operation) -> None:
        self.operations = operations

    def describe(self) -> str:
        return "Briefly: " + "; ".join(operation.describe() for operation in self.operations)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        if schema_editor.collect_sql:
            schema_editor.execute("BEGIN")
            self._apply(app_label, schema_editor, from_state)
            schema_editor.execute("COMMIT")
            return
        for tries in range(1, MOST_TRIES + 1):
            try:
                with transaction.atomic(schema_editor.connection.alias):
                    self._apply(app_label, schema_editor, from_state)
            except OperationalError as error:
                if tries == MOST_TRIES or not isinstance(error.__cause__, LockNotAvailable):
                    raise
                schema_editor.deferred_sql.clear()
                log.info("somebody is at work on the table; tried %s times: %s", tries, self.describe())
                time.sleep(PAUSE)
            else:
                return

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Nobody waits for what is taken back: migrations only go forwards where the ledger is used."""
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def _apply(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState) -> None:
        schema_editor.execute(f"SET LOCAL lock_timeout = {PATIENCE}")
        for operation in self.operations:
            before, state = state, state.clone()
            operation.state_forwards(app_label, state)
            operation.database_forwards(app_label, schema_editor, before, state)
        for statement in schema_editor.deferred_sql:
            schema_editor.execute(statement, None)
        schema_editor.deferred_sql.clear()


class AddIndexOnline(AddIndexConcurrently):
    """An index that is built while others write, and that can be begun again where it was broken off.

    Its builder waits for every transaction that is under way, also for an hour's, and nobody waits for him.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        schema_editor.execute("SET lock_timeout = 0")
        try:
            valid = None if schema_editor.collect_sql else self._left(schema_editor)
            if valid is False:
                schema_editor.execute(f"DROP INDEX CONCURRENTLY {schema_editor.quote_name(self.index.name)}")
            if not valid:
                super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.execute("RESET lock_timeout")

    def _left(self, schema_editor: BaseDatabaseSchemaEditor) -> bool | None:
        """Whether the index that an earlier try has left is whole; None where there is none."""
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [self.index.name])
            found = cursor.fetchone()
        return found[0] if found else None
