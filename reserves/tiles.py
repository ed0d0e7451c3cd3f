"""The dashboard's tile about what stands behind the money."""

from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.tiles import Number, NumberTile, Remembered, tile
from reserves.summary import OVERDUE, standings

newest = Remembered(standings, 60)


@tile
class Coverage(NumberTile):
    """The least covered currency; green while all are covered, and attested within two hours."""

    title, permission, order = "Reserves", "reserves.view_attestation", 15

    def number(self) -> Number:
        found = newest.get()
        href = html.list_url("reserves.attestation")
        if not found:
            return Number("Not attested", "no currency was ever attested", href=href)
        worst = found[0]
        late = [each for each in found if each.age > OVERDUE]
        said = f"{worst.currency} of {worst.tenant}, attested {worst.as_of:%Y-%m-%d %H:%M} UTC"
        if late:
            said += f"; overdue: {len(late)}"
        good = not late and all(each.covered for each in found)
        return Number(worst.percent, said, "good" if good else "bad", href)
