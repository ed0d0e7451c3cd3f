"""The back office's site and its bases: the one module that imports Unfold.

Rows are read-only by birth, for superusers too. What changes them are operations (`web/backoffice/operations.py`):
commands, with a page that asks why.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import display_for_value, label_for_field, lookup_field, unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.contrib.filters.admin import DropdownFilter, TextFilter
from unfold.contrib.filters.forms import RangeDateForm
from unfold.dataclasses import SearchResult
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES

from ledger_project.kernel import ids
from ledger_project.kernel.errors import Refusal
from ledger_project.log.caller import Caller
from ledger_project.web.backoffice import second_factor
from ledger_project.web.backoffice.columns import Cell
from ledger_project.web.backoffice.html import Section, copying, lines, link, public_id, record_url
from ledger_project.web.backoffice.operations import ROWS_AT_ONCE, Operation, OperationForm, carry_out, explain
from ledger_project.web.backoffice.tiles import tiles_for

__all__ = [
    "AdminPasswordChangeForm",
    "DropdownFilter",
    "LedgerAdmin",
    "LedgerAdminSite",
    "RangeDateForm",
    "ReadOnlyAdmin",
    "TextFilter",
    "UserChangeForm",
    "UserCreationForm",
]

PAGE_SIZE = 50
PAGES = 200  # reachable by turning pages; older rows are reached with filters
SECTIONS = ("Books", "Journal", "Log", "Tenants", "Staff")  # of the sidebar; others follow these


class LedgerAdminSite(UnfoldAdminSite):
    """Finance staff's view of the ledger."""

    index_title = "Overview"
    index_template = "admin/dashboard.html"
    enable_nav_sidebar = True

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"tiles": tiles_for(request.user), **(extra_context or {})})

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not second_factor.missing(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Every page: a query or an address that no text column can hold is a bad request, whatever filters it."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def judged(request: HttpRequest, *args: Any, **named: Any) -> Any:
            texts = [*named.values(), *(text for values in request.GET.lists() for text in [values[0], *values[1]])]
            if any("\x00" in text for text in texts if isinstance(text, str)):
                raise BadRequest("a NUL cannot be asked for")
            return inner(request, *args, **named)

        return judged

    def get_urls(self) -> list[Any]:
        return [path("second-factor/", self.second_factor, name="second_factor"), *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The password, then the second factor where there must be one. 429 where passwords are tried too often."""
        if request.method == "GET" and super().has_permission(request) and second_factor.missing(request):
            query = urlencode({"next": second_factor.onward_of(request, reverse("admin:index"))})
            return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{query}")
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if retry_after := getattr(form, "retry_after", 0):
            response.status_code, response.headers["Retry-After"] = 429, str(retry_after)
        return response

    @method_decorator([never_cache, csrf_protect, sensitive_post_parameters()])
    def second_factor(self, request: HttpRequest) -> HttpResponse:
        onward = second_factor.onward_of(request, reverse("admin:index"))
        if not super().has_permission(request) or request.user.is_verified():  # type: ignore[union-attr]
            return HttpResponseRedirect(onward)
        return second_factor.second_factor(request, self.each_context(request), onward)

    def admins_seen_by(self, request: HttpRequest) -> "list[LedgerAdmin]":
        """The lists that this person may open, as the sidebar has them."""
        ours = [each for each in self._registry.values() if isinstance(each, LedgerAdmin)]
        seen = [each for each in ours if each.has_view_or_change_permission(request)]
        return sorted(seen, key=lambda each: (each.order, each.opts.verbose_name_plural))


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar, made of what each admin class says about itself."""
    site = admin.site
    groups: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    for each in site.admins_seen_by(request):  # type: ignore[attr-defined]
        title = capfirst(str(each.opts.verbose_name_plural))
        item = {"title": title, "icon": each.icon, "link": each.list_url()}
        groups.setdefault(each.section, []).append(item)
    overview = {"title": "", "items": [{"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}]}
    return [overview, *({"title": section, "items": items} for section, items in groups.items() if items)]


def find_anything(request: HttpRequest, term: str) -> list[SearchResult]:
    """The command palette: a row by its public id, or the first few by name."""
    term = request.GET.get("s", term).strip()  # as it was typed: ids and names know upper and lower case
    found: list[SearchResult] = []
    for each in admin.site.admins_seen_by(request):  # type: ignore[attr-defined]
        if each.in_palette and isinstance(each, ReadOnlyAdmin) and each.search_fields:
            rows, _ = each.get_search_results(request, each.get_queryset(request), term)
            kind = capfirst(str(each.opts.verbose_name))
            found += [SearchResult(str(row), kind, each.page_url(row), each.icon) for row in rows[:5]]
    return found


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a list that nobody counts: one row more than a page says whether there is another."""

    template_name = "admin/pagination_uncounted.html"
    has_more = False
    cut_off = False

    @property
    def count(self) -> int:
        """What Django believes; it is never shown."""
        return self.per_page * PAGES

    def page(self, number: int | str) -> "Page[Any]":
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        if not rows and number > 1:
            raise InvalidPage("that page has no rows")
        more = len(rows) > self.per_page
        self.has_more, self.cut_off = more and number < PAGES, more and number == PAGES
        return Page(rows[: self.per_page], number, self)


class UncountedChangeList(ChangeList):
    """A list of which only the shown page is read, with what its rows show besides their columns."""

    def get_ordering(self, request: HttpRequest, queryset: "QuerySet[Any]") -> list[Any]:
        """The order that an index has, whatever the address asks for."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count
        self.model_admin.complete(self.result_list)


class LedgerAdmin(UnfoldModelAdmin):
    """Where a list stands in the sidebar."""

    section: ClassVar[str]
    icon: ClassVar[str] = "table_rows"
    order: ClassVar[int] = 50
    in_palette: ClassVar[bool] = True  # whether Ctrl+K finds its rows

    def list_url(self) -> str:
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def page_url(self, row: Model) -> str:
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change", args=(row.pk,))


class ReadOnlyAdmin(LedgerAdmin):
    """Rows that only commands write. Its page shows `facts` and sections, and offers the operations.

    Apps above this one add to a page with `extend`: the journal puts an account's history on the account's page.
    """

    id_prefix: ClassVar[str | None] = None
    same_id: ClassVar[tuple[str, ...]] = ()  # prefixes of other kinds whose rows have the ids of these
    facts: ClassVar[Sequence[str | Cell]] = ()
    operations: ClassVar[tuple[Operation, ...]] = ()
    sections: ClassVar[tuple[Callable[[HttpRequest, Any], Iterable[Section]], ...]] = ()

    actions = ()
    list_display_links = None
    list_per_page = PAGE_SIZE
    list_max_show_all = 0
    list_disable_select_all = True
    list_filter_submit = True
    list_fullwidth = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-pk",)
    paginator = UncountedPaginator
    change_form_template = "admin/record.html"

    @classmethod
    def extend(
        cls,
        *,
        operations: Iterable[Operation] = (),
        sections: Iterable[Callable[[HttpRequest, Any], Iterable[Section]]] = (),
    ) -> None:
        """Add operations and sections to the page of these rows."""
        cls.operations = (*cls.operations, *operations)
        cls.sections = (*cls.sections, *sections)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """None: the page shows facts instead of a form."""
        return []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedChangeList

    def heading(self, row: Any) -> str:
        """What the page calls the row."""
        return str(row)

    def complete(self, rows: list[Any]) -> None:
        """Read what the rows of one page show besides their columns, in a fixed number of queries."""

    def public_id(self, row: Model) -> str:
        return ids.show(self.id_prefix, row.pk) if self.id_prefix else str(row.pk)

    def page_url(self, row: Model) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=(self.public_id(row),))

    def read_id(self, text: str) -> UUID | None:
        """The id that a text spells: public, or bare hex with or without dashes."""
        for prefix in (self.id_prefix, *self.same_id):
            if prefix and (found := ids.read(prefix, text.lower())):
                return found
        try:
            return UUID(text) if len(text) in (32, 36) else None
        except ValueError:
            return None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """A row by its public id, which its address holds, or by its bare id."""
        if self.id_prefix and (found := self.read_id(object_id)):
            object_id = str(found)
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.complete([row])
        return row

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """By id; else by what `named` finds."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if self.id_prefix and (found := self.read_id(term)):
            return queryset.filter(pk=found), False
        return self.named(queryset, term), False

    def named(self, queryset: "QuerySet[Any]", term: str) -> "QuerySet[Any]":
        """Rows by name. `*text` finds the text anywhere, which reads the whole table; else a name's beginning."""
        if not self.search_fields:
            return queryset
        (field, *_) = self.search_fields
        if term.startswith("*"):
            return queryset.filter(**{f"{field}__icontains": term.lstrip("*")})
        return queryset.filter(**{f"{field}__startswith": term})

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_operate"
        view = self.admin_site.admin_view(self.operate)
        return [path("<path:object_id>/do/<slug:command>/", view, name=name), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = kwargs["obj"]
        if row is None:  # one is being added
            return super().render_change_form(request, context, *args, **kwargs)
        context |= {
            "facts": [self._fact(name, row) for name in self.facts],
            "sections": [section for make in self.sections for section in make(request, row)],
            "operations": [(each, self._operate_url(row, each)) for each in self.offered(request, row)],
            "heading": self.heading(row),
            "title": str(row),
            "subtitle": None,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _fact(self, name: str | Cell, row: Model) -> tuple[str, Any]:
        field, _, value = lookup_field(name, row, self)
        shown = value if hasattr(value, "__html__") else display_for_value(value, "—")
        return str(label_for_field(name, self.model, self)), "—" if field is not None and value == "" else shown

    @admin.display(description="name")
    def name_and_id(self, row: Model) -> SafeString:
        return lines([link(self.page_url(row), row), public_id(self.id_prefix or "", row.pk, short=True)])

    @admin.display(description="id")
    def linked_id(self, row: Model) -> SafeString:
        return public_id(self.id_prefix or "", row.pk, href=self.page_url(row), short=True)

    @admin.display(description="id")
    def whole_id(self, row: Model) -> SafeString:
        return public_id(self.id_prefix or "", row.pk)

    @admin.display(description="name")
    def linked_name(self, row: Model) -> SafeString:
        return link(self.page_url(row), row)

    # Operations on one row.

    def offered(self, request: HttpRequest, row: Model) -> list[Operation]:
        """What this person may do to this row now."""
        allowed = (each for each in self.operations if request.user.has_perm(each.permission))
        return [each for each in allowed if each.offered(row)]

    def _operate_url(self, row: Model, operation: Operation) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_operate"
        return reverse(name, args=(self.public_id(row), operation.command))

    def operate(self, request: HttpRequest, object_id: str, command: str) -> HttpResponse:
        """The page of one operation: asks, rehearses where money moves, and does it."""
        operation = next((each for each in self.operations if each.command == command), None)
        row = self.get_object(request, unquote(object_id))
        if operation is None or row is None:
            raise Http404
        if not (self.has_view_permission(request, row) and request.user.has_perm(operation.permission)):
            raise PermissionDenied
        form = dressed(operation.form(request.POST or None, request.FILES or None, row=row))
        if request.method != "POST" or not form.is_valid():
            return self._operation_page(request, operation, form, [row])
        try:
            return self._operate(request, operation, form, row)
        except Refusal as refusal:
            form.add_error(None, explain(refusal))
            return self._operation_page(request, operation, form, [row])

    def _operate(self, request: HttpRequest, operation: Operation, form: OperationForm, row: Any) -> HttpResponse:
        public, who = self.public_id(row), staff(request)
        if operation.preview and "confirmed" not in request.POST:
            rehearsed = operation.rehearse(operation.call(row, public, form, caller=who))
            return self._operation_page(request, operation, form, [row], preview=rehearsed)
        done = operation.run(row, public, form, caller=who)
        event = ids.read("evt", done.document["id"])
        again = " (by an earlier sending of this form)" if done.replayed else ""
        shown = event and link(record_url("log.event", "evt", event), "the event")
        messages.success(request, format_html("{}: {}{} — {}", capfirst(operation.done), str(row), again, shown))
        if operation.reveal and not done.replayed:
            return self._operation_page(request, operation, form, [row], secret=operation.reveal(form))
        return HttpResponseRedirect(self.page_url(row))

    def _operation_page(
        self, request: HttpRequest, operation: Operation, form: OperationForm, rows: list[Any], **extra: Any
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{operation.label}: {rows[0]}" if len(rows) == 1 else f"{operation.label}: {len(rows)} rows",
            "opts": self.opts,
            "original": rows[0] if len(rows) == 1 else None,
            "operation": operation,
            "reviewed": operation.preview is not None,
            "form": form,
            "rows": [(str(row), self.page_url(row)) for row in rows],
            "back": self.page_url(rows[0]) if len(rows) == 1 else self.list_url(),
            "checkbox": ACTION_CHECKBOX_NAME,
            **extra,
        }
        if "secret" in extra:
            context["secret_copy"] = copying(extra["secret"])
        return TemplateResponse(request, "admin/operation.html", context)

    # Operations on some rows of the list.

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        for operation in self.operations:
            if operation.bulk and request.user.has_perm(operation.permission):
                run = partial(ReadOnlyAdmin.operate_on_many, operation=operation)
                actions[operation.command] = (run, operation.command, f"{operation.label} …")
        return actions

    def operate_on_many(
        self, request: HttpRequest, queryset: "QuerySet[Any]", *, operation: Operation
    ) -> HttpResponse | None:
        """The same for a selection: one page, one command for each row."""
        rows = list(queryset[: ROWS_AT_ONCE + 1])
        if len(rows) > ROWS_AT_ONCE:
            messages.error(request, f"At most {ROWS_AT_ONCE} rows at once; nothing was done.")
            return None
        self.complete(rows)
        form = dressed(operation.form(request.POST if "confirmed" in request.POST else None))
        if not form.is_valid():
            return self._operation_page(request, operation, form, rows, many=rows)
        outcome = carry_out(operation, [(row, self.public_id(row)) for row in rows], form, caller=staff(request))
        level = messages.SUCCESS if outcome.done == len(rows) else messages.WARNING if outcome.done else messages.ERROR
        messages.add_message(request, level, outcome.message(operation.done))
        return HttpResponseRedirect(request.get_full_path())


def staff(request: HttpRequest) -> Caller:
    """The person who is signed in."""
    return Caller.user(int(request.user.pk or 0), request.user.get_username())


def dressed(form: OperationForm) -> OperationForm:
    """The form with the theme's looks."""
    for field in form.fields.values():
        classes = SELECT_CLASSES if hasattr(field.widget, "choices") else INPUT_CLASSES
        field.widget.attrs["class"] = " ".join(classes)
    return form
