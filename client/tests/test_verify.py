"""The verifier against the golden vectors, the ledger's own modules, and everything that a forger could do."""

import copy
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_client import verify
from story import LOG_KEY, OLD_KEY, SEALED_AT, WITNESS, Sealed, Story, export, tell
from vectors.make import vectors

from ledger_project.kernel import canonical, merkle, notes
from ledger_project.kernel.keys import PublishedKey, jwks

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parent / "vectors"
KEY = str(LOG_KEY.verifier)

Lines = list[dict[str, Any]]


class Desk:
    """An auditor's desk: files, and one way to have them verified."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.capsys = capsys

    def file(self, name: str, content: Any) -> Path:
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def run(self, command: str, content: Any, *options: Any) -> dict[str, Any]:
        keys = [] if "--key" in options or "--jwks" in options else ["--key", KEY]
        path = content if isinstance(content, Path) else self.file("document", content)
        code = verify.main([command, str(path), *keys, *map(str, options), "--json"])
        report: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        assert report["exit_code"] == code
        assert report["ok"] is (code == 0)
        return report

    def log(self, lines: Lines, *options: Any) -> tuple[int, int | None]:
        """Exit code and the index that was named."""
        report = self.run("log", export(lines), *options)
        return report["exit_code"], report.get("failure", {}).get("log_index")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


# ---------------------------------------------------------------- golden vectors


def test_the_golden_vectors_are_still_what_is_written() -> None:
    for name, content in vectors().items():
        assert (VECTORS / name).read_text(encoding="utf-8") == content, name


@pytest.mark.parametrize("trust", [["--key", KEY, "--key", str(OLD_KEY.verifier)], ["--jwks", VECTORS / "jwks.json"]])
def test_the_golden_vectors_verify(desk: Desk, trust: list[Any]) -> None:
    old = ["--prev-checkpoint", VECTORS / "old-checkpoint.note"]
    new = ["--checkpoint", VECTORS / "checkpoint.note"]
    proof = ["--consistency", VECTORS / "consistency.json"]
    assert desk.run("checkpoint", VECTORS / "checkpoint.note", *trust, *old, *proof)["ok"]
    assert desk.run("receipt", VECTORS / "receipt.json", *trust, *new)["ok"]
    report = desk.run("log", VECTORS / "log.jsonl", *trust, *old, *new)
    assert report["ok"]
    assert {one["name"]: one["balances"] for one in report["balances"].values()} == {
        "issuance": {"available": "-107"},
        "alice": {"available": "5", "credit_used": "0", "held": "0"},
        "shop": {"available": "102"},
        "cash": {"available": "99999999999999999999999999999999999899"},
        "card fees": {"available": "100"},
        "sales": {"available": "99999999999999999999999999999999999999"},
    }


def test_the_file_works_alone(tmp_path: Path) -> None:
    for name in ("log.jsonl", "receipt.json", "jwks.json"):
        shutil.copy(VECTORS / name, tmp_path)
    shutil.copy(verify.__file__, tmp_path / "verify.py")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        # -I: neither this checkout nor the environment can help it.
        command = [sys.executable, "-I", "verify.py", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = run("log", "log.jsonl", "--jwks", "jwks.json")
    assert (good.returncode, good.stderr) == (0, "")
    assert "ok    8 entries balance" in good.stdout

    receipt = tmp_path / "receipt.json"
    receipt.write_text(receipt.read_text().replace('"amount": "30"', '"amount": "31"'))
    bad = run("receipt", "receipt.json", "--jwks", "jwks.json")
    assert bad.returncode == 12
    assert bad.stderr == "FAIL  leaf_mismatch at log index 9: the event is not the one that was hashed\n"
    assert run().returncode == 2
    assert run("receipt", "receipt.json").returncode == 2


def test_only_cryptography_and_the_standard_library_are_imported() -> None:
    source = Path(verify.__file__).read_text(encoding="utf-8")
    modules = set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    assert modules - set(sys.stdlib_module_names) == {"cryptography"}


# ---------------------------------------------------------------- its own copies against the ledger's modules

text = st.text(st.sampled_from('aZ~\x00\x1f\x7f"\\/\n\té\u2028\ud7ff\ue000\uffff\U00010000\U0010ffff'))
scalars = st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | text
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=30)


@given(documents)
def test_canonical_json_is_that_of_the_ledger(document: Any) -> None:
    assert verify.canonical(document) == canonical.canonical(document)


def test_canonical_json_of_the_vectors() -> None:
    for vector in json.loads((VECTORS / "canonical.json").read_text()):
        assert verify.canonical(vector["document"]).decode() == vector["canonical"]
        assert verify.content_hash(vector["document"]) == bytes.fromhex(vector["sha256"])


@pytest.mark.parametrize("document", [1.5, float("nan"), 2**53, "\ud800", {"\udc00": 1}])
def test_what_has_no_canonical_form_has_no_hash(document: Any) -> None:
    assert verify.content_hash({"a": [document]}) is None


def test_deepest_document_of_the_ledger_can_be_verified() -> None:
    document: Any = "bottom"
    for _ in range(canonical.MAX_DEPTH):
        document = [document]
    assert verify.canonical(document) == canonical.canonical(document)


def test_proofs_are_judged_as_the_ledger_judges_them() -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(20)]
    nodes = {(level, index): value for level, index, value in merkle.append(0, leaves, {})}
    dice = random.Random(6962)
    tree = verify.Tree()
    for size in range(1, 21):
        tree.add(leaves[size - 1])
        root = merkle.root(size, nodes)
        assert tree.root() == root
        for index in range(size):
            path = merkle.inclusion_path(index, size, nodes)
            assert verify.verify_inclusion(leaves[index], index, size, path, root)
            for at, of, wrong in damaged(index, size, path, dice):
                verdict = merkle.verify_inclusion(leaves[index], at, of, wrong, root)
                assert verify.verify_inclusion(leaves[index], at, of, wrong, root) == verdict
        for old in range(size + 1):
            path = merkle.consistency_path(old, size, nodes)
            old_root = merkle.root(old, nodes)
            assert verify.verify_consistency(old, old_root, size, root, path)
            for at, of, wrong in damaged(old, size, path, dice):
                verdict = merkle.verify_consistency(at, old_root, of, root, wrong)
                assert verify.verify_consistency(at, old_root, of, root, wrong) == verdict


def damaged(index: int, size: int, path: list[bytes], dice: random.Random) -> list[tuple[int, int, list[bytes]]]:
    return [
        (index + 1, size, path),
        (index - 1, size, path),
        (index, size + 1, path),
        (index, size - 1, path),
        (index, size, [*path, bytes(32)]),
        (index, size, path[:-1]),
        (index, size, [dice.randbytes(32), *path[1:]]),
        (index, size, path[::-1]),
    ]


# The root of eight leaves and a path, of the certificate-transparency reference implementation.
def test_reference_vectors_of_certificate_transparency() -> None:
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tree = verify.Tree()
    assert tree.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for one in data:
        tree.add(verify.leaf_hash(bytes.fromhex(one)))
    root = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
    assert tree.root() == root
    path = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    leaf = verify.leaf_hash(bytes.fromhex("40414243"))
    assert verify.verify_inclusion(leaf, 5, 8, [bytes.fromhex(one) for one in path], root)
    old_root = bytes.fromhex("76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef")
    proof = ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", *path[1:]]
    assert verify.verify_consistency(6, old_root, 8, root, [bytes.fromhex(one) for one in proof])


# ---------------------------------------------------------------- signatures (10) and age (20)


def test_any_damaged_character_of_a_checkpoint_is_judged_as_the_ledger_judges_it() -> None:
    note = Sealed(tell().events).note()
    mine, theirs = [verify.parse_vkey(KEY)], [LOG_KEY.verifier, LOG_KEY.cosigner]
    for place, character in enumerate(note):
        wrong = note[:place] + ("A" if character != "A" else "B") + note[place + 1 :]
        assert opens(lambda: verify.open_checkpoint(wrong, mine, "it")) == opens(  # noqa: B023
            lambda: notes.open_checkpoint(wrong, theirs)  # noqa: B023
        )


def opens(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (verify.Failure, notes.UnverifiedNote, notes.MalformedNote):
        return False
    return True


def test_another_key_is_not_the_ledgers(desk: Desk) -> None:
    sealed = Sealed(tell().events)
    assert desk.run("checkpoint", sealed.note(), "--key", OLD_KEY.verifier)["exit_code"] == 10
    assert desk.run("checkpoint", sealed.note(), "--key", WITNESS.cosigner)["exit_code"] == 10
    assert desk.run("receipt", sealed.receipt(5), "--key", OLD_KEY.verifier)["exit_code"] == 10
    assert desk.run("log", export(sealed.lines()), "--key", OLD_KEY.verifier)["exit_code"] == 10
    # The same key under the name of another log.
    other = notes.VerifierKey("other.example/log", LOG_KEY.verifier.public_key)
    assert desk.run("checkpoint", sealed.note(), "--key", other)["exit_code"] == 10


def test_a_changed_checkpoint_is_a_wrong_signature(desk: Desk) -> None:
    note = Sealed(tell().events).note()
    assert desk.run("checkpoint", note.replace("\n17\n", "\n18\n"))["exit_code"] == 10


def test_one_wrong_signature_condemns_even_beside_a_right_one(desk: Desk) -> None:
    sealed = Sealed(tell().events)
    foreign = sealed.note(5, signer=OLD_KEY, time=None).splitlines(keepends=True)[-1]
    report = desk.run("checkpoint", sealed.note() + foreign, "--key", KEY, "--key", OLD_KEY.verifier)
    assert report["exit_code"] == 10


def test_a_key_that_was_retired_signs_nothing_newer(desk: Desk) -> None:
    sealed = Sealed(tell().events)

    def trusting(retired_at: str) -> Path:
        key = PublishedKey(LOG_KEY.verifier.public_key)
        document = jwks([key])
        document["keys"][0]["retired_at"] = retired_at
        return desk.file("jwks.json", document)

    early, late = trusting("2026-11-21T09:02:00Z"), "2026-11-21T10:00:01Z"
    assert desk.run("receipt", sealed.receipt(5), "--jwks", early)["exit_code"] == 10
    assert desk.run("log", export(sealed.lines()), "--jwks", early)["exit_code"] == 10
    assert desk.run("checkpoint", sealed.note(), "--jwks", early)["exit_code"] == 10
    assert desk.run("checkpoint", sealed.note(time=None), "--jwks", early)["ok"]
    assert desk.run("log", export(sealed.lines()), "--jwks", trusting(late))["ok"]


def test_age_is_taken_from_the_newest_cosignature(desk: Desk) -> None:
    sealed = Sealed(tell().events)
    later = desk.file("later.note", notes.cosign(sealed.note(), WITNESS, time=SEALED_AT + 50))

    def code(note: Any, now: int, *options: Any) -> int:
        report = desk.run("checkpoint", note, "--max-age", 60, "--now", now, *options)
        return int(report["exit_code"])

    assert code(sealed.note(), SEALED_AT + 60) == 0
    assert code(sealed.note(), SEALED_AT + 61) == 20
    assert code(sealed.note(), SEALED_AT - 3600) == 20
    assert code(sealed.note(time=None), SEALED_AT) == 20
    # A witness that is trusted may vouch for the time; one that is not may not.
    assert code(later, SEALED_AT + 100) == 20
    assert code(later, SEALED_AT + 100, "--key", KEY, "--key", WITNESS.cosigner) == 0
    # Nor does the log become its own witness by another name.
    alias = notes.Signer("witness.example/w2", LOG_KEY.private_key)
    disguised = notes.cosign(sealed.note(), alias, time=SEALED_AT + 50)
    assert code(disguised, SEALED_AT + 100, "--jwks", VECTORS / "jwks.json") == 20
    assert code(disguised, SEALED_AT + 60, "--jwks", VECTORS / "jwks.json") == 0
    assert desk.run("receipt", sealed.receipt(5), "--max-age", 60, "--now", SEALED_AT + 61)["exit_code"] == 20
    report = desk.run("log", export(sealed.lines()), "--max-age", 60, "--now", SEALED_AT + 61)
    assert report["exit_code"] == 20


# ---------------------------------------------------------------- receipts


@pytest.mark.parametrize("index", [index for index, event in enumerate(tell().events) if event])
def test_every_receipt_verifies(desk: Desk, index: int) -> None:
    report = desk.run("receipt", Sealed(tell().events).receipt(index))
    assert report["ok"]
    assert report["log_index"] == index


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda receipt: receipt["event"]["entry"]["postings"][0].update(amount="11"), 12),
        (lambda receipt: receipt["event"].update(recorded_at="2026-11-21T09:06:00.000001Z"), 12),
        (lambda receipt: receipt["event"].update(extra=None), 12),
        (lambda receipt: receipt["event"].update(extra=1.5), 12),
        (lambda receipt: receipt.update(content_hash="0" * 64), 12),
        (lambda receipt: receipt.update(log_index=7), 12),
        (lambda receipt: receipt.update(log_index=99), 12),
        (lambda receipt: receipt["inclusion_path"].pop(), 12),
        (lambda receipt: receipt["inclusion_path"].reverse(), 12),
        (lambda receipt: receipt.update(checkpoint=receipt["checkpoint"].replace("17", "18")), 10),
        (lambda receipt: receipt.update(checkpoint="nothing signed"), 2),
        (lambda receipt: receipt.update(checkpoint="\ud800" + receipt["checkpoint"]), 2),
        (lambda receipt: receipt.update(checkpoint="\t" + receipt["checkpoint"]), 2),
        (lambda receipt: receipt["inclusion_path"].append("zz"), 2),
        (lambda receipt: receipt.update(log_index=True), 2),
        (lambda receipt: receipt.update(version=2), 2),
        (lambda receipt: receipt.pop("event"), 2),
    ],
)
def test_changed_receipts(desk: Desk, change: Callable[[dict[str, Any]], object], code: int) -> None:
    receipt = Sealed(tell().events).receipt(6)
    change(receipt)
    report = desk.run("receipt", receipt)
    assert report["exit_code"] == code
    if code == 12:
        assert report["failure"]["log_index"] == receipt["log_index"]


def test_a_receipt_is_held_against_checkpoints_from_elsewhere(desk: Desk) -> None:
    sealed = Sealed(tell().events)
    grown = Sealed([*tell().events, None, None])
    forked = Sealed([None, *tell().events[1:]])
    newer = ["--checkpoint", desk.file("new.note", grown.note())]
    proof = ["--consistency", desk.file("proof.json", grown.consistency(17))]

    assert desk.run("receipt", sealed.receipt(5), *newer, *proof)["ok"]
    assert desk.run("receipt", sealed.receipt(5), *newer)["exit_code"] == 2
    assert desk.run("receipt", forked.receipt(5), *newer, *proof)["exit_code"] == 11
    assert desk.run("receipt", forked.receipt(5), "--checkpoint", VECTORS / "checkpoint.note")["exit_code"] == 11


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"version": 1, "version": 1}', "[" * 100_000, '{"version": ' + "1" * 5000 + "}", "\ud800"],
)
def test_files_that_are_no_receipts(desk: Desk, text: str) -> None:
    path = desk.directory / "receipt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert desk.run("receipt", path)["exit_code"] == 2
    assert desk.run("receipt", desk.directory / "absent")["exit_code"] == 2
    assert desk.run("receipt", desk.directory)["exit_code"] == 2


@pytest.mark.parametrize("key", ["", "a+b+c", KEY[:-1], KEY.replace("log+", "log2+")])
def test_keys_that_are_no_keys(desk: Desk, key: str) -> None:
    assert desk.run("checkpoint", VECTORS / "checkpoint.note", "--key", key)["exit_code"] == 2


@pytest.mark.parametrize(
    "document", ["", [], {}, {"keys": [1]}, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}]
)
def test_sets_that_are_no_jwks(desk: Desk, document: Any) -> None:
    jwks_file = desk.file("jwks.json", document)
    assert desk.run("checkpoint", VECTORS / "checkpoint.note", "--jwks", jwks_file)["exit_code"] == 2


# ---------------------------------------------------------------- checkpoints (11)


def test_checkpoints_of_one_log_and_of_two(desk: Desk) -> None:
    sealed, forked = Sealed(tell().events), Sealed([None, *tell().events[1:]])
    old = ["--prev-checkpoint", desk.file("old.note", sealed.note(6))]
    proof = ["--consistency", desk.file("proof.json", sealed.consistency(6))]
    forged = ["--consistency", desk.file("forged.json", forked.consistency(6))]

    assert desk.run("checkpoint", sealed.note(), *old, *proof)["ok"]
    assert desk.run("checkpoint", sealed.note(), *old)["exit_code"] == 2
    assert desk.run("checkpoint", forked.note(), *old, *proof)["exit_code"] == 11
    assert desk.run("checkpoint", forked.note(), *old, *forged)["exit_code"] == 11
    assert desk.run("checkpoint", sealed.note(5), *old, *proof)["exit_code"] == 11
    assert desk.run("checkpoint", forked.note(6), *old)["exit_code"] == 11
    assert desk.run("checkpoint", sealed.note(6), *old)["ok"]
    assert desk.run("checkpoint", sealed.note(), "--prev-checkpoint", desk.file("none.note", sealed.note(0)))["ok"]


def test_a_checkpoint_of_another_log_is_no_predecessor(desk: Desk) -> None:
    sealed = Sealed(tell().events)
    other = notes.Signer("other.example/log", LOG_KEY.private_key)
    old = desk.file("old.note", sealed.note(6, signer=other))
    options = ["--key", KEY, "--key", other.verifier, "--prev-checkpoint", old]
    assert desk.run("log", export(sealed.lines()), *options)["exit_code"] == 11


# ---------------------------------------------------------------- logs: the tamper matrix


def busy() -> Story:
    """Eighty events, most of them entries, some of another tenant."""
    dice = random.Random(42)
    story = Story()
    names = ["issuance", "alice", "bob", "carol", "shop"]
    story.open("issuance", "equity", unbounded=True)
    for name in names[1:]:
        story.open(name)
        story.post("credits.minted", ("issuance", "available", 10_000, dice.randrange(4)), (name, "available", -10_000))
    while len(story.events) < 80:
        source, destination = dice.sample(names[1:], 2)
        amount = dice.randrange(1, 90)
        story.post("transfer.posted", (source, "available", amount), (destination, "available", -amount))
        if dice.random() < 0.2:
            story.elsewhere()
    return story


BUSY = Sealed(busy().events)
ENTRIES = [index for index, event in enumerate(BUSY.events) if event and event["entry"]]
SAVED = 70  # the size of a checkpoint that the auditor saved earlier

Tamper = Callable[[Lines, int, random.Random], object]


def first_posting(lines: Lines, index: int) -> dict[str, Any]:
    posting: dict[str, Any] = lines[index]["event"]["entry"]["postings"][0]
    return posting


def flip_amount(lines: Lines, index: int, dice: random.Random) -> None:
    one = first_posting(lines, index)
    one["amount"] = str(int(one["amount"]) + dice.choice([-1, 1]))


def swap_accounts(lines: Lines, index: int, dice: random.Random) -> None:
    one, other = lines[index]["event"]["entry"]["postings"]
    one["account"], other["account"] = other["account"], one["account"]


def change_time(lines: Lines, index: int, dice: random.Random) -> None:
    lines[index]["event"]["recorded_at"] = f"2026-11-21T09:00:00.{dice.randrange(1, 10**6):06d}Z"


def change_metadata(lines: Lines, index: int, dice: random.Random) -> None:
    lines[index]["event"]["entry"]["metadata"]["note"] = "nothing happened"


def write_as_float(lines: Lines, index: int, dice: random.Random) -> None:
    first_posting(lines, index)["version"] += 0.0


def another_event(lines: Lines, index: int, dice: random.Random) -> None:
    other = dice.choice([one for one in ENTRIES if one != index])
    lines[index]["event"] = copy.deepcopy(lines[other]["event"])


def another_leaf(lines: Lines, index: int, dice: random.Random) -> None:
    lines[index]["leaf_hash"] = dice.randbytes(32).hex()


def delete(lines: Lines, index: int, dice: random.Random) -> None:
    del lines[index]


def insert(lines: Lines, index: int, dice: random.Random) -> None:
    lines.insert(index, {**copy.deepcopy(lines[dice.choice(ENTRIES)]), "log_index": index - 1})


def reorder(lines: Lines, index: int, dice: random.Random) -> None:
    lines[index], lines[index + 1] = lines[index + 1], lines[index]


@pytest.mark.parametrize(
    "tamper",
    [
        flip_amount,
        swap_accounts,
        change_time,
        change_metadata,
        write_as_float,
        another_event,
        another_leaf,
        delete,
        insert,
        reorder,
    ],
)
def test_tampering_is_found_at_its_place(desk: Desk, tamper: Tamper) -> None:
    """Ten ways at twenty random places each, by an owner of the database who does not hold the signing key."""
    dice = random.Random(tamper.__name__)
    for index in dice.sample(ENTRIES[:-1], 20):
        lines = BUSY.lines()
        tamper(lines, index, dice)
        assert desk.log(lines) == (12, index)


def rehashed(lines: Lines) -> Lines:
    """Numbers and leaf hashes made to fit the tampered events again; the checkpoint is the old one."""
    for index, line in enumerate(lines[:-1]):
        line["log_index"] = index
        if line["event"]:
            line["leaf_hash"] = merkle.leaf_hash(canonical.content_hash(line["event"])).hex()
    return lines


@pytest.mark.parametrize("tamper", [flip_amount, swap_accounts, change_time, change_metadata, another_event, reorder])
def test_recomputed_hashes_do_not_fit_the_checkpoint(desk: Desk, tamper: Tamper) -> None:
    dice = random.Random(tamper.__name__)
    for index in dice.sample(ENTRIES[:-1], 20):
        lines = BUSY.lines()
        tamper(lines, index, dice)
        assert desk.log(rehashed(lines)) == (11, None)


def test_deletion_and_insertion_with_recomputed_hashes_change_the_number_of_leaves(desk: Desk) -> None:
    for index in random.Random(7).sample(ENTRIES, 20):
        shorter, longer = BUSY.lines(), BUSY.lines()
        delete(shorter, index, random.Random(index))
        insert(longer, index, random.Random(index))
        assert desk.log(rehashed(shorter)) == (12, len(BUSY.events) - 1)
        assert desk.log(rehashed(longer)) == (12, len(BUSY.events))


def test_a_history_rewritten_with_the_signing_key_contradicts_a_saved_checkpoint(desk: Desk) -> None:
    saved = ["--prev-checkpoint", desk.file("saved.note", BUSY.note(SAVED))]
    newer = ["--checkpoint", desk.file("saved.note", BUSY.note(SAVED))]
    for index in random.Random(11).sample([index for index in ENTRIES if index < SAVED], 20):
        events = copy.deepcopy(BUSY.events)
        event = events[index]
        assert event
        event["entry"]["description"] = "never happened like this"
        lines = Sealed(events).lines()
        assert desk.log(lines) == (0, None)
        assert desk.log(lines, *saved) == (11, None)
        assert desk.log(lines, *newer) == (11, None)


def test_a_truncated_tail_contradicts_a_saved_checkpoint(desk: Desk) -> None:
    saved = ["--prev-checkpoint", desk.file("saved.note", BUSY.note())]
    newest = ["--checkpoint", desk.file("saved.note", BUSY.note())]
    for size in random.Random(13).sample(range(20, 80), 20):
        lines = Sealed(BUSY.events[:size]).lines()
        assert desk.log(lines) == (0, None)
        assert desk.log(lines, *saved) == (11, None)
        assert desk.log(lines, *newest) == (11, None)
        # Without its checkpoint line, the file itself was cut.
        assert desk.log(lines[:-1]) == (2, None)
        assert desk.log(lines[:-1], *newest) == (12, size)


def test_an_older_export_is_no_truncation_if_the_ledger_proves_it(desk: Desk) -> None:
    newest = ["--checkpoint", desk.file("saved.note", BUSY.note())]
    proof = ["--consistency", desk.file("proof.json", BUSY.consistency(40))]
    assert desk.log(Sealed(BUSY.events[:40]).lines(), *newest, *proof) == (0, None)


def test_twenty_clean_runs_raise_no_alarm(desk: Desk) -> None:
    for size in random.Random(17).sample(range(1, 80), 20):
        old = random.Random(size).randrange(size + 1)
        saved = ["--prev-checkpoint", desk.file("saved.note", BUSY.note(old))]
        assert desk.log(Sealed(BUSY.events[:size]).lines(), *saved) == (0, None)


def test_all_damaged_events_are_named(desk: Desk) -> None:
    lines = BUSY.lines()
    for index in ENTRIES[5:8]:
        change_metadata(lines, index, random.Random())
    failure = desk.run("log", export(lines))["failure"]
    assert failure["log_indexes"] == ENTRIES[5:8]


def test_the_events_of_others_can_be_hidden_but_not_changed(desk: Desk) -> None:
    lines = BUSY.lines()
    index = next(index for index, event in enumerate(BUSY.events) if event is None)
    lines[index]["leaf_hash"] = "0" * 64
    assert desk.log(lines) == (11, None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text + "{}\n",
        lambda text: text + "\n",
        lambda text: text.splitlines(keepends=True)[-1] + text,
        lambda text: text.replace('"log_index"', '"index"', 1),
        lambda text: text.replace('"event": {', '"event": [{', 1),
        lambda text: text.replace('"version": 1', '"version": 1, "version": 1', 1),
        lambda text: text[: len(text) // 2],
        lambda text: "",
    ],
)
def test_files_that_are_no_exports(desk: Desk, damage: Callable[[str], str]) -> None:
    assert desk.run("log", damage(export(BUSY.lines())))["exit_code"] == 2


# ---------------------------------------------------------------- logs: books that a dishonest ledger has signed (13)


def signed(change: Callable[[list[Any]], object]) -> Lines:
    events = copy.deepcopy(tell().events)
    change(events)
    return Sealed(events).lines()


def posting(events: list[Any], index: int, place: int) -> dict[str, Any]:
    one: dict[str, Any] = events[index]["entry"]["postings"][place]
    return one


@pytest.mark.parametrize(
    ("change", "index", "words"),
    [
        (lambda e: posting(e, 6, 0).update(amount="11"), 6, "do not|does not balance"),
        (lambda e: e[6]["entry"]["postings"].pop(), 6, "two postings"),
        (lambda e: e[6]["entry"].update(postings=[]), 6, "two postings"),
        (lambda e: posting(e, 6, 1).update(currency="USD"), 6, "does not balance"),
        (lambda e: posting(e, 6, 0).update(balance_after="91"), 6, "is 90 after the posting, which says 91"),
        (lambda e: posting(e, 6, 0).update(version=30), 7, "no posting of version 2"),
        (lambda e: posting(e, 7, 0).update(version=2), 7, "a second posting of version 2"),
        (lambda e: posting(e, 6, 0).update(version=0), 6, "a second posting of version 0"),
        (lambda e: posting(e, 6, 0).update(amount="+10"), 6, "not amounts"),
        (lambda e: posting(e, 6, 0).update(amount=10), 6, "documented form"),
        (lambda e: posting(e, 6, 0).update(amount="9" * 5000), 6, "not amounts"),
        (lambda e: posting(e, 6, 0).update(stripe=-1), 6, "natural numbers"),
        (lambda e: posting(e, 6, 0).update(version=True), 6, "natural numbers"),
        (lambda e: posting(e, 6, 0).update(account=7), 6, "strings"),
        (lambda e: posting(e, 6, 0).pop("bucket"), 6, "documented form"),
        (lambda e: e[6].update(entry=[]), 6, "documented form"),
        (lambda e: e[2]["result"]["account"].update(type="asset"), 5, "is -100 after the posting, which says 100"),
        (lambda e: e[2]["result"]["account"].update(type="loan"), 2, "unknown type"),
        (lambda e: e[2]["result"]["account"].update(type=["asset"]), 2, "documented form"),
        (lambda e: e[2]["result"]["account"].update(currency="USD"), 5, "is posted in CRD, not USD"),
        (lambda e: e[2].update(result={}), 2, "documented form"),
        (lambda e: e[1]["result"]["account"].update(unbounded=False), 5, "below its floor"),
        (lambda e: e.__setitem__(3, copy.deepcopy(e[2])), 3, "opened a second time"),
        # An event is left out and its number given to nothing: the versions show it.
        (lambda e: e.__setitem__(6, None), 7, "no posting of version 2"),
    ],
)
def test_books_that_do_not_balance(desk: Desk, change: Callable[[list[Any]], object], index: int, words: str) -> None:
    report = desk.run("log", export(signed(change)))
    assert (report["exit_code"], report["failure"]["log_index"]) == (13, index)
    assert re.search(words, report["failure"]["message"])


def test_an_unbalanced_receipt(desk: Desk) -> None:
    events = copy.deepcopy(tell().events)
    posting(events, 6, 0)["amount"] = "11"
    report = desk.run("receipt", Sealed(events).receipt(6))
    assert (report["exit_code"], report["failure"]["log_index"]) == (13, 6)


def test_spending_more_than_there_is_breaks_the_floor(desk: Desk) -> None:
    story = tell()
    story.post("transfer.posted", ("alice", "available", 1000), ("shop", "available", -1000))
    assert desk.log(Sealed(story.events).lines()) == (13, 17)


def test_only_the_available_bucket_of_an_unbounded_account_may_be_negative(desk: Desk) -> None:
    story = tell()
    story.post("hold.released", ("issuance", "held", 5), ("issuance", "available", -5))
    assert desk.log(Sealed(story.events).lines()) == (13, 17)


def test_a_balance_may_dip_within_one_event_only(desk: Desk) -> None:
    story = tell()
    story.post(
        "entry.posted",
        ("alice", "available", 1000),
        ("shop", "available", -1000),
        ("alice", "available", -1000),
        ("shop", "available", 1000),
    )
    assert desk.log(Sealed(story.events).lines()) == (0, None)


def test_events_of_one_moment_may_be_sealed_in_any_order(desk: Desk) -> None:
    """Row locks decide the order of versions, the sealer that of the log; within one moment they may differ."""
    dice = random.Random(23)
    for _ in range(20):
        events = BUSY.events.copy()
        dice.shuffle(events)
        report = desk.run("log", export(Sealed(events).lines()))
        assert report["ok"]
        assert sum(int(one["balances"]["available"]) for one in report["balances"].values()) == 0


def test_accounts_whose_opening_is_not_shown_are_named(desk: Desk) -> None:
    events = copy.deepcopy(tell().events)
    events[2] = None
    alice = tell().accounts["alice"]["id"]
    report = desk.run("log", export(Sealed(events).lines()))
    assert report["ok"]
    assert report["partial"] == [alice]
    assert alice not in report["balances"]
    # What can still be checked is: that none of its later postings is left out.
    events[5] = None
    assert desk.run("log", export(Sealed(events).lines()))["ok"]
    posting(events, 7, 0)["version"] = 30
    assert desk.run("log", export(Sealed(events).lines()))["exit_code"] == 13


def test_an_empty_log(desk: Desk) -> None:
    report = desk.run("log", export(Sealed([]).lines()))
    assert report["ok"]
    assert report["balances"] == {}


def test_a_later_version_of_the_format_is_not_guessed_at(desk: Desk) -> None:
    assert desk.run("log", export(signed(lambda events: events[6].update(version=2))))["exit_code"] == 2
