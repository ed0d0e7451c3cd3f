import uuid
from accounts.models import Tenant, Balance
from ledger_project.log.executor import run


def test_smoke():
    t = Tenant.objects.create(slug=uuid.uuid4().hex, name="T").id
    k = iter(range(100))

    def r(name, /, **a):
        return run(t, name, key=f"k{next(k)}", **a)

    r("register_currency", code="CRD")
    r("ensure_account", account="alice", initial_balance=100)
    r("open_account", name="bob")
    d = r("transfer", from_account="alice", to_account="bob", amount="30", job_id="j1")
    print(d)
    b = {x.account.name: x.available for x in Balance.objects.filter(tenant=t, unbounded=False)}
    assert b == {"alice": 70, "bob": 30}
    e = run(t, "transfer", key="k3", from_account="alice", to_account="bob", amount="30", job_id="j1")
    assert e.replayed and e.document == d.document, (e.document, d.document)
    x = r("reverse_entry", entry="ent_" + d.document["id"][4:])
    print(x)
