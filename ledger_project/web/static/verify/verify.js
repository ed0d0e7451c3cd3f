// The page around receipt.js: takes a receipt in, and shows each step in words. All text is set as text, never as HTML.
import { check, obstacle, parse, readKeys } from "./receipt.js";

const MAX_FILE = 5_000_000; // bytes; receipts have some thousand
const TITLES = {
    form: "The receipt can be read",
    signature: "The ledger signed this head of its log",
    path: "The path leads from the event’s hash to the root in the checkpoint",
    content: "The event has the hash that the receipt states",
    books: "The entry balances",
};

const at = (id) => document.getElementById(id);
const published = JSON.parse(at("published-keys").textContent);

/** An element with attributes and children; strings become text. */
function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter((child) => child !== null));
    return element;
}

const code = (text) => make("code", {}, String(text));
const text = (value) => (value === null || value === undefined || value === "" ? "none" : String(value));

function facts(pairs) {
    return make("dl", {}, ...Object.entries(pairs).flatMap(([name, value]) => [
        make("dt", {}, name),
        make("dd", {}, value instanceof Node ? value : text(value)),
    ]));
}

const moment = (seconds) => {
    const date = new Date(seconds * 1000);
    return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace(".000Z", "Z");
};

// ---------------------------------------------------------------- what a step found

const DETAILS = {
    form: () => null,
    signature: ({ origin, size, key, at: time }) =>
        facts({
            Log: code(origin),
            Leaves: size,
            Key: code(key.kid),
            "Key in use": `${key.from === null ? "until" : `from ${key.from} until`} ${key.until ?? "now"}`,
            "Signed at": time === null ? "not stated" : moment(time),
        }),
    path: ({ index, size, leaf, steps, root, wanted }) => {
        const list = make("ol", { class: "path" }, make("li", {}, make("b", {}, `Leaf ${index} of ${size}`), code(leaf)));
        for (const { side, sibling, node } of steps) {
            list.append(make("li", {}, make("b", {}, `Joined on its ${side} by`), code(sibling), make("span", {}, "gives"), code(node)));
        }
        list.append(make("li", {}, make("b", {}, "Root so reached"), code(root ?? "none")));
        list.append(make("li", {}, make("b", {}, "Root in the checkpoint"), code(wanted)));
        return make("details", {}, make("summary", {}, `${steps.length} nodes from leaf ${index} to the root`), list);
    },
    content: ({ hash }) => facts({ "Hash (SHA-256)": code(hash) }),
    books: ({ postings }) => make("p", {}, postings.length ? `${postings.length} postings sum to zero in every currency.` : "The event moves no money."),
};

function stepCard(name, { ok, facts: found, reason }) {
    const state = make("span", { class: "state" }, ok ? "✓ holds" : "✗ fails");
    return make(
        "li",
        { class: ok ? "step good" : "step bad", "data-step": name, "data-ok": String(ok) },
        make("h3", {}, state, ` ${TITLES[name]}`),
        reason === null ? null : make("p", { class: "reason" }, reason),
        found && name !== "form" ? DETAILS[name](found) : null,
    );
}

// ---------------------------------------------------------------- the event in words

function postingsTable(postings) {
    const head = make("tr", {}, ...["Account", "Bucket", "Amount", "Balance after"].map((title) => make("th", { scope: "col" }, title)));
    const rows = postings.map((one) =>
        make(
            "tr",
            {},
            make("td", {}, code(text(one?.account)), one?.stripe ? ` stripe ${one.stripe}` : ""),
            make("td", { "data-title": "Bucket" }, text(one?.bucket)),
            make("td", { "data-title": "Amount", class: "amount" }, `${text(one?.amount)} ${text(one?.currency)}`),
            make("td", { "data-title": "Balance after", class: "amount" }, text(one?.balance_after)),
        ),
    );
    const caption = make("caption", {}, "Postings in minor units; debits are positive, credits negative");
    return make("table", {}, caption, make("thead", {}, head), make("tbody", {}, ...rows));
}

function eventCard({ event }, ok) {
    const entry = event.entry ?? null;
    const postings = Array.isArray(entry?.postings) ? entry.postings : [];
    return make(
        "section",
        { class: ok ? "event" : "event doubted", "aria-labelledby": "event-title" },
        make("h2", { id: "event-title" }, ok ? "The event" : "The event as this receipt tells it, which is not proven"),
        facts({
            Event: code(text(event.id)),
            Type: text(event.type),
            "Recorded at": text(event.recorded_at),
            By: text(event.actor),
            ...(entry === null ? {} : { Entry: text(entry.kind), "Effective at": text(entry.effective_at), Description: text(entry.description) }),
        }),
        postings.length ? postingsTable(postings) : null,
        make("details", {}, make("summary", {}, "The whole event"), make("pre", { tabindex: "0" }, JSON.stringify(event, null, 2))),
    );
}

// ---------------------------------------------------------------- the verdict

function verdictOf({ ok, receipt, steps }, keysOf) {
    const failed = Object.keys(steps).filter((name) => !steps[name].ok);
    if (ok) {
        const { origin, size } = steps.signature.facts;
        const place = `leaf ${receipt.log_index} of the ${size} in the log ${origin}`;
        return ["✓ This receipt is genuine", `By the keys that ${keysOf}, event ${text(receipt.event.id)} is ${place}, exactly as shown.`];
    }
    if (failed[0] === "form") return ["✗ This is not a receipt that can be checked", steps.form.reason];
    return ["✗ Do not trust this receipt", `What fails: ${failed.map((name) => TITLES[name]).join("; ")}.`];
}

function showVerdict(ok, title, words) {
    const verdict = at("verdict");
    verdict.hidden = false;
    verdict.className = ok ? "good" : "bad";
    verdict.replaceChildren(make("h2", {}, title), make("p", {}, words));
}

function show(outcome, keysOf) {
    showVerdict(outcome.ok, ...verdictOf(outcome, keysOf));
    const cards = Object.entries(outcome.steps).map(([name, step]) => stepCard(name, step));
    at("report").replaceChildren(
        ...(outcome.receipt ? [eventCard(outcome.receipt, outcome.ok)] : []),
        make("h2", {}, "Step by step"),
        make("ol", { class: "steps" }, ...cards),
    );
    at("verdict").focus();
}

let turn = 0;

/** Forget what was found; what is being found out is too late. */
function reset() {
    turn += 1;
    at("verdict").hidden = true;
    at("report").replaceChildren();
}

// ---------------------------------------------------------------- taking receipts in

async function run() {
    reset();
    const mine = turn;
    const receipt = at("receipt").value;
    if (!receipt.trim()) return;
    const own = at("keys").value.trim();
    let keys;
    try {
        keys = readKeys(own ? parse(own) : published);
    } catch (error) {
        showVerdict(false, "✗ The keys cannot be read", error.message);
        return;
    }
    const outcome = await check(receipt, keys);
    if (mine === turn) show(outcome, own ? "you gave" : "this ledger publishes"); // or another receipt has come meanwhile
}

async function takeFile(file) {
    if (!file) return;
    if (file.size > MAX_FILE) {
        showVerdict(false, "✗ This is not a receipt that can be checked", "The file is far too large for a receipt.");
        return;
    }
    at("receipt").value = await file.text();
    await run();
}

function listen() {
    const drop = at("drop");
    at("check").addEventListener("click", run);
    at("receipt").addEventListener("paste", () => setTimeout(run)); // after the text has arrived
    at("receipt").addEventListener("input", reset); // a verdict must not stand under another text
    at("keys").addEventListener("input", reset);
    at("receipt").addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
    });
    at("file").addEventListener("change", async (event) => {
        await takeFile(event.target.files[0]);
        event.target.value = ""; // so that the same file can be chosen again
    });
    at("clear").addEventListener("click", () => {
        at("receipt").value = "";
        reset();
        at("receipt").focus();
    });
    // On the whole page: a file that misses the box would be opened by the browser instead.
    document.addEventListener("dragover", (event) => {
        event.preventDefault();
        drop.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => {
        if (event.relatedTarget === null) drop.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
        event.preventDefault();
        drop.classList.remove("over");
        const [file] = event.dataTransfer.files;
        if (file) return takeFile(file);
        at("receipt").value = event.dataTransfer.getData("text/plain");
        return run();
    });
}

const reason = await obstacle();
if (reason !== null) {
    at("obstacle").hidden = false;
    at("obstacle").textContent = `${reason} Use the program ledger-verify instead.`;
    at("check").disabled = true;
} else {
    listen();
}
document.body.dataset.ready = "yes";
