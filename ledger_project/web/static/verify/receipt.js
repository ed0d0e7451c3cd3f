// Checks a receipt with what the browser itself has: no network, no page, no library. It takes the steps of the offline
// verifier (client/src/ledger_client/verify.py), each for itself, so that a forgery shows which one it breaks.

import { Wrong, canonical, encode, fromHex, hex, isHash, isObject, joined, parse, requireForm, sha256, takeSteps } from "./format.js";
import { readNote, secondsOf, signed } from "./note.js";

const MAX_PATH = 64;
const AMOUNT = /^(0|-?[1-9][0-9]{0,75})$/;

const FORM = {
    version: (value) => value === 1,
    event: (value) => isObject(value) && value.version === 1,
    content_hash: isHash,
    log_index: (value) => Number.isSafeInteger(value) && value >= 0,
    inclusion_path: (value) =>
        Array.isArray(value) && value.length <= MAX_PATH && value.every(isHash),
    checkpoint: (value) => typeof value === "string",
};

/** The receipt and its note, if both have the documented form. */
function read(text) {
    const receipt = parse(text.replace(/^\ufeff/, ""));
    if (!isObject(receipt)) throw new Wrong("It is JSON, but not a receipt.");
    if (receipt.type === "reserve_attestation") throw new Wrong("It is an attestation without its signature: ask for it with ?format=jws.");
    requireForm(receipt, FORM, "receipt");
    return { receipt, note: readNote(receipt.checkpoint) };
}

const checkSignature = ({ receipt, note }, keys) => signed(note, secondsOf(receipt.event.recorded_at) ?? 0, keys);

async function checkContent({ receipt }) {
    const computed = hex(await sha256(encode(canonical(receipt.event))));
    if (computed !== receipt.content_hash) {
        throw new Wrong(`The event was changed: its hash is ${computed}, and the receipt is for ${receipt.content_hash}.`);
    }
    return { hash: computed };
}

const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

/** RFC 9162, 2.1.3.2, keeping what it came through. */
export async function walk(leaf, index, size, path) {
    let [position, last, value] = [index, size - 1n, leaf];
    const steps = [];
    if (position > last) return { steps, root: null };
    for (const sibling of path) {
        if (last === 0n) return { steps, root: null };
        const left = (position & 1n) === 1n || position === last;
        value = await (left ? nodeHash(sibling, value) : nodeHash(value, sibling));
        steps.push({ side: left ? "left" : "right", sibling: hex(sibling), node: hex(value) });
        // A last node without a sibling rises unchanged.
        while (left && position !== 0n && (position & 1n) === 0n) [position, last] = [position >> 1n, last >> 1n];
        [position, last] = [position >> 1n, last >> 1n];
    }
    return { steps, root: last === 0n ? value : null };
}

/** From the hash that the receipt states, so that a changed event and a wrong path are told apart. */
async function checkPath({ receipt, note }) {
    const leaf = await sha256(joined(Uint8Array.of(0), fromHex(receipt.content_hash)));
    const walked = await walk(leaf, BigInt(receipt.log_index), note.size, receipt.inclusion_path.map(fromHex));
    const facts = {
        index: receipt.log_index, size: note.size, leaf: hex(leaf), steps: walked.steps, wanted: hex(note.root),
        root: walked.root && hex(walked.root),
    };
    if (walked.root === null) {
        throw Object.assign(new Wrong(`A path of ${receipt.inclusion_path.length} nodes does not belong to leaf ${receipt.log_index} of ${note.size}.`), { facts });
    }
    if (facts.root !== facts.wanted) {
        throw Object.assign(new Wrong("The path leads to another root than the checkpoint's."), { facts });
    }
    return facts;
}

/** The postings, if the entry has at least two and they sum to zero in every currency. */
async function checkBooks({ receipt: { event } }) {
    const entry = event.entry ?? null;
    if (entry === null) return { postings: [] };
    const texts = (one) => ["account", "bucket", "currency"].every((name) => typeof one[name] === "string");
    const amounts = (one) => ["amount", "balance_after"].every((name) => typeof one[name] === "string" && AMOUNT.test(one[name]));
    const numbers = (one) => ["stripe", "version"].every((name) => Number.isSafeInteger(one[name]) && one[name] >= 0);
    const { postings } = entry;
    if (!Array.isArray(postings) || !postings.every((one) => isObject(one) && texts(one) && amounts(one) && numbers(one))) {
        throw new Wrong("Its postings do not have the documented form.");
    }
    if (postings.length < 2) throw new Wrong("An entry has at least two postings.");
    const sums = new Map();
    for (const one of postings) sums.set(one.currency, (sums.get(one.currency) ?? 0n) + BigInt(one.amount));
    for (const [currency, sum] of sums) {
        if (sum !== 0n) throw new Wrong(`The entry does not balance: its postings sum to ${sum} ${currency}.`);
    }
    return { postings };
}

const STEPS = { signature: checkSignature, path: checkPath, content: checkContent, books: checkBooks };

/** As `takeSteps` says, with the receipt. */
export async function checkReceipt(text, keys) {
    const { found, ...outcome } = await takeSteps(() => read(text), STEPS, keys);
    return { ...outcome, receipt: found?.receipt ?? null };
}
