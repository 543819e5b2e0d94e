"""One person's part of an entry: sealed before it is stored, opened while its key exists."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from sqlalchemy.engine import Row

from serving.chain import Entry, Leaf, LedgerDamaged, plain_json
from serving.keys import PersonKey
from serving.merkle import leaf_hash

# Reasons and record references repeat, and shrink to a third; the fastest level takes half as long
# as zlib's. Leaves from before are zlib's, which never begin so.
_ZSTD, _BEGINS = pa.Codec("zstd", compression_level=1), struct.Struct(">cI")
_MARK = b"\x01"


SHARED = "shared"
"""Where an entry says what all its scores share: question, model, load and so on."""

BY_POSITION = ("inputs", "groups")
"""Fields of a score that may be values alone, in the order of the names that its entry says."""


class Recorded(NamedTuple):
    """What was recorded about one person; an erasure empties ``nominal_id`` and ``payload``.

    Examples
    --------
    >>> Recorded._fields
    ('entry', 'score_id', 'nominal_id', 'payload')
    """

    entry: Entry
    score_id: str | None
    nominal_id: str | None
    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SealedLeaf:
    """A leaf as it is stored: pseudonym, score id, ciphertext, and the hash over the three."""

    subject: bytes
    score_id: str | None
    payload: bytes
    hash: bytes


def content_hash(subject: bytes, score_id: str | None, payload: bytes) -> bytes:
    r"""Return a stored leaf's hash: pseudonym, length and text of the score id, ciphertext.

    Examples
    --------
    >>> content_hash(b"s" * 32, None, b"sealed") == leaf_hash(b"s" * 32 + b"\0\0sealed")
    True
    """
    name = (score_id or "").encode("utf-8", "surrogateescape")
    return leaf_hash(subject + struct.pack(">H", min(len(name), 65535)) + name + payload)


def seal_leaf(leaf: Leaf, key: PersonKey) -> SealedLeaf:
    """Seal a leaf under its person's key.

    Examples
    --------
    >>> sealed = seal_leaf(Leaf("N1", "s1", {"band": "High"}), PersonKey.of(b"k" * 32, "N1"))
    >>> b"High" in sealed.payload
    False
    """
    plain = _plain(leaf)
    packed = _BEGINS.pack(_MARK, len(plain)) + _ZSTD.compress(plain, asbytes=True)
    payload = key.seal(packed, (leaf.score_id or "").encode())
    named = content_hash(key.subject, leaf.score_id, payload)
    return SealedLeaf(key.subject, leaf.score_id, payload, named)


def _plain(leaf: Leaf) -> bytes:
    if isinstance(leaf.payload, bytes):
        name = plain_json(leaf.nominal_id).encode()
        return b'{"nominal_id":%b,"payload":%b}' % (name, leaf.payload)
    return plain_json({"nominal_id": leaf.nominal_id, "payload": leaf.payload}).encode()


def _unpacked(packed: bytes) -> bytes:
    if packed[:1] != _MARK:
        return zlib.decompress(packed)
    _, size = _BEGINS.unpack_from(packed)
    plain: bytes = _ZSTD.decompress(packed[_BEGINS.size :], size, asbytes=True)
    return plain


def open_leaf(row: Row[Any], entry: Entry, key: PersonKey | None) -> Recorded:
    """Open a stored leaf; without a key it is one that was erased.

    A batch's entry says once what all its scores share; each gets it back here.

    Raises
    ------
    LedgerDamaged
        If the leaf was altered since it was sealed.
    """
    if key is None:
        return Recorded(entry, row.score_id, None, None)
    try:
        plain = key.open(bytes(row.payload), (row.score_id or "").encode())
    except InvalidTag:
        raise LedgerDamaged(
            f"entry {entry.seq}: what leaf {row.position} says has been altered",
            remedy="Run precursor audit verify, and treat it as an incident.",
        ) from None
    told = json.loads(_unpacked(plain))
    payload = told["payload"]
    if row.score_id is not None:
        payload = _whole(payload, entry.body)
    return Recorded(entry, row.score_id, told["nominal_id"], payload)


def _whole(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is recorded of a score with what its entry says of all of them."""
    named = {
        kind: dict(zip(said[kind], payload[kind], strict=True))
        for kind in BY_POSITION
        if kind in said and isinstance(payload.get(kind), list)
    }
    return {**said.get(SHARED, {}), **payload, **named}
