"""One hash over many leaves, as RFC 6962 has it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def leaf_hash(content: bytes) -> bytes:
    """Return a leaf's hash: SHA-256 over a zero byte and the content.

    Examples
    --------
    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two others, which no leaf can imitate: it begins with a one byte.

    Examples
    --------
    >>> len(node_hash(leaf_hash(b"a"), leaf_hash(b"b")))
    32
    """
    return sha256(b"\1" + left + right).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes | None:
    """Return the one hash over all leaf hashes in their order; None when there are none.

    Parameters
    ----------
    leaves : iterable of bytes
        Leaf hashes, 32 bytes each. They are read once; what is held is logarithmic in them.

    Examples
    --------
    >>> a, b, c = (leaf_hash(name) for name in (b"a", b"b", b"c"))
    >>> merkle_root([a, b, c]) == node_hash(node_hash(a, b), c)
    True
    """
    # Whole subtrees waiting for a partner, largest first, as the ones of the count in binary.
    waiting: list[bytes] = []
    for count, item in enumerate(leaves):
        carried = item
        while count & 1:
            carried = node_hash(waiting.pop(), carried)
            count >>= 1
        waiting.append(carried)
    if not waiting:
        return None
    root = waiting.pop()
    while waiting:
        root = node_hash(waiting.pop(), root)
    return root
