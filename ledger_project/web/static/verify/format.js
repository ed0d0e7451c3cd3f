// Bytes, and JSON that means one thing only: what every check here stands on.

const MAX_DEPTH = 70; // a ledger hashes nothing that is nested deeper than 64

/** What is wrong with a document, in words for its reader. */
export class Wrong extends Error {}

export const encode = (text) => new TextEncoder().encode(text);

// ---------------------------------------------------------------- bytes

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

export function joined(...parts) {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
        all.set(part, at);
        at += part.length;
    }
    return all;
}

/** The bytes of canonical base64; none for anything else. */
export function fromBase64(text) {
    try {
        const raw = atob(text);
        return btoa(raw) === text ? Uint8Array.from(raw, (letter) => letter.charCodeAt(0)) : new Uint8Array();
    } catch {
        return new Uint8Array();
    }
}

/** The same for base64 with the alphabet of URLs and without padding (RFC 4648, section 5), as JWS and JWK have it. */
export function fromBase64Url(text) {
    const plain = text.replaceAll("-", "+").replaceAll("_", "/");
    return fromBase64(plain.padEnd(Math.ceil(plain.length / 4) * 4, "="));
}

export const toBase64Url = (bytes) =>
    btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
export const same = (one, other) => hex(one) === hex(other);

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

const HASH = /^[0-9a-f]{64}$/;

export const isHash = (value) => typeof value === "string" && HASH.test(value);
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Every member that `form` names is there and holds; `what` says of what it is. */
export function requireForm(document, form, what) {
    for (const [name, holds] of Object.entries(form)) {
        if (!(name in document)) throw new Wrong(`It is not a whole ${what}: “${name}” is missing.`);
        if (!holds(document[name])) throw new Wrong(`“${name}” does not have the form of a ${what} of version 1.`);
    }
}

// ---------------------------------------------------------------- steps

/**
 * Every step with what it found: {ok, found, steps: {form, …}}, where a step is {ok, facts, reason}. What cannot be read
 * has the step `form` only; whatever else fails keeps no other step from being taken.
 */
export async function takeSteps(read, checks, keys) {
    const outcome = { ok: false, found: null, steps: {} };
    const take = async (name, doing) => {
        try {
            outcome.steps[name] = { ok: true, facts: await doing(), reason: null };
        } catch (error) {
            if (!(error instanceof Wrong)) throw error;
            outcome.steps[name] = { ok: false, facts: error.facts ?? null, reason: error.message };
        }
        return outcome.steps[name];
    };
    const form = await take("form", read);
    if (!form.ok) return outcome;
    outcome.found = form.facts;
    for (const [name, check] of Object.entries(checks)) await take(name, () => check(outcome.found, keys));
    outcome.ok = Object.values(outcome.steps).every((step) => step.ok);
    return outcome;
}
