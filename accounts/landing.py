"""What the front page says of accounts."""

from accounts.models import Account, Currency
from ledger_project.web.backoffice.tiles import count_up_to
from ledger_project.web.pages.landing import Figure

COUNTED = 100_000


def accounts() -> Figure:
    codes = Currency.objects.order_by().values("code").distinct().count()
    count = count_up_to(Account.objects.all(), COUNTED)
    return Figure("Accounts", count, "in 1 currency" if codes == 1 else f"in {codes} currencies")
