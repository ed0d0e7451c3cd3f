"""Sealing while many write: nothing is missed, nothing comes twice, and readers of the feed see every event."""

import pytest

from ledger_project.log import sealing
from ledger_project.log.verification import verify
from ledger_project.testing.databases import own_database
from ledger_project.testing.sealing import Crowd, Follower, all_the_time, require_whole_log

pytestmark = pytest.mark.slow


def test_every_committed_event_is_sealed_once_while_many_write() -> None:
    with own_database():
        crowd, follower = Crowd(), Follower()
        with (
            all_the_time(sealing.seal) as passes,
            all_the_time(sealing.seal, pause=0.01) as others,
            all_the_time(follower.look),
            all_the_time(verify, pause=0.2) as checks,
        ):
            crowd.write(writers=6, entries=480, long_every=8)
        sealing.seal()
        while follower.look():
            pass

        size = require_whole_log()

        assert size == 480 + 1 + 33 + 32
        assert follower.indexes == list(range(size))
        assert all(isinstance(done, sealing.Pass) for done in passes + others)
        assert sum(done.sealed > 0 for done in passes + others) > 5
        assert len(checks) > 3
        assert [report.problems for report in [*checks, verify()]] == [[]] * (len(checks) + 1)
