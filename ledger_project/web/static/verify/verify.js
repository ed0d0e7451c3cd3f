// The page around receipt.js and attestation.js: takes in what is to be checked, and shows what report.js makes of it.
import { checkAttestation, looksLikeAttestation } from "./attestation.js";
import { make } from "./elements.js";
import { parse } from "./format.js";
import { obstacle, readKeys } from "./note.js";
import { checkReceipt } from "./receipt.js";
import { report } from "./report.js";

const MAX_FILE = 5_000_000; // bytes; receipts have some thousand

const at = (id) => document.getElementById(id);
const published = JSON.parse(at("published-keys").textContent);

function showVerdict(ok, title, words) {
    const verdict = at("verdict");
    verdict.hidden = false;
    verdict.className = ok ? "good" : "bad";
    verdict.replaceChildren(make("h2", {}, title), make("p", {}, words));
}

function show(outcome, name, keysOf) {
    const { verdict, parts } = report(outcome, name, keysOf);
    showVerdict(outcome.ok, ...verdict);
    at("report").replaceChildren(...parts);
    at("verdict").focus();
}

let turn = 0;

/** Forget what was found; what is being found out is too late. */
function reset() {
    turn += 1;
    at("verdict").hidden = true;
    at("report").replaceChildren();
}

// ---------------------------------------------------------------- taking it in

async function run() {
    reset();
    const mine = turn;
    const given = at("receipt").value;
    if (!given.trim()) return;
    const own = at("keys").value.trim();
    let keys;
    try {
        keys = readKeys(own ? parse(own) : published);
    } catch (error) {
        showVerdict(false, "✗ The keys cannot be read", error.message);
        return;
    }
    const name = looksLikeAttestation(given) ? "attestation" : "receipt";
    const outcome = await (name === "attestation" ? checkAttestation(given, at("proof").value, keys) : checkReceipt(given, keys));
    if (mine === turn) show(outcome, name, own ? "you gave" : "this ledger publishes"); // or another text has come meanwhile
}

async function takeFile(file) {
    if (!file) return;
    if (file.size > MAX_FILE) {
        showVerdict(false, "✗ This cannot be checked", "The file is far too large for a receipt or an attestation.");
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
    at("proof").addEventListener("input", reset);
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
