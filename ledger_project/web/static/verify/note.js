// Signed notes (c2sp.org/signed-note), checkpoints (c2sp.org/tlog-checkpoint), and the keys that sign them.

import { Wrong, encode, fromBase64, fromBase64Url, fromHex, hex, isObject, joined, same, sha256 } from "./format.js";

const SIZE = /^(0|[1-9][0-9]{0,18})$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/;
const NOT_IN_NOTES = /[\u0000-\u0009\u000b-\u001f]/;
const ED25519 = 1;
const COSIGNATURE = 4;

/** Origin, size, root and signatures of a checkpoint. */
export function readNote(note) {
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
        const bytes = fromBase64Url(String(key.x));
        if (bytes.length !== 32) throw new Wrong("The JWKS has a key that is not an Ed25519 one.");
        const [from, until] = [key.not_before, key.retired_at].map((date) => date ?? null);
        if (until !== null && secondsOf(until) === null) throw new Wrong(`The JWKS has ${until} for a date.`);
        return { bytes, kid: String(key.kid ?? hex(bytes)), from, until };
    });
}

/** POSIX seconds of an RFC 3339 text, or null. */
export function secondsOf(text) {
    const milliseconds = typeof text === "string" && TIME.test(text) ? Date.parse(text) : NaN;
    return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

/** Microseconds since 1970 of an RFC 3339 text, as a BigInt; `Date` has milliseconds only. */
export function microsecondsOf(text) {
    if (secondsOf(text) === null) throw new Wrong(`“${String(text).slice(0, 40)}” is not a moment.`);
    const [, fraction = ""] = /\.(\d+)/.exec(text) ?? [];
    return BigInt(Date.parse(text.replace(/\.\d+/, ""))) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

// ---------------------------------------------------------------- signatures

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

export async function verified(key, message, signature) {
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

/** Who signed a note that shows what was so at `moment` (seconds), and when; no known key's signature on it may be wrong. */
export async function signed(note, moment, keys) {
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
    const late = (key) => key.until !== null && secondsOf(key.until) <= Math.max(moment, stated.get(key) ?? 0);
    const key = [...signers].find((one) => !late(one));
    if (key === undefined) throw new Wrong(`The checkpoint was signed with the key ${[...signers][0].kid} after that key was retired.`);
    return { origin: note.origin, size: note.size, key, at: stated.size ? Math.max(...stated.values()) : null };
}
