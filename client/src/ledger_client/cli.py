"""`ledger`: the ledger from a shell. What it can do is in the table of `verbs`; this makes it into words and options.

Exit codes: 0 done, 1 refused (the code and its facts are on stderr), 2 wrong usage.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any

import click

import ledger_client
from ledger_client.errors import LedgerError
from ledger_client.verbs import FILES, READS, VERBS, Argument, Read, Verb

REFUSED = 1
EXPORTS = ("beancount", "hledger", "csv", "jsonl")


@dataclass
class Terminal:
    """How this call of the CLI reaches the ledger and shows what it answers."""

    url: str | None
    api_key: str | None
    ledger: str | None
    output: str

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """Ask the ledger. Exits with 1 when it refuses, with 2 when nothing says where it is."""
        try:
            # Imported by this use of it: `ledger --help` needs no HTTP client.
            client = ledger_client.LedgerClient(self.url, self.api_key, json_path=self.ledger)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        with closing(client):
            try:
                return question(client)
            except LedgerError as error:
                self.refuse(error)

    def refuse(self, error: LedgerError) -> None:
        if self.output == "json":
            told = {"code": error.code, "status": error.status, "title": error.title, **error.facts}
            click.echo(json.dumps(told, ensure_ascii=False), err=True)
        else:
            click.echo(f"{error.code}: {error.title}", err=True)
            for name, fact in error.facts.items():
                click.echo(f"  {name}: {_cell(fact)}", err=True)
        sys.exit(REFUSED)

    def show(self, answer: Any, columns: str = "") -> None:
        """A document, or a table of many."""
        if self.output == "json":
            click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        elif columns:
            _table(columns.split(), [[_cell(_at(row, name)) for name in columns.split()] for row in answer])
        else:
            _table(["", ""], [[name, _cell(value)] for name, value in answer.items()])


class Amount(click.ParamType[Any]):
    """A whole number of minor units; decimals and exponents are refused here already."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"-?[0-9]{1,38}", str(value), re.ASCII):
            self.fail(f"{value!r} is not a whole number of minor units", param, ctx)
        return int(value)


class Pair(click.ParamType[Any]):
    """`key=value`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, text = value.partition("=") if isinstance(value, str) else (value[0], "=", value[1])
        if not (key and equals):
            self.fail(f"{value!r} is not key=value", param, ctx)
        return key, text


class Json(click.ParamType[Any]):
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            self.fail(f"{value!r} is not JSON", param, ctx)


class FileText(click.ParamType[Any]):
    """The text of a file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        with click.File("rb").convert(value, param, ctx) as file:
            data = file.read()
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError as error:
            self.fail(f"{value!r} is not UTF-8 at byte {error.start}", param, ctx)


def _type(argument: Argument) -> Any:
    """The type of one value of an argument."""
    if argument.name in FILES:
        return FileText()
    kinds = {"amount": Amount(), "integer": int, "map": Pair(), "json": Json(), "postings": (str, str, Amount())}
    return kinds.get(argument.kind.removeprefix("list of "), str)


def _option(argument: Argument) -> click.Option:
    words = f"--{argument.name.replace('_', '-')}"
    if argument.kind == "flag":
        return click.Option([f"{words}/--no-{words[2:]}"], default=None)
    if argument.kind == "postings":
        return click.Option(
            ["--posting", "postings"],
            type=_type(argument),
            multiple=True,
            metavar="ACCOUNT BUCKET AMOUNT",
            required=argument.needed,
        )
    many = argument.kind == "map" or argument.kind.startswith("list of ")
    return click.Option([words, argument.name], type=_type(argument), multiple=many, default=None)


def _arguments(verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given on the command line, as arguments of a command; what was not given is left out."""
    kinds = {argument.name: argument.kind for argument in verb.arguments}
    shaped = {}
    for name, value in given.items():
        if value is None or value == ():
            continue
        if kinds[name] == "postings":
            value = [{"account": account, "bucket": bucket, "amount": amount} for account, bucket, amount in value]
        elif kinds[name] == "map":
            value = dict(value)
        elif kinds[name].startswith("list of "):
            value = list(value)
        shaped[name] = value
    return shaped


HOW = ("idempotency_key", "dry_run", "wait")


def _how() -> list[click.Parameter]:
    return [
        click.Option(["--idempotency-key"], help="Names this call: sent again, it is not done again."),
        click.Option(["--dry-run"], is_flag=True, help="Say what would happen, and do nothing."),
        click.Option(["--wait"], is_flag=True, help="Answer when the event is sealed into the log."),
    ]


def _ordering(verb: Verb) -> click.Command:
    """The verb as a click command."""
    in_order = [each for each in verb.arguments if each.needed and each.kind != "postings"]
    needed = [click.Argument([each.name], type=_type(each)) for each in in_order]
    options = [_option(each) for each in verb.arguments if each not in in_order]

    @click.pass_obj
    def carry_out(terminal: Terminal, /, **given: Any) -> None:
        how = {name: given.pop(name) for name in HOW}
        terminal.show(terminal.ask(lambda client: client.command(verb.command, **_arguments(verb, given), **how)))

    word = verb.words.split()[-1]
    return click.Command(
        word, callback=carry_out, params=[*needed, *options, *_how()], help=f"{verb.help} (The command {verb.command}.)"
    )


def _reading(read: Read) -> click.Command:
    places = re.findall(r"{(\w+)}", read.path)
    options: list[click.Parameter] = [click.Argument([name]) for name in places]
    options += [click.Option([f"--{name.replace('_', '-')}", name]) for name in read.filters.split()]
    if read.many:
        options.append(click.Option(["--limit"], type=click.IntRange(1), default=50, show_default=True))

    @click.pass_obj
    def answer(terminal: Terminal, /, limit: int | None = None, **given: Any) -> None:
        filters = {name: value for name, value in given.items() if name not in places and value is not None}
        if read.many:
            found = terminal.ask(lambda client: list(client.listing(read.path, limit=limit, **filters)))
        else:
            found = terminal.ask(lambda client: client.read(read.path, **{name: given[name] for name in places}))
        terminal.show(found, read.columns)

    return click.Command(read.words.split()[-1], callback=answer, params=options, help=read.help)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="LEDGER_URL", help="Where the ledger is.")
@click.option("--api-key", envvar="LEDGER_API_KEY", help="Your key; better in LEDGER_API_KEY than on the command line.")
@click.option("--ledger", type=click.Path(dir_okay=False), help="The file of a ledger on this machine [var/up.json].")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.version_option(package_name="ledger-client", prog_name="ledger")
@click.pass_context
def ledger(context: click.Context, url: str | None, api_key: str | None, ledger: str | None, output: str) -> None:
    """Balances, transfers, holds and the rest of the ledger. Amounts are whole minor units."""
    context.obj = Terminal(url, api_key, ledger, output)


@ledger.command("create-account")
@click.argument("account")
@click.option("--balance", type=Amount(), default=0, help="What it begins with; new money is issued for it.")
@click.option("--currency")
@click.option("--idempotency-key")
@click.pass_obj
def create_account(
    terminal: Terminal, account: str, balance: int, currency: str | None, idempotency_key: str | None
) -> None:
    """Open a new account."""
    key = {"idempotency_key": idempotency_key}
    terminal.show(terminal.ask(lambda client: client.create_account(account, balance, currency=currency, **key)))


@ledger.command("balance")
@click.argument("account")
@click.pass_obj
def balance(terminal: Terminal, account: str) -> None:
    """What an account has, by buckets."""
    terminal.show(terminal.ask(lambda client: client.balance(account)))


@ledger.command("history")
@click.option("--account")
@click.option("--job-id")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True)
@click.pass_obj
def history(terminal: Terminal, account: str | None, job_id: str | None, limit: int) -> None:
    """Transfers, newest first."""
    found = terminal.ask(lambda client: list(client.transfers(account, job_id=job_id, limit=limit)))
    terminal.show(found, "timestamp from_account to_account amount currency job_id note id")


@ledger.command("credit")
@click.argument("account")
@click.argument("amount", type=Amount())
@click.option("--reason")
@click.option("--idempotency-key")
@click.pass_obj
def credit(terminal: Terminal, account: str, amount: int, reason: str | None, idempotency_key: str | None) -> None:
    """Issue new money into an account."""
    key = {"idempotency_key": idempotency_key}
    terminal.show(terminal.ask(lambda client: client.credit(account, amount, reason, **key)))


@ledger.command("receipt")
@click.argument("event")
@click.pass_obj
def receipt(terminal: Terminal, event: str) -> None:
    """The proof that an event is in the sealed log, as JSON for `ledger-verify receipt`."""
    click.echo(json.dumps(terminal.ask(lambda client: client.receipt(event)), ensure_ascii=False))


@ledger.command("export")
@click.argument("export", type=click.Choice(EXPORTS))
@click.option("--period", help="A year, a month or a day of effective time: 2026-10.")
@click.option("--from", "since", help="Effective at this RFC 3339 time or later.")
@click.option("--to", "until", help="Effective before this RFC 3339 time.")
@click.option("--file", type=click.File("wb", lazy=True), default="-", help="Where to write [standard output].")
@click.pass_obj
def export(
    terminal: Terminal, export: str, period: str | None, since: str | None, until: str | None, file: IO[bytes]
) -> None:
    """The books for another tool."""
    given = {"period": period, "from": since, "to": until}
    terminal.ask(lambda client: file.writelines(client.download(f"/v1/exports/{export}", **given)))


@ledger.command("run")
@click.argument("command")
@click.argument("arguments", nargs=-1, type=Pair())
@click.option("--idempotency-key")
@click.option("--dry-run", is_flag=True)
@click.option("--wait", is_flag=True)
@click.pass_obj
def run(terminal: Terminal, /, command: str, arguments: Iterable[tuple[str, str]], **how: Any) -> None:
    """Any command of the ledger with key=value …; a value that begins like JSON ({, [, true, false) is read as JSON."""
    given = {name: _value(text) for name, text in arguments}
    terminal.show(terminal.ask(lambda client: client.command(command, **given, **how)))


def _value(text: str) -> Any:
    if text[:1] in ("{", "[") or text in ("true", "false"):
        return Json().convert(text, None, None)
    return text


def _add(words: str, command: click.Command) -> None:
    """Put a verb under its nouns."""
    group: click.Group = ledger
    for noun in words.split()[:-1]:
        inner = group.commands.get(noun)
        if not isinstance(inner, click.Group):
            inner = click.Group(noun, help=f"Verbs of {noun}.")
            group.add_command(inner)
        group = inner
    group.add_command(command)


for _verb in VERBS:
    _add(_verb.words, _ordering(_verb))
for _read in READS:
    _add(_read.words, _reading(_read))


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else str(value)


def _table(columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, show_header=any(columns), box=None, pad_edge=False)
    for row in rows:
        # Text, because an account's name may look like rich's markup.
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)


if __name__ == "__main__":
    ledger()
