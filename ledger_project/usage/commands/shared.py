"""What the commands about usage share: their arguments and refusals."""

from typing import Annotated
from uuid import UUID

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, CurrencyMismatch, NormalBalanceMismatch
from ledger_project.kernel.fields import ChoiceField, IdField, TextField
from ledger_project.usage.books import OVERRUNS
from ledger_project.usage.errors import NoPrice, PriceBookNotFound, UnpricedMetric
from ledger_project.usage.fields import MetricsField

BookName = Annotated[str, TextField(maximum=128, pattern=r"[^/]+")]
Model = Annotated[str, TextField(maximum=128)]
Metrics = Annotated[dict[str, int], MetricsField()]
Overrun = Annotated[str, ChoiceField(OVERRUNS)]
UsageId = Annotated[UUID, IdField("usg", "usage")]

PRICING = (PriceBookNotFound, NoPrice, CurrencyMismatch, UnpricedMetric)
PAYING = (AccountNotFound, NormalBalanceMismatch, AccountClosed, AccountFrozen)
