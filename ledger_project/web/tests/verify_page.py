"""The page that checks receipts and attestations, as tests hold it."""

import json
from contextlib import contextmanager

from playwright.sync_api import expect


@contextmanager
def offline(browser, address):
    """The page with the network pulled out; complaints of the browser are collected."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{address}/verify")
    expect(page.locator("body[data-ready=yes]")).to_be_visible()
    context.set_offline(True)
    page.on("request", lambda sent: page.complaints.append(sent.url))
    yield page
    context.close()


def emptied(page):
    """The same page as it was loaded: without a network it cannot be loaded again."""
    page.complaints.clear()
    page.set_viewport_size({"width": 1280, "height": 900})
    for name in ("receipt", "proof", "keys"):
        box = page.locator(f"#{name}")
        box.evaluate("box => { box.value = ''; }")
        box.dispatch_event("input")
    return page


def submit(page, given):
    """Paste and check; the names of the steps that failed."""
    text = given if isinstance(given, str) else json.dumps(given)
    page.get_by_label("Receipt or attestation", exact=True).fill(text)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#verdict")).to_be_visible()
    return [step.get_attribute("data-step") for step in page.locator(".step[data-ok=false]").all()]


def unfold(page, summary, label, text):
    """Fill in one of the boxes that are folded away."""
    box = page.get_by_label(label)
    if not box.is_visible():
        page.get_by_text(summary).click()
    box.fill(text)


def trust(page, jwks):
    unfold(page, "Check it against keys that you kept", "Keys (JWKS)", jwks)


def other_hash(text):
    return text[:-1] + ("0" if text[-1] != "0" else "1")
