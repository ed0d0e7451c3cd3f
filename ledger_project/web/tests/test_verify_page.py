"""The page that checks receipts, in a real browser: what it believes, what it does not, and that it asks nobody."""

import copy
import json
import re

import pytest
from django.test import Client
from playwright.sync_api import expect

from ledger_project.log import sealing
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import PROJECT
from ledger_project.web.tests.verify_page import emptied, offline, other_hash, submit, trust

pytestmark = pytest.mark.slow

VECTORS = PROJECT / "client" / "tests" / "vectors"
GENUINE = "This receipt is genuine"


@pytest.fixture(scope="module")
def sealed():
    api = Api(Ledger())
    api.ledger.open("alice", funded=100)
    api.ledger.open("bob")
    api.ledger.run("transfer", from_account="alice", to_account="bob", amount=30, description="rent")
    sealing.seal()
    event = api.get("/v1/events?type=transfer.posted").json()["results"][0]["id"]
    return api.get(f"/v1/events/{event}/receipt").json()


@pytest.fixture
def receipt(sealed):
    return copy.deepcopy(sealed)


@pytest.fixture(scope="module")
def loaded(browser, address, sealed):
    with offline(browser, address) as page:  # after the receipt was sealed, as the first sealing makes the key known
        yield page


@pytest.fixture
def page(loaded):
    return emptied(loaded)


def test_a_receipt_is_believed_without_a_network(page, receipt):
    assert submit(page, receipt) == []

    verdict = page.locator("#verdict")
    expect(verdict).to_contain_text(GENUINE)
    expect(verdict).to_contain_text(f"By the keys that this ledger publishes, event {receipt['event']['id']} is leaf")
    expect(verdict).to_be_focused()
    names = [step.get_attribute("data-step") for step in page.locator(".step[data-ok=true]").all()]
    assert names == ["form", "signature", "path", "content", "books"]
    table = page.get_by_role("table").inner_text()
    for posting in receipt["event"]["entry"]["postings"]:
        assert posting["account"] in table
        assert f"{posting['amount']} {posting['currency']}" in table
    path = page.locator("[data-step=path]")
    path.locator("summary").click()
    assert path.get_by_text("Joined on its").count() == len(receipt["inclusion_path"])
    assert page.complaints == []


def flip_amount(receipt):
    receipt["event"]["entry"]["postings"][0]["amount"] += "0"


def flip_every_amount(receipt):
    for posting in receipt["event"]["entry"]["postings"]:
        posting["amount"] += "0"


def spoil_path(receipt):
    receipt["inclusion_path"][0] = other_hash(receipt["inclusion_path"][0])


def cut_path(receipt):
    receipt["inclusion_path"].pop()


def move_leaf(receipt):
    receipt["log_index"] -= 1


def spoil_signature(receipt):
    text, line = receipt["checkpoint"].split("\n\n")
    value = line.split()[2]
    spoiled = value[:20] + ("A" if value[20] != "A" else "B") + value[21:]
    receipt["checkpoint"] = f"{text}\n\n{line.replace(value, spoiled)}"


def grow_log(receipt):
    origin, size, rest = receipt["checkpoint"].split("\n", 2)
    receipt["checkpoint"] = f"{origin}\n{int(size) * 4}\n{rest}"


def rename_log(receipt):
    receipt["checkpoint"] = receipt["checkpoint"].replace("ledger.local", "ledger.lokal")


@pytest.mark.parametrize(
    ("forge", "failing"),
    [
        (flip_amount, ["content", "books"]),
        (flip_every_amount, ["content"]),
        (spoil_path, ["path"]),
        (cut_path, ["path"]),
        (move_leaf, ["path"]),
        (spoil_signature, ["signature"]),
        (rename_log, ["signature"]),
        (grow_log, ["signature", "path"]),
    ],
)
def test_a_forged_receipt_shows_which_step_fails(page, receipt, forge, failing):
    forge(receipt)

    assert submit(page, receipt) == failing

    expect(page.locator("#verdict")).to_contain_text("Do not trust this receipt")
    expect(page.get_by_text("which is not proven")).to_be_visible()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text[:-20], "not JSON"),
        (lambda text: text.replace('"actor":', '"type": "mint.posted", "actor":'), "the key “type” twice"),
        (lambda text: text.replace('"stripe": 0', '"stripe": 9007199254740993'), "the number 9007199254740993"),
        (lambda text: text.replace('"stripe": 0', '"stripe": 0.0'), "the number 0.0"),
        (lambda text: text.replace('"rent"', '"\\ud800"'), "half a character"),
        (lambda text: text + "{}", "goes on behind its end"),
        (lambda text: '{"events": []}', "“version” is missing"),
        (lambda text: text.replace('"log_index": ', '"log_index": -'), "“log_index” does not have the form"),
        (lambda text: "[" * 100 + "]" * 100, "nested too deeply"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(page, receipt, spoil, words):
    spoiled = spoil(json.dumps(receipt))
    assert spoiled != json.dumps(receipt)

    assert submit(page, spoiled) == ["form"]

    expect(page.locator("#verdict")).to_contain_text(words)
    assert page.complaints == []


def test_the_golden_receipt_verifies_with_its_own_keys_only(page):
    golden = (VECTORS / "receipt.json").read_text(encoding="utf-8")

    assert submit(page, golden) == ["signature"]

    trust(page, (VECTORS / "jwks.json").read_text(encoding="utf-8"))
    assert submit(page, golden) == []
    expect(page.locator("#verdict")).to_contain_text("By the keys that you gave")
    expect(page.locator("#verdict")).to_contain_text("leaf 9 of the 17 in the log ledger.example/log")
    expect(page.locator("[data-step=signature]")).to_contain_text("2026-11-21T09:06:30.000000Z until now")


def test_a_key_signs_nothing_after_it_was_retired(page):
    keys = json.loads((VECTORS / "jwks.json").read_text(encoding="utf-8"))
    keys["keys"][1]["retired_at"] = "2026-11-21T09:07:00.000000Z"
    trust(page, json.dumps(keys))

    assert submit(page, (VECTORS / "receipt.json").read_text(encoding="utf-8")) == ["signature"]
    expect(page.locator("[data-step=signature]")).to_contain_text("after that key was retired")


def test_the_bytes_that_are_hashed_are_the_golden_ones(page):
    vectors = json.loads((VECTORS / "canonical.json").read_text(encoding="utf-8"))
    source = "async (text) => { const {parse, canonical} = await import('/static/verify/format.js');"

    for vector in vectors:
        made = page.evaluate(source + " return canonical(parse(text)); }", json.dumps(vector["document"]))
        assert made == vector["canonical"]


def test_the_path_leads_to_the_root_from_every_leaf_of_every_small_log(page):
    grown = """async () => {
        const {hex} = await import('/static/verify/format.js');
        const {walk} = await import('/static/verify/receipt.js');
        const sha = async (...bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
        const node = (left, right) => sha(1, ...left, ...right);
        const half = (count) => { let k = 1; while (k * 2 < count) k *= 2; return k; };
        const root = async (leaves) => leaves.length === 1 ? leaves[0]
            : node(await root(leaves.slice(0, half(leaves.length))), await root(leaves.slice(half(leaves.length))));
        const path = async (m, leaves) => {
            if (leaves.length === 1) return [];
            const k = half(leaves.length), [left, right] = [leaves.slice(0, k), leaves.slice(k)];
            if (m < k) return [...await path(m, left), await root(right)];
            return [...await path(m - k, right), await root(left)];
        };
        const leaves = [];
        let wrong = 0;
        for (let size = 1; size <= 20; size++) {
            leaves.push(await sha(0, size));
            for (let m = 0; m < size; m++) {
                const walked = await walk(leaves[m], BigInt(m), BigInt(size), await path(m, leaves));
                if (!walked.root || hex(walked.root) !== hex(await root(leaves))) wrong++;
            }
        }
        return wrong;
    }"""

    assert page.evaluate(grown) == 0


def test_a_file_is_chosen_or_dropped(page, receipt, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt), encoding="utf-8")

    page.get_by_label("Or choose a file").set_input_files(file)
    expect(page.locator("#verdict")).to_contain_text(GENUINE)

    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#verdict")).to_be_hidden()
    drop = """(text) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text], "receipt.json"));
        const options = {dataTransfer, bubbles: true, cancelable: true};
        document.querySelector("#drop").dispatchEvent(new DragEvent("drop", options));
    }"""
    page.evaluate(drop, json.dumps(receipt))
    expect(page.locator("#verdict")).to_contain_text(GENUINE)


def test_a_verdict_does_not_stand_under_another_text(page, receipt):
    submit(page, receipt)

    page.get_by_label("Receipt or attestation", exact=True).press("End")
    page.keyboard.type(" ")

    expect(page.locator("#verdict")).to_be_hidden()


def test_it_is_done_with_the_keyboard_alone(page, receipt):
    page.get_by_label("Receipt or attestation", exact=True).focus()
    page.keyboard.insert_text(json.dumps(receipt))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Check")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#verdict")).to_contain_text(GENUINE)


def test_hostile_text_stays_text(page, receipt):
    receipt["event"]["entry"]["description"] = "<img src=x onerror=alert(1)>"
    receipt["event"]["__proto__"] = {"ok": True}

    assert submit(page, receipt) == ["content"]

    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert page.locator("main img").count() == 0
    assert page.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_screen(page, receipt, width):
    page.set_viewport_size({"width": width, "height": 844})
    submit(page, receipt)
    for summary in page.locator("#report summary").all():
        summary.click()

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_browser_that_cannot_says_so(browser, address):
    context = browser.new_context()
    context.add_init_script(
        "crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))"
    )
    page = context.new_page()
    page.goto(f"{address}/verify")

    expect(page.get_by_role("alert")).to_contain_text("does not know Ed25519")
    expect(page.get_by_role("button", name="Check")).to_be_disabled()
    context.close()


def test_the_page_may_load_its_own_script_and_nothing_else(receipt):
    answer = Client().get("/verify")

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.content.decode()
    assert re.findall(r'src="(?!/static/)|href="(?![/#])|href="//', text) == []
    assert "<noscript>" in text
    embedded = re.search(r'<script id="published-keys" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert embedded
    assert json.loads(embedded[1]) == Client().get("/.well-known/jwks.json").json()
    assert Client().post("/verify").status_code == 405
