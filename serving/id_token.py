"""Whether an ID token is what the provider said, to us, just now: signature first, then each claim.

Only RS256 and ES256 are taken, whatever the token's own header asks for; the key comes from the
provider's key set alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from serving.credentials import Unauthorised

LEEWAY = 60
"""Seconds by which clocks may differ."""

LARGEST = 32_768
LEAST_BITS = 2048


class TokenRefused(Unauthorised):
    """An ID token does not prove who signs in (status 401)."""

    code = "id_token_refused"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the provider's answer does not prove who signs in: {why}",
            remedy="Sign in again; if it is refused again, tell whoever runs this service.",
        )


class UnknownKey(TokenRefused):
    """The key that signed is not in the key set as it was read: it may have been rotated."""


def part(text: str) -> bytes:
    """Return one part of a token.

    Examples
    --------
    >>> part("eyJhIjoxfQ")
    b'{"a":1}'
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused("it is not a token") from None


def claims(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: float,
) -> dict[str, Any]:
    """Return what a token says, or refuse it.

    Parameters
    ----------
    token : str
        In compact form.
    keys : sequence of mapping
        The provider's JSON Web Key Set.
    issuer, client_id, nonce : str
        What the token must name.
    now : float
        Seconds since 1970.

    Raises
    ------
    UnknownKey
        The key set has no key of the token's name.
    TokenRefused
        The token is broken, not signed by the provider, for somebody else, expired, not yet valid,
        or the answer to another question.
    """
    pieces = token.split(".")
    if len(pieces) != 3 or len(token) > LARGEST:
        raise TokenRefused("it is not a token")
    header, said = _object(pieces[0]), _object(pieces[1])
    key = _key(header, keys)
    signed = f"{pieces[0]}.{pieces[1]}".encode()
    try:
        _verify(str(header["alg"]), key, part(pieces[2]), signed)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise TokenRefused("its signature is not the provider's") from None
    _check(said, issuer=issuer, client_id=client_id, nonce=nonce, now=now)
    return said


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(part(text))
    except (ValueError, RecursionError):
        raise TokenRefused("it is not a token") from None
    if not isinstance(found, dict):
        raise TokenRefused("it is not a token")
    return found


def _key(header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    kinds = {"RS256": "RSA", "ES256": "EC"}
    kind = kinds.get(str(header.get("alg")))
    if kind is None or "crit" in header:
        raise TokenRefused("it is not signed by RS256 or ES256")
    for key in keys:
        use = key.get("use", "sig")
        if key.get("kid") == header.get("kid") and key.get("kty") == kind and use == "sig":
            return key
    raise UnknownKey("the provider has no such key")


def _verify(algorithm: str, key: Mapping[str, Any], signature: bytes, signed: bytes) -> None:
    def number(name: str) -> int:
        return int.from_bytes(part(str(key[name])), "big")

    if algorithm == "RS256":
        public = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
        if public.key_size < LEAST_BITS:
            raise InvalidSignature
        public.verify(signature, signed, padding.PKCS1v15(), SHA256())
        return
    if key.get("crv") != "P-256" or len(signature) != 64:
        raise InvalidSignature
    point = ec.EllipticCurvePublicNumbers(number("x"), number("y"), ec.SECP256R1()).public_key()
    halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    point.verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA256()))


def _check(said: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: float) -> None:
    audience = said.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    if said.get("iss") != issuer:
        raise TokenRefused("it is another issuer's")
    if client_id not in meant or (len(meant) > 1 and said.get("azp") != client_id):
        raise TokenRefused("it is meant for another application")
    times = {name: said.get(name) for name in ("exp", "iat", "nbf")}
    if not all(isinstance(times[name], int | float) for name in ("exp", "iat")):
        raise TokenRefused("it does not say how long it is valid")
    if float(times["exp"] or 0) + LEEWAY <= now:
        raise TokenRefused("it has expired")
    if max(float(times["iat"] or 0), float(times["nbf"] or 0)) - LEEWAY > now:
        raise TokenRefused("it is not valid yet")
    if not hmac.compare_digest(str(said.get("nonce", "")).encode(), nonce.encode()):
        raise TokenRefused("it answers another sign-in")
    if not isinstance(said.get("sub"), str) or not said["sub"]:
        raise TokenRefused("it names nobody")
