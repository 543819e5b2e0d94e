"""One hash over many leaves, and the short proof that a leaf is among them (RFC 6962)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def proof(leaves: Sequence[bytes], position: int) -> list[tuple[str, bytes]]:
    """Return what leads from one leaf to the root: neighbours' hashes, each with its side.

    Raises
    ------
    IndexError
        If there is no leaf at this position (counted from 0).

    Examples
    --------
    >>> leaves = [leaf_hash(bytes([n])) for n in range(5)]
    >>> [side for side, _ in proof(leaves, 2)]
    ['right', 'left', 'right']
    >>> follow(leaves[2], proof(leaves, 2)) == merkle_root(leaves)
    True
    """
    if not 0 <= position < len(leaves):
        raise IndexError(f"there is no leaf {position} among {len(leaves)}")
    steps: list[tuple[str, bytes]] = []
    level = list(leaves)
    while len(level) > 1:
        neighbour = position ^ 1
        if neighbour < len(level):
            steps.append(("right" if neighbour > position else "left", level[neighbour]))
        odd = level[-1:] if len(level) % 2 else []
        level = [
            node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)
        ] + odd
        position //= 2
    return steps


def follow(leaf: bytes, steps: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the root that a leaf and its proof lead to.

    Examples
    --------
    >>> follow(leaf_hash(b"alone"), []) == leaf_hash(b"alone")
    True
    """
    for side, neighbour in steps:
        leaf = node_hash(leaf, neighbour) if side == "right" else node_hash(neighbour, leaf)
    return leaf
