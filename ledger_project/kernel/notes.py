"""Signed notes and log checkpoints, byte for byte as C2SP writes them.

`signed-note`: a text and, after a blank line, signature lines. `tlog-checkpoint`: the text is the log's origin, the
size of its tree, and the root. `tlog-cosignature`: a second type of signature that also signs the time, so that it
says how fresh the checkpoint is, which the plain one does not. The log may cosign with its own key for that reason.

The name of the log's key is its origin. https://c2sp.org/signed-note, /tlog-checkpoint, /tlog-cosignature.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04

MAX_NOTE_LENGTH = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\u2014"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class MalformedNote(ValueError):
    """The note, checkpoint or key does not have the form that C2SP prescribes."""


class UnverifiedNote(ValueError):
    """No signature of a known key, or one that is wrong: the text must not be believed."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a note key: what a verifier has to be given beforehand. `str()` gives the vkey encoding."""

    name: str
    public_key: bytes
    type: int = ED25519

    def __post_init__(self) -> None:
        _require_name(self.name)
        if self.type not in (ED25519, COSIGNATURE) or len(self.public_key) != 32:
            raise MalformedNote("only Ed25519 keys (type 1) and Ed25519 cosigner keys (type 4) are supported")

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed_key()).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self._typed_key()).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> Self:
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        typed_key = _decode(encoded)
        if not typed_key:
            raise MalformedNote("a verifier key is name+id+key")
        key = cls(name, typed_key[1:], typed_key[0])
        if key.key_id.hex() != key_id:
            raise MalformedNote("the id of the verifier key does not belong to its name and key")
        return key

    def verify(self, text: str, signature: bytes) -> int | None:
        """The time that a cosignature states, None for a plain signature; UnverifiedNote if the signature is wrong."""
        time = None
        message = text.encode()
        if self.type == COSIGNATURE:
            time = int.from_bytes(signature[:8], "big")
            message, signature = _cosigned(text, time), signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            raise UnverifiedNote(f"the signature of {self.name} is wrong") from None
        return time

    def _typed_key(self) -> bytes:
        return bytes([self.type]) + self.public_key


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under the name it signs with."""

    name: str
    private_key: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.private_key.public_key().public_bytes_raw())

    @property
    def cosigner(self) -> VerifierKey:
        return VerifierKey(self.name, self.private_key.public_key().public_bytes_raw(), COSIGNATURE)

    def line(self, text: str) -> str:
        return _line(self.verifier, self.private_key.sign(text.encode()))

    def cosignature_line(self, text: str, time: int) -> str:
        """A statement that at `time` (POSIX seconds) this checkpoint was the newest that the signer knew."""
        return _line(self.cosigner, time.to_bytes(8, "big") + self.private_key.sign(_cosigned(text, time)))


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that was verified; `time` (POSIX seconds) if it is a cosignature."""

    key: VerifierKey
    time: int | None


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A text that at least one known key has signed."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log: the tree that everything is proven against."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise MalformedNote("a checkpoint has at least three lines, none of them empty")
        root = _decode(lines[2])
        if not _SIZE.fullmatch(lines[1]) or len(root) != 32:
            raise MalformedNote("a checkpoint states a decimal size and a root of 32 bytes")
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:]))


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """The note over `text`, signed by all `signers` in this order."""
    _require_text(text)
    return f"{text}\n" + "".join(signer.line(text) for signer in signers)


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer], *, time: int | None = None) -> str:
    """The checkpoint signed by the log: by two keys while one replaces the other, and timestamped if `time` is given.

    `time` is in POSIX seconds. A log whose checkpoint has not changed may sign it again with a later time.
    """
    for signer in signers:
        if signer.name != checkpoint.origin:
            raise ValueError(f"a key named {signer.name} cannot sign for the log {checkpoint.origin}")
    note = sign_note(checkpoint.text, signers)
    if time is None:
        return note
    return note + "".join(signer.cosignature_line(checkpoint.text, time) for signer in signers)


def cosign(note: str, signer: Signer, *, time: int) -> str:
    """The note with one more cosignature, as a witness adds it. The caller has verified the note."""
    text, _ = _split(note)
    return note + signer.cosignature_line(text, time)


def open_note(note: str, keys: Collection[VerifierKey]) -> OpenedNote:
    """The text and its verified signatures.

    Signatures of unknown keys are ignored, as C2SP demands, so that keys can be rotated and witnesses added. A wrong
    signature of a known key condemns the whole note (UnverifiedNote), and so does the absence of any known key.
    """
    text, lines = _split(note)
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, Signature] = {}
    for name, key_id, signature in lines:
        key = known.get((name, key_id))
        if key is not None:
            time = key.verify(text, signature)
            verified.setdefault(key, Signature(key, time))
    if not verified:
        raise UnverifiedNote("no signature of a known key")
    return OpenedNote(text, tuple(verified.values()))


def open_checkpoint(note: str, keys: Collection[VerifierKey]) -> tuple[Checkpoint, tuple[Signature, ...]]:
    """The checkpoint and its verified signatures, one of which is the log's own (its key's name is the origin)."""
    opened = open_note(note, keys)
    checkpoint = Checkpoint.parse(opened.text)
    if not any(one.key.type == ED25519 and one.key.name == checkpoint.origin for one in opened.signatures):
        raise UnverifiedNote(f"the log {checkpoint.origin} has not signed this itself")
    return checkpoint, opened.signatures


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH} {key.name} {base64.b64encode(key.key_id + signature).decode()}\n"


def _split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and name, key id and signature of each signature line."""
    if len(note) > MAX_NOTE_LENGTH:
        raise MalformedNote("the note is too long")
    _require_text(note)
    # The text may hold blank lines itself; the last one divides.
    text, separator, signatures = note.rpartition("\n\n")
    text += "\n"
    lines = signatures.split("\n")
    if not separator or lines.pop() or not lines or len(lines) > MAX_SIGNATURES:
        raise MalformedNote(f"a note is a text, a blank line and 1 to {MAX_SIGNATURES} signature lines")
    return text, [_read_line(line) for line in lines]


def _read_line(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    value = _decode(parts[-1])
    if len(parts) != 3 or parts[0] != _DASH or len(value) < 5:
        raise MalformedNote(f"not a signature line: {line!r}")
    _require_name(parts[1])
    return parts[1], value[:4], value[4:]


def _require_text(text: str) -> None:
    if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
        raise MalformedNote("a note ends with a newline and has no other control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedNote("a note is valid UTF-8") from None


def _require_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise MalformedNote(f"a key name is not empty and has neither spaces nor a plus: {name!r}")


def _decode(text: str) -> bytes:
    """The bytes of canonical base64; none for anything else, as no value of a note is empty."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return value if base64.b64encode(value).decode() == text else b""
