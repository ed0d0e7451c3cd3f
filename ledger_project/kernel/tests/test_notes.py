import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.kernel.notes import (
    COSIGNATURE,
    Checkpoint,
    MalformedNote,
    Signer,
    UnverifiedNote,
    VerifierKey,
    cosign,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
)

# The example of golang.org/x/mod/sumdb/note, the first implementation of the format. Ed25519 is deterministic, so
# signing the same text with the same key must give the same bytes.
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
# The example of c2sp.org/signed-note.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

ORIGIN = "ledger.example/log"
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
NEXT_KEY = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"\x03" * 32))
HEAD = Checkpoint(ORIGIN, 20852163, hashlib.sha256(b"root").digest())
AT = 1679315147


def tiny_open(note: str, name: str, public_key: bytes) -> str | None:
    """A second implementation, written from the specification alone and sharing nothing with the first."""
    raw = note.encode()
    cut = raw.rindex(b"\n\n")
    body = raw[: cut + 1]
    wanted = hashlib.sha256(name.encode() + b"\x0a\x01" + public_key).digest()[:4]
    for line in raw[cut + 2 :].decode().splitlines():
        dash, signed_by, encoded = line.split(" ")
        blob = base64.b64decode(encoded)
        if dash == "\u2014" and signed_by == name and blob[:4] == wanted:
            try:
                Ed25519PublicKey.from_public_bytes(public_key).verify(blob[4:], body)
            except InvalidSignature:
                return None
            return body.decode()
    return None


def test_the_go_implementation_signs_the_same_bytes() -> None:
    peter = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SEED))
    assert str(peter.verifier) == PETER
    assert sign_note(TEXT, [peter]) == f"{TEXT}\n{PETER_LINE}"


def test_notes_of_the_go_implementation_open() -> None:
    peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
    note = f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"
    assert open_note(note, [peter]).text == TEXT
    assert [one.key for one in open_note(note, [peter]).signatures] == [peter]
    assert [one.key for one in open_note(note, [enoch, peter]).signatures] == [peter, enoch]


def test_the_note_of_the_specification_opens() -> None:
    assert open_note(SPEC_NOTE, [VerifierKey.parse(SPEC_KEY)]).text == "This is an example message.\n"


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_open_with_a_second_implementation(size: int, root: bytes) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root), [LOG, NEXT_KEY], time=AT)
    for signer in (LOG, NEXT_KEY):
        opened = tiny_open(note, ORIGIN, signer.verifier.public_key)
        assert opened == f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"
    assert tiny_open(note, ORIGIN, WITNESS.verifier.public_key) is None


def test_checkpoint_text_is_that_of_the_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert Checkpoint.parse(text).text == text
    assert Checkpoint.parse(text + "an extension\n").extensions == ("an extension",)


def test_cosignature_signs_header_time_and_text() -> None:
    note = sign_checkpoint(HEAD, [LOG], time=AT)
    blob = base64.b64decode(note.splitlines()[-1].split(" ")[2])
    assert blob[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x04" + LOG.verifier.public_key).digest()[:4]
    assert int.from_bytes(blob[4:12], "big") == AT
    message = f"cosignature/v1\ntime {AT}\n{HEAD.text}".encode()
    LOG.private_key.public_key().verify(blob[12:], message)


def test_witnesses_and_times_are_reported() -> None:
    note = cosign(sign_checkpoint(HEAD, [LOG], time=AT), WITNESS, time=AT + 5)

    checkpoint, signatures = open_checkpoint(note, [LOG.verifier, LOG.cosigner, WITNESS.cosigner])

    assert checkpoint == HEAD
    assert [(one.key, one.time) for one in signatures] == [
        (LOG.verifier, None),
        (LOG.cosigner, AT),
        (WITNESS.cosigner, AT + 5),
    ]


def test_witnesses_alone_do_not_make_a_checkpoint() -> None:
    note = cosign(sign_checkpoint(HEAD, [LOG]), WITNESS, time=AT)
    with pytest.raises(UnverifiedNote, match="has not signed"):
        open_checkpoint(note, [WITNESS.cosigner])


def test_a_log_cannot_sign_for_another() -> None:
    with pytest.raises(ValueError, match="cannot sign for"):
        sign_checkpoint(HEAD, [WITNESS])
    with pytest.raises(UnverifiedNote, match="has not signed"):
        open_checkpoint(sign_note(HEAD.text, [WITNESS]), [WITNESS.verifier])


def test_unknown_keys_are_ignored_and_at_least_one_must_be_known() -> None:
    note = sign_checkpoint(HEAD, [LOG, NEXT_KEY], time=AT)
    assert open_checkpoint(note, [NEXT_KEY.verifier])[0] == HEAD
    with pytest.raises(UnverifiedNote, match="no signature of a known key"):
        open_note(note, [WITNESS.verifier])
    with pytest.raises(UnverifiedNote):
        open_note(note, [])
    # The same key under another name is another key.
    with pytest.raises(UnverifiedNote):
        open_note(note, [VerifierKey("other.example/log", LOG.verifier.public_key)])


def test_any_changed_character_is_noticed() -> None:
    note = sign_checkpoint(HEAD, [LOG], time=AT)
    keys = [LOG.verifier, LOG.cosigner]
    for place, character in enumerate(note):
        changed = note[:place] + ("A" if character != "A" else "B") + note[place + 1 :]
        try:
            checkpoint, signatures = open_checkpoint(changed, keys)
        except (UnverifiedNote, MalformedNote):
            continue
        # Only the name or id of one signature line may be damaged without harm: the key is then an unknown one.
        assert checkpoint == HEAD
        assert len(signatures) == 1


def test_one_wrong_signature_of_a_known_key_condemns_the_note() -> None:
    good = sign_note(HEAD.text, [LOG])
    other = sign_note("something else\n", [NEXT_KEY]).splitlines(keepends=True)[-1]
    with pytest.raises(UnverifiedNote, match="is wrong"):
        open_note(good + other, [LOG.verifier, NEXT_KEY.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        TEXT + PETER_LINE,
        TEXT + "\n",
        TEXT + "\n" + PETER_LINE.rstrip(),
        TEXT + "\n" + PETER_LINE.replace("\u2014", "-"),
        TEXT + "\n" + PETER_LINE.replace(" ", "  "),
        TEXT + "\n" + PETER_LINE.replace("=", ""),
        TEXT + "\n" + PETER_LINE + "\u2014 a+b AAAAAAAA\n",
        TEXT + "\n" + PETER_LINE * 101,
        TEXT.replace(",", "\t") + "\n" + PETER_LINE,
        "\ud800\n\n" + PETER_LINE,
        "a" * 1_000_001 + "\n\n" + PETER_LINE,
    ],
)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(MalformedNote):
        open_note(note, [VerifierKey.parse(PETER)])


@pytest.mark.parametrize(
    "text",
    [
        "o\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n+7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n7\n",
        "o\n7\nAAAA\n",
        "o\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        "\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\next\n",
        "o\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        PETER[:-1],
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("Peter", "Pete"),
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "a b+00000000+AAAA",
    ],
)
def test_malformed_verifier_keys_are_refused(vkey: str) -> None:
    with pytest.raises(MalformedNote):
        VerifierKey.parse(vkey)


@given(st.binary(min_size=32, max_size=32), st.sampled_from([1, COSIGNATURE]))
def test_verifier_keys_survive_their_text_form(public_key: bytes, kind: int) -> None:
    key = VerifierKey(ORIGIN, public_key, kind)
    assert VerifierKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["no newline", "tab\there\n", ""])
def test_texts_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(MalformedNote):
        sign_note(text, [LOG])
