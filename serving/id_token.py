"""Whether an ID token is what the provider said, to us, just now: signature first, then each claim.

PyJWT verifies it. Only RS256 and ES256 are taken, whatever the token's own header asks for; the key
comes from the provider's key set alone.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from serving.credentials import Unauthorised

LEEWAY = 60
"""Seconds by which clocks may differ."""

LARGEST = 32_768

_KINDS = {"RS256": "RSA", "ES256": "EC"}
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "nonce"]
_SAID: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidIssuerError: "it is another issuer's",
    jwt.InvalidAudienceError: "it is meant for another application",
    jwt.InvalidSignatureError: "its signature is not the provider's",
}


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


def claims(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
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

    Raises
    ------
    UnknownKey
        The key set has no key of the token's name.
    TokenRefused
        The token is broken, not signed by the provider, for somebody else, expired, not yet valid,
        or the answer to another question.

    Examples
    --------
    >>> claims("a.b.c", [], issuer="https://id.example", client_id="precursor", nonce="n")
    Traceback (most recent call last):
    ...
    serving.id_token.TokenRefused: ... does not prove who signs in: it is not a token. Sign in ...
    """
    if len(token) > LARGEST:
        raise TokenRefused("it is not a token")
    try:
        header = jwt.get_unverified_header(token)
        said: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(dict(_key(header, keys)), algorithm=header["alg"]),
            algorithms=list(_KINDS),
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": _REQUIRED, "enforce_minimum_key_length": True},
        )
    except jwt.MissingRequiredClaimError as missing:
        raise TokenRefused(f"it lacks '{missing.claim}'") from None
    except (jwt.PyJWTError, RecursionError) as wrong:
        raise TokenRefused(_SAID.get(type(wrong), "it is not a token")) from None
    if isinstance(said["aud"], list) and len(said["aud"]) > 1 and said.get("azp") != client_id:
        raise TokenRefused("it is meant for another application")
    if not hmac.compare_digest(str(said["nonce"]).encode(), nonce.encode()):
        raise TokenRefused("it answers another sign-in")
    if not said["sub"]:
        raise TokenRefused("it names nobody")
    return said


def _key(header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    kind = _KINDS.get(str(header.get("alg")))
    if kind is None:
        raise TokenRefused("it is not signed by RS256 or ES256")
    for key in keys:
        use = key.get("use", "sig")
        if key.get("kid") == header.get("kid") and key.get("kty") == kind and use == "sig":
            return key
    raise UnknownKey("the provider has no such key")
