"""The back office's pages of what stands behind a currency, and of what was attested about it."""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.admin import CurrencyFilter, TenantAdmin
from accounts.models import Currency, Tenant
from ledger_project.kernel import clock
from ledger_project.log.caller import Caller
from ledger_project.log.executor import Done, system_key
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table, Text
from ledger_project.web.backoffice.list_filters import RecordedBetween, TenantFilter
from ledger_project.web.backoffice.operations import Operation, OperationForm
from ledger_project.web.backoffice.site import ReadOnlyAdmin
from reserves import issuing
from reserves.attestation import judge
from reserves.forms import RegisterAssetForm, SnapshotForm, UpdateAssetForm
from reserves.models import Attestation, ReserveAsset, ReserveSnapshot
from reserves.queries import show_asset, show_snapshot

RECENT = 20  # rows of a section

REGISTER = Operation(
    command="register_reserve_asset",
    label="Register reserve asset",
    done="reserve asset registered",
    warning="Something that stands behind one currency. Its name, type, unit and currency stay for good.",
    form=RegisterAssetForm,
)
UPDATE = Operation(
    command="update_reserve_asset",
    label="Change",
    done="changed",
    warning="From the next attestation on it is counted so; what was attested before stands.",
    subject="asset",
    form=UpdateAssetForm,
)
RECORD = Operation(
    command="record_reserve_snapshot",
    label="Record snapshot",
    done="snapshot recorded",
    warning="States how much there is, for the public to read. A snapshot stays for good; a later one takes its place.",
    subject="asset",
    form=SnapshotForm,
)


class IssueNow(Operation):
    """The document is made by the ledger itself, from what is so at the newest checkpoint."""

    def run(self, row: Any, public_id: str, form: OperationForm, *, caller: Caller) -> Done:
        key = system_key("staff", form.cleaned_data["token"], public_id)
        return issuing.issue(row.tenant_id, row.currency, key=key, caller=caller)


ISSUE = IssueNow(
    command="issue_attestation",
    label="Attest now",
    done="attested",
    warning="Signs and publishes what is owed in this currency at the newest checkpoint, and what stands behind it."
    " Beat does so every hour by itself.",
    subject="currency",
    form=OperationForm,
)


def asset_link(asset: ReserveAsset) -> Any:
    return html.link(html.record_url("reserves.reserveasset", "ras", asset.pk), asset.name)


def aligned(text: str) -> Any:
    """A figure that is no amount: to the right, on one line."""
    return format_html('<span class="lb-amount">{}</span>', text)


def haircut(bps: int) -> Any:
    return aligned(f"{bps // 100}.{bps % 100:02} %")


def worth(name: str, label: str) -> Any:
    """What an asset counts by now, in the currency that it backs."""

    def show(row: Any) -> Any:
        value = row.judged[name]
        return html.amount(None if value is None else int(value), row.scale, row.currency)

    return column(label, show, name=f"amount_{name}")


STATUS = column("status", lambda row: html.status(row.judged["status"]))
LOOKED_AT = column("looked at", lambda row: html.moment(row.newest.taken_at) if row.newest else html.NONE)
HAIRCUT = column("haircut", lambda row: haircut(row.haircut_bps), name="amount_haircut")
READ_BY = column("read from", lambda row: row.source.get("kind", "manual"))


@admin.register(ReserveAsset)
class ReserveAssetAdmin(ReadOnlyAdmin):
    """Each asset is judged as an attestation of this moment would."""

    section, icon, order = "Reserves", "account_balance", 10
    id_prefix = "ras"
    list_display = (
        "name_and_id",
        "provider",
        "asset_type",
        STATUS,
        worth("raw_value", "worth"),
        HAIRCUT,
        worth("counted", "counts"),
        LOOKED_AT,
        TENANT,
    )
    list_filter = (TenantFilter, CurrencyFilter)
    list_select_related = ("tenant",)
    search_fields = ("name",)
    search_help_text = "ras_… or how a name begins; *text finds it anywhere. A tenant's page registers new ones"
    operations = (RECORD, UPDATE, ISSUE)
    facts = (
        "whole_id",
        "name",
        TENANT,
        "currency",
        "asset_type",
        "provider",
        "custody",
        "unit",
        STATUS,
        worth("raw_value", "worth"),
        HAIRCUT,
        worth("counted", "counts"),
        column("age limit", lambda row: f"{row.max_age_seconds:,} s"),
        column("eligible", lambda row: "yes" if row.is_eligible else "no"),
        LOOKED_AT,
        READ_BY,
        column("source", lambda row: html.pretty(row.source) if row.source else html.NONE),
        column("metadata", lambda row: html.pairs(row.metadata)),
        "version",
        moment("created_at", "registered"),
        moment("updated_at", "changed"),
    )

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        newest = ReserveSnapshot.objects.filter(asset=OuterRef("pk")).order_by("-taken_at", "-id").values("pk")[:1]
        return super().get_queryset(request).annotate(newest_id=Subquery(newest))

    def complete(self, rows: list[Any]) -> None:
        newest = ReserveSnapshot.objects.in_bulk([row.newest_id for row in rows if row.newest_id])
        scales = scales_of(rows)
        for row in rows:
            row.newest, row.scale = newest.get(row.newest_id), scales[row.tenant_id, row.currency]
            shown = show_snapshot(row.newest) if row.newest else None
            row.judged = judge(show_asset(row), shown, clock.now())


def scales_of(rows: list[Any]) -> dict[tuple[int, str], int]:
    found = Currency.objects.filter(tenant__in={row.tenant_id for row in rows}, code__in={row.currency for row in rows})
    return {(each.tenant_id, each.code): each.scale for each in found}


def price_of(row: ReserveSnapshot) -> Any:
    if row.price_num is None or row.price_den is None:
        return html.NONE
    return aligned(f"{int(row.price_num):,} / {int(row.price_den):,}")


def recent(request: HttpRequest, asset: ReserveAsset) -> list[Section]:
    """On an asset's page: its newest snapshots."""
    newest = ReserveSnapshot.objects.filter(asset=asset).order_by("-taken_at", "-id")[:RECENT]
    rows = [
        [snapshot_link(row), html.moment(row.taken_at), units(row), price_of(row), row.provenance] for row in newest
    ]
    columns = (
        Column("snapshot"),
        Column("as of"),
        Column(asset.unit, figures=True),
        Column("price", figures=True),
        Column("says who"),
    )
    return [Table("Snapshots", columns, rows, empty="None yet, so it counts for nothing.")]


def snapshot_link(row: ReserveSnapshot) -> Any:
    href = html.record_url("reserves.reservesnapshot", "rsn", row.pk)
    return html.public_id("rsn", row.pk, href=href, short=True)


def units(row: ReserveSnapshot) -> Any:
    return html.amount(int(row.amount), 0)


ReserveAssetAdmin.extend(sections=[recent])


@admin.register(ReserveSnapshot)
class ReserveSnapshotAdmin(ReadOnlyAdmin):
    section, icon, order = "Reserves", "photo_camera", 20
    id_prefix, same_id = "rsn", ("evt",)
    list_display = (
        "linked_id",
        column("asset", lambda row: asset_link(row.asset)),
        moment("taken_at", "as of"),
        column("amount", units, name="amount_units"),
        column("unit", lambda row: row.asset.unit),
        column("price", price_of),
        "provenance",
        TENANT,
    )
    list_filter = (TenantFilter, RecordedBetween)
    list_select_related = ("tenant", "asset")
    search_fields = ("asset__name",)
    search_help_text = "rsn_… or how the asset's name begins"
    in_palette = False  # its asset is
    facts = (
        "whole_id",
        column("event", lambda row: event_link(row)),
        column("asset", lambda row: asset_link(row.asset)),
        moment("taken_at", "as of"),
        column("amount", units),
        column("unit", lambda row: row.asset.unit),
        "provenance",
        "evidence_hash",
        column("price in minor units", price_of),
        "price_provenance",
        moment("price_taken_at", "price as of"),
        "price_evidence_hash",
        moment("recorded_at", "recorded"),
        TENANT,
    )

    def heading(self, row: ReserveSnapshot) -> str:
        return f"Snapshot of {row.asset.name}"


def event_link(row: Model) -> Any:
    event = getattr(row, "event", row.pk)
    return html.public_id("evt", event, href=html.record_url("log.event", "evt", event))


def stated(row: Attestation) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(row.document)
    return document


def stated_amount(label: str, *path: str) -> Any:
    """An amount of the document, in its currency."""

    def show(row: Attestation) -> Any:
        value: Any = row.said  # type: ignore[attr-defined]
        for step in path:
            value = value[step]
        return html.amount(int(value), row.said["scale"], row.currency)  # type: ignore[attr-defined]

    return column(label, show, name=f"amount_{path[-1]}")


def ratio(row: Any) -> str:
    found = row.said["coverage_ratio"]
    return found["decimal"] if found else "nothing owed"


COVERAGE = column("coverage", ratio, name="amount_coverage")
OWED, ELIGIBLE = stated_amount("owed", "liabilities", "total"), stated_amount("eligible", "eligible_reserves_total")


@admin.register(Attestation)
class AttestationAdmin(ReadOnlyAdmin):
    section, icon, order = "Reserves", "verified", 30
    id_prefix = "att"
    list_display = ("linked_id", "currency", "sequence", moment("as_of", "as of"), COVERAGE, OWED, ELIGIBLE, TENANT)
    list_filter = (TenantFilter, CurrencyFilter, RecordedBetween)
    list_select_related = ("tenant", "checkpoint")
    search_fields = ("currency",)
    search_help_text = "att_… or a currency"
    in_palette = False
    operations = (ISSUE,)
    facts = (
        "whole_id",
        column("event", event_link),
        TENANT,
        "currency",
        "sequence",
        moment("as_of", "as of"),
        COVERAGE,
        OWED,
        ELIGIBLE,
        stated_amount("raw reserves", "raw_reserves_total"),
        column("accounts counted", lambda row: f"{row.said['liabilities']['leaf_count']:,}"),
        column("size of the sealed log", lambda row: f"{row.checkpoint.size:,}"),
        column("SHA-256 of the document", lambda row: html.code(bytes(row.document_hash).hex(), copy=True)),
        column("of the one before", lambda row: row.said["previous_attestation_hash"] or html.NONE),
        column("signed", lambda row: signed_links(row)),
    )

    def complete(self, rows: list[Any]) -> None:
        for row in rows:
            row.said = stated(row)

    def heading(self, row: Attestation) -> str:
        return f"Attestation {row.sequence} of {row.currency}"


def signed_links(row: Attestation) -> Any:
    address = f"/attestation/reserve/{row}"
    return html.lines([html.link(f"{address}?format=json", "Document"), html.link(f"{address}?format=jws", "JWS")])


def judged(request: HttpRequest, row: Any) -> list[Section]:
    """On an attestation's page: its assets, and the document as it was signed."""
    said, scale = row.said, row.said["scale"]
    rows = [
        [
            html.link(html.record_url("reserves.reserveasset", "ras", UUID(each["id"][4:])), each["name"]),
            html.status(each["status"]),
            html.amount(None if each["raw_value"] is None else int(each["raw_value"]), scale),
            haircut(each["haircut_bps"]),
            html.amount(int(each["counted"]), scale),
            aligned("" if each["age_seconds"] is None else f"{each['age_seconds']:,} of {each['max_age_seconds']:,} s"),
        ]
        for each in said["assets"]
    ]
    columns = (
        Column("asset"),
        Column("status"),
        Column("worth", figures=True),
        Column("haircut", figures=True),
        Column("counted", figures=True),
        Column("age", figures=True),
    )
    owed = [
        [name.replace("_", " "), html.amount(int(said["liabilities"][name]), scale)]
        for name in ("redeemable", "held", "escrowed", "bonded", "fee_pool", "non_redeemable_promo", "total")
    ]
    return [
        Table("Assets", columns, rows, empty="No asset is registered: nothing stands behind it."),
        Table("Owed", (Column("what"), Column(row.currency, figures=True)), owed),
        Text("Document", html.pretty(said)),
    ]


AttestationAdmin.extend(sections=[judged])


def backing(request: HttpRequest, tenant: Tenant) -> list[Section]:
    """On a tenant's page: where its reserves are."""
    if not request.user.has_perm("reserves.view_reserveasset"):
        return []
    assets = ReserveAsset.objects.filter(tenant=tenant).order_by("currency", "name")[:RECENT]
    rows = [[asset_link(each), each.currency, each.provider, haircut(each.haircut_bps)] for each in assets]
    more = f"{html.list_url('reserves.reserveasset')}?tenant={tenant.pk}"
    columns = (Column("asset"), Column("backs"), Column("provider"), Column("haircut", figures=True))
    return [Table("Reserves", columns, rows, empty="None registered.", more=("All", more) if rows else None)]


TenantAdmin.extend(operations=[REGISTER], sections=[backing])
