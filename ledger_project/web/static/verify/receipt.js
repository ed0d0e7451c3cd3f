// Checks a receipt with what the browser itself has: no network, no page, no library. It takes the steps of the offline
// verifier (client/src/ledger_client/verify.py), each for itself, so that a forgery shows which one it breaks.

const MAX_DEPTH = 70; // a ledger hashes nothing that is nested deeper than 64
const MAX_PATH = 64;
const HASH = /^[0-9a-f]{64}$/;
const AMOUNT = /^(0|-?[1-9][0-9]{0,75})$/;
const SIZE = /^(0|[1-9][0-9]{0,18})$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/;
const NOT_IN_NOTES = /[\u0000-\u0009\u000b-\u001f]/;
const ED25519 = 1;
const COSIGNATURE = 4;

/** What is wrong with a receipt, in words for its reader. */
export class Wrong extends Error {}

const encode = (text) => new TextEncoder().encode(text);

// ---------------------------------------------------------------- bytes

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

function joined(...parts) {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
        all.set(part, at);
        at += part.length;
    }
    return all;
}

/** The bytes of canonical base64; none for anything else. */
function fromBase64(text) {
    try {
        const raw = atob(text);
        return btoa(raw) === text ? Uint8Array.from(raw, (letter) => letter.charCodeAt(0)) : new Uint8Array();
    } catch {
        return new Uint8Array();
    }
}

const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const same = (one, other) => hex(one) === hex(other);

// ---------------------------------------------------------------- JSON that means one thing only

const TOKEN = /[\u0020\t\r\n]*(?:([{}[\],:])|(true|false|null)|("(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?))/y;

/**
 * JSON.parse would keep the last of two equal keys and round what is beyond 2^53; a hash over that could be of another
 * document than the one that people read. Both are refused here, as are numbers that are no integers.
 */
export function parse(text) {
    let at = 0;
    let token;

    const next = () => {
        TOKEN.lastIndex = at;
        const match = TOKEN.exec(text);
        if (!match) throw new Wrong(`It is not JSON: unexpected text at character ${at + 1}.`);
        at = TOKEN.lastIndex;
        const [, sign, word, string, number] = match;
        token = { sign, word, string, number };
    };
    const expect = (...signs) => {
        if (!signs.includes(token.sign)) throw new Wrong(`It is not JSON: expected ${signs.join(" or ")} before character ${at + 1}.`);
        return token.sign;
    };
    const string = () => {
        if (token.string === undefined) throw new Wrong(`It is not JSON: expected a string before character ${at + 1}.`);
        const value = JSON.parse(token.string);
        if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value)) {
            throw new Wrong("It has half a character (a lone surrogate), which has no place in a hashed document.");
        }
        return value;
    };
    const integer = () => {
        const value = Number(token.number);
        if (!/^-?[0-9]+$/.test(token.number) || !Number.isSafeInteger(value)) {
            throw new Wrong(`It has the number ${token.number.slice(0, 40)}: only integers up to 2^53 - 1 mean the same everywhere.`);
        }
        return value;
    };
    const value = (depth) => {
        if (depth < 0) throw new Wrong("It is nested too deeply.");
        if (token.sign === "{") return object(depth);
        if (token.sign === "[") return list(depth);
        if (token.word) return JSON.parse(token.word);
        return token.number === undefined ? string() : integer();
    };
    const list = (depth) => {
        const items = [];
        next();
        if (token.sign === "]") return items;
        for (;;) {
            items.push(value(depth - 1));
            next();
            if (expect(",", "]") === "]") return items;
            next();
        }
    };
    const object = (depth) => {
        const document = Object.create(null); // so that "__proto__" is a key like any other
        next();
        if (token.sign === "}") return document;
        for (;;) {
            const key = string();
            if (key in document) throw new Wrong(`It has the key “${key}” twice, so it could be read in two ways.`);
            next();
            expect(":");
            next();
            document[key] = value(depth - 1);
            next();
            if (expect(",", "}") === "}") return document;
            next();
        }
    };

    next();
    const document = value(MAX_DEPTH);
    if (/[^\u0020\t\r\n]/.test(text.slice(at))) throw new Wrong(`It goes on behind its end, at character ${at + 1}.`);
    return document;
}

/** RFC 8785. Sorting by UTF-16 code units is what JavaScript does by itself, and so is the spelling of strings. */
export function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
    return `{${members.join(",")}}`;
}

// ---------------------------------------------------------------- the receipt and its note

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const FORM = {
    version: (value) => value === 1,
    event: (value) => isObject(value) && value.version === 1,
    content_hash: (value) => typeof value === "string" && HASH.test(value),
    log_index: (value) => Number.isSafeInteger(value) && value >= 0,
    inclusion_path: (value) =>
        Array.isArray(value) && value.length <= MAX_PATH && value.every((step) => typeof step === "string" && HASH.test(step)),
    checkpoint: (value) => typeof value === "string",
};

/** The receipt and its note, if both have the documented form. */
function read(text) {
    const receipt = parse(text.replace(/^\ufeff/, ""));
    if (!isObject(receipt)) throw new Wrong("It is JSON, but not a receipt.");
    for (const [name, holds] of Object.entries(FORM)) {
        if (!(name in receipt)) throw new Wrong(`It is not a whole receipt: “${name}” is missing.`);
        if (!holds(receipt[name])) throw new Wrong(`“${name}” does not have the form of a receipt of version 1.`);
    }
    return { receipt, note: readNote(receipt.checkpoint) };
}

function readNote(note) {
    const end = note.lastIndexOf("\n\n");
    if (end < 0 || !note.endsWith("\n") || NOT_IN_NOTES.test(note)) throw new Wrong("Its checkpoint is not a signed note.");
    const text = note.slice(0, end + 1);
    const lines = text.slice(0, -1).split("\n");
    const [origin, size, root] = lines;
    if (lines.length < 3 || lines.includes("") || !SIZE.test(size) || fromBase64(root).length !== 32) {
        throw new Wrong("Its checkpoint does not consist of origin, size and root.");
    }
    return { text, origin, size: BigInt(size), root: fromBase64(root), signatures: note.slice(end + 2, -1).split("\n").map(signatureOf) };
}

function signatureOf(line) {
    const [, name, encoded] = /^\u2014 ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
    const bytes = encoded === undefined ? [] : fromBase64(encoded);
    if (bytes.length < 5) throw new Wrong("Its checkpoint has a malformed signature line.");
    return { name, id: bytes.slice(0, 4), value: bytes.slice(4) };
}

/** The Ed25519 keys of a JWKS with their dates. */
export function readKeys(jwks) {
    if (!isObject(jwks) || !Array.isArray(jwks.keys)) throw new Wrong("The keys are not a JWKS: {\"keys\": […]}.");
    return jwks.keys.filter((key) => key?.kty === "OKP" && key.crv === "Ed25519").map((key) => {
        const encoded = String(key.x).replaceAll("-", "+").replaceAll("_", "/");
        const bytes = fromBase64(encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "="));
        if (bytes.length !== 32) throw new Wrong("The JWKS has a key that is not an Ed25519 one.");
        const [from, until] = [key.not_before, key.retired_at].map((date) => date ?? null);
        if (until !== null && secondsOf(until) === null) throw new Wrong(`The JWKS has ${until} for a date.`);
        return { bytes, kid: String(key.kid ?? hex(bytes)), from, until };
    });
}

/** POSIX seconds of an RFC 3339 text, or null. */
function secondsOf(text) {
    const milliseconds = typeof text === "string" && TIME.test(text) ? Date.parse(text) : NaN;
    return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

// ---------------------------------------------------------------- the steps

/** Whether this browser can do it: null, or the reason why not. */
export async function obstacle() {
    if (!globalThis.isSecureContext || !crypto.subtle) {
        return "Browsers lend their cryptography to pages over https (or on localhost) only, and this page came over plain http.";
    }
    try {
        await importKey(fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")); // RFC 8032, test 1
        return null;
    } catch {
        return "This browser does not know Ed25519 signatures. Chrome and Edge from 137, Firefox from 129 and Safari from 17 do.";
    }
}

const importKey = (bytes) => crypto.subtle.importKey("raw", bytes, { name: "Ed25519" }, false, ["verify"]);

async function verified(key, message, signature) {
    return crypto.subtle.verify({ name: "Ed25519" }, await importKey(key.bytes), signature, message);
}

async function typeOf(signature, key) {
    for (const type of [ED25519, COSIGNATURE]) {
        const id = await sha256(joined(encode(`${signature.name}\n`), Uint8Array.of(type), key.bytes));
        if (same(id.slice(0, 4), signature.id)) return type;
    }
    return null;
}

/** One line of the note, checked: the time it states (cosignatures do), or null. */
async function checkLine(note, signature, key, type) {
    let [message, value, time] = [note.text, signature.value, null];
    if (type === COSIGNATURE) {
        if (value.length !== 72) throw new Wrong(`The signature of ${signature.name} is wrong.`);
        const stated = BigInt(`0x${hex(value.slice(0, 8))}`);
        message = `cosignature/v1\ntime ${stated}\n${note.text}`;
        time = Number(stated);
        value = value.slice(8);
    }
    if (!(await verified(key, encode(message), value))) {
        throw new Wrong(`The checkpoint carries a signature in the name of ${signature.name} that its key ${key.kid} did not make.`);
    }
    return time;
}

/** Who signed the checkpoint, and when; no known key's signature on it may be wrong. */
async function checkSignature({ receipt, note }, keys) {
    const signers = new Set();
    const stated = new Map();
    for (const signature of note.signatures.filter((one) => one.name === note.origin)) {
        for (const key of keys) {
            const type = await typeOf(signature, key);
            if (type === null) continue;
            const time = await checkLine(note, signature, key, type);
            if (type === ED25519) signers.add(key);
            if (time !== null) stated.set(key, Math.max(time, stated.get(key) ?? 0));
        }
    }
    if (!signers.size) throw new Wrong(`No known key has signed this checkpoint in the name of ${note.origin}.`);
    const recorded = secondsOf(receipt.event.recorded_at) ?? 0;
    const late = (key) => key.until !== null && secondsOf(key.until) <= Math.max(recorded, stated.get(key) ?? 0);
    const key = [...signers].find((one) => !late(one));
    if (key === undefined) throw new Wrong(`The checkpoint was signed with the key ${[...signers][0].kid} after that key was retired.`);
    return { origin: note.origin, size: note.size, key, at: stated.size ? Math.max(...stated.values()) : null };
}

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

/**
 * Every step with what it found: {ok, receipt, steps: {form, signature, path, content, books}}, where a step is
 * {ok, facts, reason}. What cannot be read has the step `form` only.
 */
export async function check(text, keys) {
    const outcome = { ok: false, receipt: null, steps: {} };
    const take = async (name, doing) => {
        try {
            outcome.steps[name] = { ok: true, facts: await doing(), reason: null };
        } catch (error) {
            if (!(error instanceof Wrong)) throw error;
            outcome.steps[name] = { ok: false, facts: error.facts ?? null, reason: error.message };
        }
        return outcome.steps[name];
    };
    const form = await take("form", () => read(text));
    if (!form.ok) return outcome;
    outcome.receipt = form.facts.receipt;
    for (const [name, step] of Object.entries(STEPS)) await take(name, () => step(form.facts, keys));
    outcome.ok = Object.values(outcome.steps).every((step) => step.ok);
    return outcome;
}
