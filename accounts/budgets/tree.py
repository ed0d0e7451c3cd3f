"""Which budgets a payment passes: those of its session key, account and prefix, and all above them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts
from ledger_project.kernel.identity import fold
from ledger_project.log.documents import load_json
from ledger_project.log.rules import Rules
from ledger_project.log.unit import Look

DEEPEST = 16  # budgets above one another


@dataclass(frozen=True, slots=True)
class Node:
    """What decides whether a payment passes a budget. `models` are patterns of models that it is for, or None."""

    id: UUID
    name: str
    currency: str
    account: UUID | None
    prefix: str | None
    session_key: UUID | None
    parent: UUID | None
    models: tuple[str, ...] | None

    def sees(self, currency: str, model: str | None) -> bool:
        """Whether a payment of this currency, for this model or for none, counts here."""
        if currency != self.currency:
            return False
        return self.models is None or (model is not None and any(fnmatchcase(model, each) for each in self.models))


@dataclass(frozen=True, slots=True)
class Tree:
    """A tenant's budgets that have not ended."""

    nodes: dict[UUID, Node] = field(default_factory=dict)
    by_account: dict[UUID, list[UUID]] = field(default_factory=dict)
    by_prefix: dict[str, list[UUID]] = field(default_factory=dict)
    by_session: dict[UUID, list[UUID]] = field(default_factory=dict)
    by_name: dict[str, UUID] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "Tree":
        tree = cls()
        for node in nodes:
            tree.nodes[node.id] = node
            tree.by_name[fold(node.name)] = node.id
            if node.account:
                tree.by_account.setdefault(node.account, []).append(node.id)
            if node.prefix:
                tree.by_prefix.setdefault(fold(node.prefix), []).append(node.id)
            if node.session_key:
                tree.by_session.setdefault(node.session_key, []).append(node.id)
        return tree

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def around(self, facts: AccountFacts) -> set[UUID]:
        """All budgets that the account stands below, whatever they see."""
        return self._up(self.by_account.get(facts.id, ())) | self.around_name(facts.name)

    def around_name(self, name: str) -> set[UUID]:
        """Those that an account of this name stands below by its name alone."""
        return self._up(self._by_name(fold(name)))

    def path(self, facts: AccountFacts, *, session_key: UUID | None = None, model: str | None = None) -> list[UUID]:
        """The budgets that a payment of the account passes, in the order of their ids, which is that of their locks."""
        named = self.by_session.get(session_key, ()) if session_key else ()
        all_of_them = self.around(facts) | self._up(named)
        return sorted(each for each in all_of_them if self.nodes[each].sees(facts.currency, model))

    def above(self, node: UUID) -> list[UUID]:
        """The budget and those above it, upwards."""
        found: list[UUID] = []
        while node in self.nodes and node not in found:
            found.append(node)
            parent = self.nodes[node].parent
            if parent is None:
                break
            node = parent
        return found

    def _up(self, nodes: Iterable[UUID]) -> set[UUID]:
        return {each for node in nodes for each in self.above(node)}

    def _by_name(self, meant: str) -> list[UUID]:
        lengths = {len(prefix) for prefix in self.by_prefix}
        return [node for length in lengths for node in self.by_prefix.get(meant[:length], ())]


def read_tree(tenant: int, look: Look) -> Tree:
    """A tenant's budgets as they are stored."""
    rows = look(
        "SELECT id, name, currency, account_id, account_prefix, session_key_id, parent_id, models"
        " FROM accounts_budget WHERE tenant_id = %s AND ended_at IS NULL",
        (tenant,),
    )
    return Tree.of(Node(*row[:7], models=_patterns(row[7])) for row in rows)  # type: ignore[misc]


def _patterns(models: Any) -> tuple[str, ...] | None:
    found = load_json(models)
    return None if found is None else tuple(found)


TREES = Rules(read_tree, Tree())
