// What a check found, in words: the verdict, what was signed, and each step.

import { code, facts, major, make, table, text } from "./elements.js";

const moment = (seconds) => {
    const date = new Date(seconds * 1000);
    return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace(".000Z", "Z");
};

// ---------------------------------------------------------------- what a step found

const term = ({ from, until }) => `${from === null ? "until" : `from ${from} until`} ${until ?? "now"}`;

const signature = ({ origin, size, key, at: time }) =>
    facts({
        Log: code(origin),
        Leaves: size,
        Key: code(key.kid),
        "Key in use": term(key),
        "Signed at": time === null ? "not stated" : moment(time),
    });

function path({ index, size, leaf, steps, root, wanted }) {
    const list = make("ol", { class: "path" }, make("li", {}, make("b", {}, `Leaf ${index} of ${size}`), code(leaf)));
    for (const { side, sibling, node } of steps) {
        list.append(make("li", {}, make("b", {}, `Joined on its ${side} by`), code(sibling), make("span", {}, "gives"), code(node)));
    }
    list.append(make("li", {}, make("b", {}, "Root so reached"), code(root ?? "none")));
    list.append(make("li", {}, make("b", {}, "Root in the checkpoint"), code(wanted)));
    return make("details", {}, make("summary", {}, `${steps.length} nodes from leaf ${index} to the root`), list);
}

const RECEIPT = {
    form: ["The receipt can be read", () => null],
    signature: ["The ledger signed this head of its log", signature],
    path: ["The path leads from the event’s hash to the root in the checkpoint", path],
    content: ["The event has the hash that the receipt states", ({ hash }) => facts({ "Hash (SHA-256)": code(hash) })],
    books: [
        "The entry balances",
        ({ postings }) => make("p", {}, postings.length ? `${postings.length} postings sum to zero in every currency.` : "The event moves no money."),
    ],
};

const ATTESTATION = {
    form: ["The attestation can be read", () => null],
    signature: ["The ledger signed this attestation", ({ key }) => facts({ Key: code(key.kid), "Key in use": term(key) })],
    checkpoint: ["It stands at a head of the log that the ledger signed", signature],
    figures: [
        "Every figure follows from those it is made of",
        ({ owed, eligible, decimal }) => make("p", {}, `${eligible} of eligible reserves for ${owed} owed: ${decimal ?? "nothing is owed, so there is no ratio"}.`),
    ],
    counted: [
        "The account is counted in what is owed",
        ({ account, balance, index, leaves }) => facts({ Account: code(account), Balance: balance, Leaf: `${index} of ${leaves}` }),
    ],
};

function stepCard(name, [title, details], { ok, facts: found, reason }) {
    const state = make("span", { class: "state" }, ok ? "✓ holds" : "✗ fails");
    return make(
        "li",
        { class: ok ? "step good" : "step bad", "data-step": name, "data-ok": String(ok) },
        make("h3", {}, state, ` ${title}`),
        reason === null ? null : make("p", { class: "reason" }, reason),
        found ? details(found) : null,
    );
}

// ---------------------------------------------------------------- what was signed

function card(ok, title, doubt, whole, ...children) {
    return make(
        "section",
        { class: ok ? "signed" : "signed doubted", "aria-labelledby": "signed-title" },
        make("h2", { id: "signed-title" }, ok ? title : `${title} as ${doubt}, which is not proven`),
        ...children,
        make("details", {}, make("summary", {}, `${title}, as a whole`), make("pre", { tabindex: "0" }, JSON.stringify(whole, null, 2))),
    );
}

const POSTING = {
    Account: (one) => [code(text(one?.account)), one?.stripe ? ` stripe ${one.stripe}` : ""],
    Bucket: (one) => [text(one?.bucket)],
    Amount: (one) => [`${text(one?.amount)} ${text(one?.currency)}`],
    "Balance after": (one) => [text(one?.balance_after)],
};

function eventCard({ ok, receipt: { event } }) {
    const entry = event.entry ?? null;
    const postings = Array.isArray(entry?.postings) ? entry.postings : [];
    const caption = "Postings in minor units; debits are positive, credits negative";
    return card(
        ok,
        "The event",
        "this receipt tells it",
        event,
        facts({
            Event: code(text(event.id)),
            Type: text(event.type),
            "Recorded at": text(event.recorded_at),
            By: text(event.actor),
            ...(entry === null ? {} : { Entry: text(entry.kind), "Effective at": text(entry.effective_at), Description: text(entry.description) }),
        }),
        postings.length ? table(caption, POSTING, postings, ["Amount", "Balance after"]) : null,
    );
}

const percent = (bps) => `${(bps / 100).toFixed(2)} %`;

function attestationCard({ ok, attestation: stated }) {
    const scale = Number.isSafeInteger(stated.scale) && stated.scale >= 0 && stated.scale <= 18 ? stated.scale : 0;
    const money = (value) => `${major(value, scale)} ${text(stated.currency)}`;
    const asset = {
        Asset: (one) => [text(one.name)],
        Worth: (one) => [one.raw_value === null ? "unknown" : money(one.raw_value)],
        Haircut: (one) => [percent(one.haircut_bps)],
        Counted: (one) => [money(one.counted)],
        Status: (one) => [one.status],
    };
    const caption = `Reserves, in ${text(stated.currency)}`;
    return card(
        ok,
        "The attestation",
        "this document tells it",
        stated,
        facts({
            Attestation: code(stated.id),
            Issuer: text(stated.issuer),
            "As of": stated.as_of,
            Owed: money(stated.liabilities.total),
            "Eligible reserves": money(stated.eligible_reserves_total),
            Coverage: stated.coverage_ratio === null ? "none: nothing is owed" : text(stated.coverage_ratio.decimal),
        }),
        stated.assets.length ? table(caption, asset, stated.assets, ["Worth", "Haircut", "Counted"]) : null,
        make("h3", {}, "What it does not say"),
        make("ul", {}, ...stated.limits.map((limit) => make("li", {}, limit))),
    );
}

// ---------------------------------------------------------------- the verdict

function genuineReceipt({ receipt, steps }, keysOf) {
    const { origin, size } = steps.signature.facts;
    return `By the keys that ${keysOf}, event ${text(receipt.event.id)} is leaf ${receipt.log_index} of the ${size} in the log ${origin}, exactly as shown.`;
}

function genuineAttestation({ attestation, proof }, keysOf) {
    const counted = proof === null ? "" : ` What it owes includes the ${proof.balance} (minor units) of ${proof.account}.`;
    return `By the keys that ${keysOf}, ${text(attestation.issuer)} stated this as of ${attestation.as_of}, and its figures follow from each other.${counted}`;
}

const KINDS = {
    receipt: { named: "receipt", steps: RECEIPT, card: eventCard, genuine: genuineReceipt },
    attestation: { named: "attestation", steps: ATTESTATION, card: attestationCard, genuine: genuineAttestation },
};

function verdictOf(outcome, kind, keysOf) {
    const failed = Object.keys(outcome.steps).filter((name) => !outcome.steps[name].ok);
    if (outcome.ok) return [`✓ This ${kind.named} is genuine`, kind.genuine(outcome, keysOf)];
    if (failed[0] === "form") return [`✗ This is not ${kind.named === "receipt" ? "a" : "an"} ${kind.named} that can be checked`, outcome.steps.form.reason];
    return [`✗ Do not trust this ${kind.named}`, `What fails: ${failed.map((name) => kind.steps[name][0]).join("; ")}.`];
}

/** What to show of an outcome of a `receipt` or an `attestation`: {verdict: [title, words], parts}. */
export function report(outcome, name, keysOf) {
    const kind = KINDS[name];
    const cards = Object.entries(outcome.steps).map(([step, found]) => stepCard(step, kind.steps[step], found));
    const parts = [make("h2", {}, "Step by step"), make("ol", { class: "steps" }, ...cards)];
    return { verdict: verdictOf(outcome, kind, keysOf), parts: outcome[name] ? [kind.card(outcome), ...parts] : parts };
}
