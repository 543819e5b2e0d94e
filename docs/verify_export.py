"""Verify an export of the ledger: python verify_export.py EXPORT PUBLIC_KEY [SEQ:HASH ...]."""

import json
import sys
from base64 import b64decode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def root(leaves):  # noqa: D103
    hashes = []
    for leaf in leaves:
        name = (leaf["score_id"] or "").encode()
        content = bytes.fromhex(leaf["subject"]) + len(name).to_bytes(2, "big") + name
        hashes.append(sha256(b"\0" + content + b64decode(leaf["payload"], validate=True)).digest())
    while len(hashes) > 1:  # pairs are joined; an odd last one is carried up as it is
        pairs, odd = zip(hashes[::2], hashes[1::2], strict=False), hashes[len(hashes) & ~1 :]
        hashes = [sha256(b"\1" + a + b).digest() for a, b in pairs] + odd
    return hashes[0].hex() if hashes else None


file, key, *noted = sys.argv[1:]
if len(key) != 64 or key.strip("0123456789abcdef"):
    sys.exit("PUBLIC_KEY is none: it has 64 of 0-9 and a-f, as the ledger's checkpoints tell it")
signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
seq, previous, missing = 0, "0" * 64, set(noted)
try:
    with open(file, encoding="ascii", errors="replace") as lines:
        head = json.loads(next(lines, ""))["checkpoint"]
        signed = text({name: head[name] for name in ("seq", "hash", "at")}).encode()
        signer.verify(bytes.fromhex(head["signature"]), signed)
        for seq, line in enumerate(lines, start=1):
            entry = json.loads(line)
            said, leaves = [json.dumps(entry) + "\n", entry.pop("hash")], entry.pop("leaves")
            said += [entry[name] for name in ("seq", "previous_hash", "leaf_count", "root")]
            before, previous = previous, sha256(text(entry).encode()).hexdigest()
            # no name stands twice in a line, and a leaf has three fields
            if said != [line, previous, seq, before, sum(map(len, leaves)) / 3, root(leaves)]:
                sys.exit(f"entry {seq} is not what was written")
            missing.discard(f"{seq}:{previous}")
        missing |= {f"{head['seq']}:{head['hash']}"} - {f"{seq}:{previous}"}  # the last, or none is
except InvalidSignature:
    sys.exit("line 1: the checkpoint is not signed with this key, or was changed since")
except (ValueError, LookupError, TypeError, AttributeError):
    sys.exit(f"line {seq + 1} is not a whole line of an export: the file was cut or changed")
sys.exit(f"entries are missing, or others stand there: {sorted(missing)}" if missing else 0)
