"""The ledger as one file that anybody can verify without this product, and its signed checkpoints.

A checkpoint is the last entry's number and hash, signed with the ledger's own Ed25519 key. Whoever
holds the public key and one checkpoint can tell, from an export made years later, that nothing up
to it was changed; ``docs/verify_export.py`` does so in fifty lines. What is said about people stays
encrypted in an export, so that an erasure reaches it too.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from features.errors import NotFound
from features.files import is_new, taken
from serving import tables
from serving.chain import HASHED, Action, Head, canonical, stamp
from serving.ledger import Ledger

FORMAT = 1
_PAGE = 1_000


def signing_key(ledger: Ledger) -> Ed25519PrivateKey:
    """Return the key that signs a ledger's checkpoints; it follows from the key store's secret."""
    return Ed25519PrivateKey.from_private_bytes(ledger.secret("checkpoint signature"))


def public_key(ledger: Ledger) -> str:
    """Return what checkpoints are verified with, in hexadecimal; give it to whoever reviews."""
    raw = signing_key(ledger).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return raw.hex()


def signed(ledger: Ledger, head: Head) -> dict[str, Any]:
    """Return a head with the time and the signature over ``{"at","hash","seq"}``."""
    said = {"seq": head.seq, "hash": head.hash, "at": stamp(ledger.now())}
    signature = signing_key(ledger).sign(canonical(said).encode())
    return {**said, "signature": signature.hex(), "public_key": public_key(ledger)}


def checkpoint(ledger: Ledger) -> dict[str, Any]:
    """Note the head down and return it signed.

    Raises
    ------
    NotFound
        The ledger is empty.
    """
    head = ledger.checkpoint()
    if head is None:
        raise NotFound("the ledger is empty", remedy="There is nothing to sign yet.")
    return signed(ledger, head)


def export(ledger: Ledger, out: Path, *, actor: str, role: str, purpose: str) -> dict[str, Any]:
    """Write every entry and leaf, and a signed checkpoint over them, to one file of JSON lines.

    The export is itself the last entry in it.

    Returns
    -------
    dict
        The checkpoint, and how many entries and leaves were written.

    Raises
    ------
    Conflict
        The file exists.
    """
    is_new(out)
    entry = ledger.append(
        Action.EXPORT, actor=actor, role=role, purpose=purpose, body={"what": "the whole ledger"}
    )
    head = signed(ledger, Head(entry.seq, entry.hash))
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    leaves = 0
    try:
        with part.open("w", encoding="ascii") as file:
            file.write(json.dumps({"format": FORMAT, "checkpoint": head}) + "\n")
            for line in _lines(ledger, entry.seq):
                leaves += len(line["leaves"])
                file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails where the name is taken: the first one stays.
        os.link(part, out)
    except FileExistsError:
        raise taken(out) from None
    finally:
        part.unlink(missing_ok=True)
    return {"checkpoint": head, "entries": entry.seq, "leaves": leaves}


def _lines(ledger: Ledger, last: int) -> Iterator[dict[str, Any]]:
    """Yield each entry with its leaves as they are stored, ciphertext and all."""
    entries, leaves = tables.entry, tables.leaf
    for first in range(1, last + 1, _PAGE):
        until = min(first + _PAGE - 1, last)
        with ledger.reading() as connection:
            under: dict[int, list[dict[str, Any]]] = {}
            order = (leaves.c.seq, leaves.c.position)
            within = sa.select(leaves).where(leaves.c.seq.between(first, until)).order_by(*order)
            for row in connection.execute(within):
                under.setdefault(row.seq, []).append(
                    {
                        "subject": bytes(row.subject).hex(),
                        "score_id": row.score_id,
                        "payload": base64.b64encode(bytes(row.payload)).decode(),
                    }
                )
            query = sa.select(entries).where(entries.c.seq.between(first, until))
            for row in connection.execute(query.order_by(entries.c.seq)):
                fields = {name: row._mapping[name] for name in (*HASHED, "hash")}
                yield {**fields, "leaves": under.get(row.seq, [])}
