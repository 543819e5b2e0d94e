"""Verify an export of the ledger: python verify_export.py EXPORT PUBLIC_KEY [SEQ:HASH ...]."""

import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def text(data):  # noqa: D103
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def root(hashes):  # noqa: D103
    while len(hashes) > 1:  # pairs are joined; an odd last one is carried up as it is
        pairs = zip(hashes[::2], hashes[1::2], strict=False)
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [hashlib.sha256(b"\1" + a + b).digest() for a, b in pairs] + odd
    return hashes[0].hex() if hashes else None


def leaf(said):  # noqa: D103
    name = (said["score_id"] or "").encode()
    content = bytes.fromhex(said["subject"]) + struct.pack(">H", len(name)) + name
    return hashlib.sha256(b"\0" + content + base64.b64decode(said["payload"])).digest()


file, key, *noted = sys.argv[1:]
expected = {int(seq): digest for seq, digest in (head.split(":") for head in noted)}
with open(file, encoding="ascii") as lines:
    head = json.loads(next(lines))["checkpoint"]
    signed = text({name: head[name] for name in ("seq", "hash", "at")})
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
        bytes.fromhex(head["signature"]), signed
    )
    expected[head["seq"]] = head["hash"]
    seq, previous = 0, "0" * 64
    for seq, line in enumerate(lines, start=1):
        entry = json.loads(line)
        leaves, digest = entry.pop("leaves"), entry.pop("hash")
        good = entry["seq"] == seq and entry["previous_hash"] == previous
        good = good and hashlib.sha256(text(entry)).hexdigest() == digest
        good = good and expected.pop(seq, digest) == digest and len(leaves) == entry["leaf_count"]
        if not good or root([leaf(said) for said in leaves]) != entry["root"]:
            sys.exit(f"entry {seq} is not what was written")
        previous = digest
sys.exit(f"entries are missing: {sorted(expected)}" if expected else 0)
