"""Statements are read exactly, or refused with the line and the field; what is hostile is refused unread."""

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal.external import formats
from journal.external.errors import MalformedStatement
from journal.external.statement import MAX_LINES, Mapping
from ledger_project.kernel import money

HEADER = "date,amount,reference,description\n"


def read(content, format="csv", scale=2, currency="EUR", **mapping):
    return formats.read(content, format=format, mapping=mapping).of(scale, currency)


def told(content, **options):
    lines = read(content, **options).lines
    return [(line.number, line.date.isoformat(), line.amount, line.reference, line.description) for line in lines]


def place(content, **options):
    """Where a statement is refused."""
    with pytest.raises(MalformedStatement) as refused:
        read(content, **options)
    assert refused.value.facts["reason"]
    return refused.value.facts["line"], refused.value.facts["field"]


# CSV


def test_a_german_banks_csv_by_its_mapping():
    content = (
        "\ufeffBuchungstag;Verwendung;Soll;Haben;Text\r\n"
        '05.10.2026;"INV-1";;1234,50;"two\r\nlines;  here"\r\n'
        "\r\n"
        "6.10.2026;;7,00;;fee\r\n"
    )
    mapping = {"date": "Buchungstag", "reference": "Verwendung", "description": "Text", "credit": "Haben"}
    how = {"debit": "Soll", "date_order": "DMY", "decimal": ",", "delimiter": ";"}

    assert told(content, **mapping, **how) == [
        (1, "2026-10-05", 123450, "INV-1", "two lines; here"),
        (2, "2026-10-06", -700, "", "fee"),
    ]


def test_a_chains_export_in_base_units_and_times():
    content = f"{HEADER}2026-10-01T23:30:00-02:00,123456789012345678901234567890,0xabc,in\n"

    assert told(content, scale=18, minor_units=True) == [
        (1, "2026-10-02", 123456789012345678901234567890, "0xabc", "in")
    ]
    assert told(f"{HEADER}20261001,1.50,,\n", inverted=True)[0][2] == -150


MALFORMED_CSV = {
    "float": (f"{HEADER}2026-10-01,1e3,,\n", 2, "amount"),
    "thousands": (f'{HEADER}2026-10-01,"1,234.50",,\n', 2, "amount"),
    "too exact": (f"{HEADER}2026-10-01,1.00,,\n2026-10-01,1.005,,\n", 3, "amount"),
    "empty amount": (f"{HEADER}2026-10-01,,,\n", 2, "amount"),
    "other digits": (f"{HEADER}2026-10-01,١٢,,\n", 2, "amount"),
    "39 digits": (f"{HEADER}2026-10-01,{'9' * 37}.00,,\n", 2, "amount"),
    "nan": (f"{HEADER}2026-10-01,NaN,,\n", 2, "amount"),
    "no such day": (f"{HEADER}2026-02-30,1,,\n", 2, "date"),
    "another order": (f"{HEADER}01-10-2026,1,,\n", 2, "date"),
    "two digits of a year": (f"{HEADER}26-10-01,1,,\n", 2, "date"),
    "too few fields": (f"{HEADER}2026-10-01,1\n", 2, "line"),
    "open quote": (f'{HEADER}2026-10-01,1,"x,\n', 2, "line"),
    "no column": ("date,sum\n2026-10-01,1\n", 1, "amount"),
    "a column twice": ("date,amount,amount\n", 1, "amount"),
    "only a header": (HEADER, 1, "lines"),
    "nothing": ("\n", 1, "date"),
    "control character": (f"{HEADER}2026-10-01,1,a\x1bb,\n", 2, "reference"),
    "long": (f"{HEADER}2026-10-01,1,{'x' * 256},\n", 2, "reference"),
    "too many": (HEADER + "2026-10-01,1,,\n" * (MAX_LINES + 1), MAX_LINES + 1, "lines"),
}


@pytest.mark.parametrize("name", MALFORMED_CSV)
def test_a_malformed_csv_is_refused_at_its_place(name):
    content, line, field = MALFORMED_CSV[name]

    assert place(content) == (line, field)


def test_two_amounts_of_one_line_are_refused():
    assert place("date,in,out\n2026-10-01,1,2\n", credit="in", debit="out", reference=None, description=None) == (
        2,
        "in",
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(1 - money.LIMIT, money.LIMIT - 1), st.sampled_from([0, 2, 8, 18, 36]), st.sampled_from([".", ","]))
def test_every_amount_is_read_to_the_last_digit(amount, scale, decimal):
    text = money.to_decimal(amount, scale).replace(".", decimal)

    line = read(f"date;amount\n2026-10-01;{text}\n", scale=scale, delimiter=";", decimal=decimal).lines[0]

    assert line.amount == amount


# JSON


def test_json_numbers_are_read_as_they_are_written():
    lines = [{"date": "2026-10-01", "amount": "AMOUNT", "reference": 17, "description": None}]
    content = json.dumps({"lines": lines}).replace('"AMOUNT"', "90071992547409931234.10")

    assert told(content, format="json") == [(1, "2026-10-01", 9007199254740993123410, "17", "")]


MALFORMED_JSON = {
    "cut off": ('[\n{"date": "2026-10-01",', 2, "line"),
    "no list": ('{"rows": []}', 1, "lines"),
    "no object": ("[1]", 1, "line"),
    "no amount": ('[{"date": "2026-10-01"}]', 1, "amount"),
    "an exponent": ('[{"date": "2026-10-01", "amount": 1e2}]', 1, "amount"),
    "a flag": ('[{"date": "2026-10-01", "amount": true}]', 1, "amount"),
    "infinity": ('[{"date": "2026-10-01", "amount": Infinity}]', 1, "line"),
    "twice": ('[{"date": "2026-10-01", "amount": 1, "amount": 2}]', 1, "amount"),
    "deep": ("[" * 100_000, 1, "lines"),
    "the second": ('[{"date": "2026-10-01", "amount": 1}, {"date": "x", "amount": 1}]', 2, "date"),
}


@pytest.mark.parametrize("name", MALFORMED_JSON)
def test_a_malformed_json_is_refused_at_its_place(name):
    content, line, field = MALFORMED_JSON[name]

    assert place(content, format="json") == (line, field)


# camt.053

ENTRY = """
<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>2026-10-0{day}</Dt></BookgDt><AcctSvcrRef>bank-{day}</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><RmtInf><Ustrd>for &amp; because</Ustrd></RmtInf>
</TxDtls></NtryDtls></Ntry>"""
BALANCE = (
    '<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>'
)


def entry(amount="10.00", side="CRDT", status="BOOK", day=1, reference="INV-1"):
    return ENTRY.format(amount=amount, side=side, status=status, day=day, reference=reference)


def camt(*entries, opening="100.00", closing="105.00", before=""):
    body = BALANCE.format(code="OPBD", amount=opening) + BALANCE.format(code="CLBD", amount=closing) + "".join(entries)
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
    return (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{before}'
        f'<Document xmlns="{space}"><BkToCstmrStmt><Stmt>{body}</Stmt></BkToCstmrStmt></Document>'
    )


def test_camt_053_is_read_with_its_sides_references_and_balances():
    content = camt(
        entry(),
        entry("5.00", "DBIT", "<Cd>BOOK</Cd>", day=2, reference="NOTPROVIDED"),
        entry("99.00", status="PDNG", day=3),
    )

    assert told(content, format="camt053") == [
        (1, "2026-10-01", 1000, "INV-1", "for & because"),
        (2, "2026-10-02", -500, "bank-2", "for & because"),
    ]
    statement = read(content, format="camt053")
    assert (statement.opening, statement.closing) == (10000, 10500)


MALFORMED_CAMT = {
    "does not add up": (camt(entry(), closing="110.01"), "closing balance"),
    "another currency": (camt(entry().replace('"EUR"', '"USD"')), "Ccy"),
    "no side": (camt(entry(side="OTHR")), "CdtDbtInd"),
    "an exponent": (camt(entry("1E1")), "Amt"),
    "no date": (camt(entry().replace("BookgDt", "SomeDt")), "BookgDt"),
    "not closed": (camt(entry())[:-5], "line"),
    "no statement": ("<Document/>", "Stmt"),
    "other XML": ("<html/>", "Stmt"),
    "no XML": ("date,amount", "line"),
    "deep": ("<a>" * 1000, "a"),
}


@pytest.mark.parametrize("name", MALFORMED_CAMT)
def test_a_malformed_camt_is_refused_at_its_place(name):
    content, field = MALFORMED_CAMT[name]

    assert place(content, format="camt053")[1] == field


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
HOSTILE = {
    "billion laughs": f'<!DOCTYPE d [<!ENTITY l0 "lol">{LAUGHS}]>\n<d>&l9;</d>',
    "quadratic": f'<!DOCTYPE d [<!ENTITY a "{"a" * 100_000}">]>\n<d>{"&a;" * 10_000}</d>',
    "a file": '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<d>&x;</d>',
    "an address": '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/evil.dtd">\n<d/>',
    "a parameter entity": '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>\n<d/>',
}


@pytest.mark.parametrize("format", ["camt053", "ofx"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_refused_at_its_doctype(name, format):
    assert place(HOSTILE[name], format=format) == (1, "DOCTYPE")


def test_an_entity_that_nobody_declared_is_no_xml():
    assert place(camt(entry(reference="&xxe;")), format="camt053")[1] == "line"


# OFX

SGML = """OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKTRANLIST>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261001120000[-5:EST]<TRNAMT>+10.00<FITID>f-1<NAME>Smith &amp; Co</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261002<TRNAMT>-5,5<FITID>f-2<CHECKNUM>77<MEMO>rent</STMTTRN>
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
XML = SGML.partition("\n\n")[2].replace("<CURDEF>EUR", "<CURDEF>EUR</CURDEF>")


@pytest.mark.parametrize("content", [SGML, f'<?xml version="1.0"?><?OFX OFXHEADER="200"?>{XML}'], ids=["1.x", "2.x"])
def test_ofx_of_both_generations(content):
    assert told(content, format="ofx") == [
        (1, "2026-10-01", 1000, "f-1", "Smith & Co"),
        (2, "2026-10-02", -550, "77", "rent"),
    ]


MALFORMED_OFX = {
    "another currency": (SGML.replace("EUR", "USD"), 4, "CURDEF"),
    "no amount": (SGML.replace("<TRNAMT>-5,5", ""), 6, "TRNAMT"),
    "an exponent": (SGML.replace("-5,5", "-5e5"), 6, "TRNAMT"),
    "no such day": (SGML.replace("20261002", "20261302"), 6, "DTPOSTED"),
    "not closed": (SGML.replace("</STMTTRN>", ""), 5, "STMTTRN"),
    "two statements": (SGML + SGML, 11, "STMTRS"),
    "no statement": ("date,amount", 1, "STMTRS"),
}


@pytest.mark.parametrize("name", MALFORMED_OFX)
def test_a_malformed_ofx_is_refused_at_its_place(name):
    content, line, field = MALFORMED_OFX[name]

    assert place(content, format="ofx") == (line, field)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(formats.READERS)), st.text(max_size=200))
def test_whatever_comes_that_is_no_statement_is_refused_with_its_line(format, content):
    assert place(content, format=format)[0] > 0


def test_a_mapping_is_made_of_its_defaults():
    assert Mapping().required == ["date", "amount"]
    assert read(f"{HEADER}2026-10-01,1,,\n").lines[0].date == date(2026, 10, 1)
