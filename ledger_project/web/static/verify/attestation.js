// Checks an attestation of reserves, and the proof that an account is counted in it (docs/attestation.md), in the steps of the
// offline verifier: the signature, the checkpoint, the figures, the account.

import {
    Wrong, canonical, encode, fromBase64Url, fromHex, hex, isHash, isObject, joined, parse, requireForm, sha256, takeSteps, toBase64Url,
} from "./format.js";
import { microsecondsOf, readNote, secondsOf, signed, verified } from "./note.js";

const JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const AMOUNT = /^(0|[1-9][0-9]{0,75})$/;
const OWED = ["redeemable", "held", "escrowed", "bonded", "fee_pool", "non_redeemable_promo"];
const WHOLE = 10_000n; // basis points
const SECOND = 1_000_000n; // microseconds

const text = (value) => typeof value === "string";
const amount = (value) => text(value) && AMOUNT.test(value);
const count = (value) => Number.isSafeInteger(value) && value >= 0;
const maybe = (holds) => (value) => value === null || holds(value);
const every = (holds) => (value) => Array.isArray(value) && value.every(holds);

const HEADER = { alg: text, kid: text };
const DOCUMENT = {
    version: (value) => value === 1,
    type: (value) => value === "reserve_attestation",
    id: text,
    as_of: (value) => secondsOf(value) !== null,
    checkpoint: isObject,
    liabilities: isObject,
    assets: every(isObject),
    coverage_ratio: maybe(isObject),
    raw_reserves_total: amount,
    eligible_reserves_total: amount,
    missing_snapshot_asset_ids: every(text),
    stale_asset_ids: every(text),
    limits: every(text),
};
const CHECKPOINT = { origin: text, size: count, root: isHash, note: text };
const LIABILITIES = { ...Object.fromEntries([...OWED, "total"].map((name) => [name, amount])), leaf_count: count, sum_tree_root: isHash };
const ASSET = {
    id: text, haircut_bps: count, max_age_seconds: count, eligible: (value) => typeof value === "boolean", status: text, counted: amount,
    raw_amount: maybe(amount), raw_value: maybe(amount), age_seconds: maybe(Number.isSafeInteger), price: maybe(isObject),
    taken_at: maybe(text),
};
const PROOF = {
    version: (value) => value === 1, attestation: text, document_hash: isHash, account: text, balance: amount, salt: isHash,
    leaf_index: count, leaf_count: count, path: every((step) => isObject(step) && isHash(step.digest) && amount(step.total)),
};

export const looksLikeAttestation = (given) => JWS.test(given.trim());

function decoded(part) {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fromBase64Url(part));
    } catch {
        throw new Wrong("It is not UTF-8.");
    }
}

/** The attestation, the bytes that were signed, and the proof that came with it, all of the documented form. */
function read(jws, proof) {
    const parts = jws.trim().split(".");
    const payload = decoded(parts[1]);
    const [header, stated] = [parse(decoded(parts[0])), parse(payload)];
    if (!isObject(header) || !isObject(stated)) throw new Wrong("It is a signed document, but not an attestation.");
    requireForm(header, HEADER, "signed document");
    requireForm(stated, DOCUMENT, "attestation");
    requireForm(stated.checkpoint, CHECKPOINT, "checkpoint");
    requireForm(stated.liabilities, LIABILITIES, "statement of what is owed");
    stated.assets.forEach((asset) => requireForm(asset, ASSET, "reserve asset"));
    if (canonical(stated) !== payload) throw new Wrong("It is not canonical JSON, so it could be read in two ways.");
    return { parts, header, payload, stated, note: readNote(stated.checkpoint.note), proof: proof.trim() ? readProof(proof) : null };
}

function readProof(given) {
    const proof = parse(given);
    if (!isObject(proof)) throw new Wrong("The proof is JSON, but not the proof of an account.");
    requireForm(proof, PROOF, "proof of an account");
    return proof;
}

// ---------------------------------------------------------------- the steps

/** RFC 7638. */
async function thumbprint(key) {
    const members = { crv: "Ed25519", kty: "OKP", x: toBase64Url(key.bytes) };
    return toBase64Url(await sha256(encode(canonical(members))));
}

async function checkSignature({ parts, header, stated }, keys) {
    if (!["EdDSA", "Ed25519"].includes(header.alg) || "crit" in header) throw new Wrong(`It is not signed with Ed25519 but “${header.alg}”.`);
    for (const key of keys) {
        if ((await thumbprint(key)) !== header.kid) continue;
        if (!(await verified(key, encode(`${parts[0]}.${parts[1]}`), fromBase64Url(parts[2])))) throw new Wrong(`The key ${header.kid} did not sign it.`);
        if (key.until !== null && secondsOf(key.until) <= secondsOf(stated.as_of)) throw new Wrong(`It was signed with the key ${header.kid} after that key was retired.`);
        return { key };
    }
    throw new Wrong(`No known key has signed it: it names ${header.kid}.`);
}

async function checkCheckpoint({ stated, note }, keys) {
    const facts = await signed(note, secondsOf(stated.as_of), keys);
    const { origin, size, root } = stated.checkpoint;
    if (note.origin !== origin || note.size !== BigInt(size) || hex(note.root) !== root) {
        throw new Wrong("It does not stand at the checkpoint that it shows.");
    }
    return facts;
}

const ceilDiv = (value, by) => -(-value / by) + (value > 0n && value % by ? 1n : 0n);

/** What an asset is worth, how old that is, what becomes of it, and what it counts. */
function judged(asset, asOf) {
    if (asset.raw_amount === null) return { raw_value: null, age_seconds: null, status: "missing", counted: "0" };
    const price = asset.price ?? { num: "1", den: "1" };
    if (!amount(price.num) || !amount(price.den) || price.den === "0") throw new Wrong(`The price of asset ${asset.id} is none.`);
    const raw = (BigInt(asset.raw_amount) * BigInt(price.num)) / BigInt(price.den);
    const moments = [asset.taken_at, price.taken_at ?? asset.taken_at].map(microsecondsOf);
    const oldest = moments[0] < moments[1] ? moments[0] : moments[1];
    const age = ceilDiv(microsecondsOf(asOf) - oldest, SECOND);
    const fresh = age <= BigInt(asset.max_age_seconds) && asset.haircut_bps <= Number(WHOLE);
    const status = asset.eligible ? (fresh ? "counted" : "stale") : "ineligible";
    const counted = status === "counted" ? (raw * (WHOLE - BigInt(asset.haircut_bps))) / WHOLE : 0n;
    return { raw_value: String(raw), age_seconds: Number(age), status, counted: String(counted) };
}

const sum = (amounts) => amounts.reduce((total, one) => total + BigInt(one ?? "0"), 0n);

function ratioOf(eligible, owed) {
    if (owed === 0n) return null;
    const scaled = String((eligible * 1_000_000n) / owed).padStart(7, "0");
    return { num: String(eligible), den: String(owed), decimal: `${scaled.slice(0, -6)}.${scaled.slice(-6)}` };
}

/** Every figure follows from those that it is made of. */
export function checkFigures({ stated }) {
    const { liabilities, assets } = stated;
    const owed = sum(OWED.map((name) => liabilities[name]));
    if (owed !== BigInt(liabilities.total)) throw new Wrong(`What is owed adds up to ${owed}, not to ${liabilities.total}.`);
    for (const asset of assets) {
        for (const [name, value] of Object.entries(judged(asset, stated.as_of))) {
            if (asset[name] !== value) throw new Wrong(`Of asset ${asset.id}, ${name} is ${value}, not ${asset[name]}.`);
        }
    }
    const eligible = sum(assets.map((asset) => asset.counted));
    const expected = {
        raw_reserves_total: String(sum(assets.map((asset) => asset.raw_value))),
        eligible_reserves_total: String(eligible),
        coverage_ratio: ratioOf(eligible, owed),
        missing_snapshot_asset_ids: assets.filter((asset) => asset.raw_amount === null).map((asset) => asset.id),
        stale_asset_ids: assets.filter((asset) => (asset.age_seconds ?? 0) > asset.max_age_seconds).map((asset) => asset.id),
    };
    for (const [name, value] of Object.entries(expected)) {
        if (canonical(stated[name]) !== canonical(value)) throw new Wrong(`${name} is ${canonical(value)}, not ${canonical(stated[name])}.`);
    }
    return { owed: String(owed), eligible: String(eligible), decimal: stated.coverage_ratio?.decimal ?? null };
}

// ---------------------------------------------------------------- the sum tree

const hashed = (kind, mark, ...parts) => sha256(joined(encode(`ledger/sumtree/v1/${kind}`), Uint8Array.of(mark), ...parts));

function sized(given) {
    const bytes = encode(given);
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, bytes.length);
    return joined(new Uint8Array(length.buffer), bytes);
}

/** 32 bytes; an amount of 76 digits fits, and a sum that does not is a forger's. */
function fixed(total) {
    if (total >> 256n) throw new Wrong("The proof has a sum that no tree can have.");
    return fromHex(total.toString(16).padStart(64, "0"));
}

/** A node hashes both its children's sums, so none of them can be hidden behind a smaller one. */
async function climb(proof) {
    let [position, last] = [proof.leaf_index, proof.leaf_count - 1];
    let [digest, total] = [null, BigInt(proof.balance)];
    digest = await hashed("leaf", 0, fromHex(proof.salt), sized(proof.attestation), sized(proof.account), fixed(total));
    const path = [...proof.path];
    if (position > last) return null;
    for (; last > 0; [position, last] = [Math.floor(position / 2), Math.floor(last / 2)]) {
        const right = position % 2 === 1;
        if (!right && position === last) continue; // an odd last one rises unchanged
        const step = path.shift();
        if (step === undefined) return null;
        const [mine, other] = [[digest, fixed(total)], [fromHex(step.digest), fixed(BigInt(step.total))]];
        digest = await hashed("node", 1, ...(right ? [...other, ...mine] : [...mine, ...other]));
        total += BigInt(step.total);
    }
    return path.length ? null : { digest: hex(digest), total: String(total) };
}

async function checkCounted({ stated, payload, proof }) {
    const { liabilities } = stated;
    const mine = [proof.attestation, proof.document_hash, proof.leaf_count];
    const theirs = [stated.id, hex(await sha256(encode(payload))), liabilities.leaf_count];
    if (canonical(mine) !== canonical(theirs)) throw new Wrong("The proof belongs to another attestation.");
    const root = await climb(proof);
    if (root?.digest !== liabilities.sum_tree_root || root.total !== liabilities.total) {
        throw new Wrong(`${proof.account} is not counted with ${proof.balance}.`);
    }
    return { account: proof.account, balance: proof.balance, index: proof.leaf_index, leaves: proof.leaf_count };
}

/** As `takeSteps` says, with the attestation; the step `counted` is taken where a proof is given. */
export async function checkAttestation(jws, proof, keys) {
    const steps = { signature: checkSignature, checkpoint: checkCheckpoint, figures: checkFigures };
    if (proof.trim()) steps.counted = checkCounted;
    const { found, ...outcome } = await takeSteps(() => read(jws, proof), steps, keys);
    return { ...outcome, attestation: found?.stated ?? null, proof: found?.proof ?? null };
}
