"""Signing in with a force's own accounts: OpenID Connect, code flow with PKCE.

``PRECURSOR_OIDC`` names a YAML file that says which provider, which application, and which of the
provider's groups or roles has which role here. Profiles for Entra ID and Keycloak know where each
of them keeps roles and names. What a sign-in needs until it comes back travels in a sealed cookie,
so that any worker can finish it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, field_validator

from features.errors import PrecursorError, UsageError
from features.yaml_file import read_model
from serving.credentials import is_loopback
from serving.id_token import TokenRefused, UnknownKey, claims
from serving.permissions import GIVEN, Account, Forbidden, Principal, Role

SETTING, SECRET = "PRECURSOR_OIDC", "PRECURSOR_OIDC_SECRET"
SECONDS, LARGEST, KEYS_KEPT = 5.0, 262_144, 600.0
MINUTES_TO_RETURN = 10
LONGEST_ID, MOST_OF_NAME = 100, 90
"""Characters of an account's lasting id, and of its name beside it: an actor has 200 at most."""


class ProviderGone(PrecursorError):
    """The provider of accounts does not answer (status 503)."""

    code = "provider_unavailable"
    status = 503


@dataclass(frozen=True)
class Profile:
    """Where a kind of provider says who somebody is and what they may do."""

    roles: tuple[str, ...]
    name: str
    lasting: str
    """The claim whose value stays with an account for good."""


PROFILES = {
    # Entra ID: app roles of the application; the name may change, so the object id goes with it
    "entra": Profile(("roles",), "preferred_username", "oid"),
    # Keycloak: roles of the realm, or of the client
    "keycloak": Profile(
        ("realm_access.roles", "resource_access.{client_id}.roles"), "preferred_username", "sub"
    ),
}


def secure(url: str) -> str:
    """Return an address that is encrypted, or on this machine; refuse any other."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = is_loopback(host) or host == "localhost"
    if parts.scheme == "https" or (parts.scheme == "http" and local):
        return url
    raise ValueError(f"{url} is not an https address")


class Settings(BaseModel):
    """What ``PRECURSOR_OIDC`` says.

    Examples
    --------
    >>> Settings(profile="keycloak", issuer="https://id.force.example/realms/force",
    ...     client_id="precursor", redirect_uri="https://precursor.force.example/sign-in/callback",
    ...     roles={"iom-analysts": "analyst"}).roles["iom-analysts"].value
    'analyst'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Literal["entra", "keycloak"]
    issuer: str
    client_id: str = Field(min_length=1)
    redirect_uri: str
    roles: dict[str, Role] = Field(min_length=1)
    scope: str = "openid profile"

    _secure = field_validator("issuer", "redirect_uri")(secure)

    @field_validator("roles")
    @classmethod
    def _given(cls, roles: dict[str, Role]) -> dict[str, Role]:
        wrong = sorted(
            {role.value for role in roles.values()} - {role.value for role in GIVEN}
            | ({"service"} & {role.value for role in roles.values()})
        )
        if wrong:
            raise ValueError(f"nobody can sign in as {', '.join(wrong)}")
        return roles


def settings() -> Settings | None:
    """Return what the environment says about signing in, or None where it says nothing.

    Raises
    ------
    UsageError
        The file is missing or wrong; every fault of it is listed.
    """
    named = os.environ.get(SETTING)
    if not named:
        return None
    try:
        return read_model(Settings, Path(named), "accounts")
    except UsageError as wrong:
        raise UsageError(
            f"{SETTING}: {wrong.message}", remedy="Mend the file; docs/access.md shows one."
        ) from wrong


@dataclass
class Provider:
    """One provider of accounts: its addresses and keys, read when they are needed.

    Parameters
    ----------
    settings : Settings
    secret : bytes
        Of the ledger, to seal what travels with a sign-in.
    """

    settings: Settings
    secret: bytes
    _about: dict[str, Any] = field(default_factory=dict)
    _keys: list[dict[str, Any]] = field(default_factory=list)
    _read_at: float = 0.0

    def begin(self, *, role: str, purpose: str, after: str) -> tuple[str, str]:
        """Return where a browser is to be sent, and the sealed cookie that it must bring back."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
        said = {"state": state, "nonce": nonce, "verifier": verifier, "at": time.time()}
        said |= {"role": role, "purpose": purpose, "after": after}
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        where = str(self._described()["authorization_endpoint"])
        joint = "&" if "?" in where else "?"
        return where + joint + urlencode(query), self._sealed(said)

    def begun(self, cookie: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return what the sign-in was begun with that somebody comes back from.

        Raises
        ------
        TokenRefused
            It was begun elsewhere: any site can make a browser come here so, its reader unasked.
        """
        begun = self._opened(cookie)
        if not secrets.compare_digest(begun["state"].encode(), query.get("state", "").encode()):
            raise TokenRefused("it answers another sign-in")
        return begun

    def finish(self, begun: Mapping[str, Any], query: Mapping[str, str]) -> Principal:
        """Return who came back from a sign-in, and in which role.

        Parameters
        ----------
        begun : mapping
            As `begun` returns it for this query.

        Raises
        ------
        TokenRefused
            It was begun too long ago, the provider refused, or its token proves nothing.
        Forbidden
            The account has no role here, or has several and none was chosen.
        ProviderGone
            The provider does not answer.
        """
        if time.time() - begun["at"] > MINUTES_TO_RETURN * 60:
            raise TokenRefused(f"it took longer than {MINUTES_TO_RETURN} minutes")
        if "error" in query or not query.get("code"):
            raise TokenRefused("the provider let nobody in")
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": self.settings.redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": begun["verifier"],
        }
        if os.environ.get(SECRET):
            form["client_secret"] = os.environ[SECRET]
        answer = self._ask(str(self._described()["token_endpoint"]), form)
        said = self._claims(str(answer.get("id_token", "")), begun["nonce"])
        return self._principal(said, str(begun["role"]))

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        given = {"issuer": self.settings.issuer, "client_id": self.settings.client_id}
        if time.time() - self._read_at > KEYS_KEPT:
            self._read_keys()
        try:
            return claims(token, self._keys, nonce=nonce, **given)
        except UnknownKey:  # rotated since they were read: once more, and no further
            self._read_keys()
            return claims(token, self._keys, nonce=nonce, **given)

    def _principal(self, said: Mapping[str, Any], wanted: str) -> Principal:
        profile = PROFILES[self.settings.profile]
        held: set[Role] = set()
        for path in profile.roles:
            found: Any = said
            for step in path.split("."):
                key = step.replace("{client_id}", self.settings.client_id)
                found = found.get(key) if isinstance(found, Mapping) else None
            names = (
                [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
            )
            held |= {self.settings.roles[one] for one in names if one in self.settings.roles}
        roles = [role for role in GIVEN if role in held]
        if wanted:
            roles = [role for role in roles if role.value == wanted]
        if len(roles) != 1:
            raise Forbidden(
                "this account has no such role here"
                if not roles
                else f"this account has several roles: {', '.join(roles)}",
                remedy="Ask whoever manages accounts for a role."
                if not roles
                else "Choose one of them when you sign in.",
                code="no_role" if not roles else "which_role",
            )
        subject = str(said.get(profile.lasting) or said["sub"])
        if len(subject) > LONGEST_ID:
            raise TokenRefused(f"the account's id has more than {LONGEST_ID} characters")
        name = said.get(profile.name)
        # the name is cut short, never the id: whoever bears a name may change it
        known = " ".join(name.split())[:MOST_OF_NAME] if isinstance(name, str) else ""
        return Principal(Account(known, subject).actor, roles[0])

    def _described(self) -> dict[str, Any]:
        if not self._about:
            said = self._ask(self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if said.get("issuer") != self.settings.issuer:
                raise ProviderGone(
                    f"{self.settings.issuer} says that it is {str(said.get('issuer'))[:200]!r}",
                    remedy=f"Write the issuer in {SETTING} as the provider does.",
                )
            try:
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    secure(str(said.get(name)))
            except ValueError as wrong:
                raise self._gone(str(wrong)) from wrong
            self._about = said
        return self._about

    def _read_keys(self) -> None:
        found = self._ask(str(self._described()["jwks_uri"])).get("keys")
        self._keys = (
            [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []
        )
        self._read_at = time.time()

    def _ask(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        data = None if form is None else urlencode(form).encode()
        asked = urllib.request.Request(url, data, {"Accept": "application/json"})
        try:
            secure(url)
            with _opener().open(asked, timeout=SECONDS) as answer:
                found = json.loads(answer.read(LARGEST))
        except urllib.error.HTTPError as refused:
            refused.close()
            if form is not None and 400 <= refused.code < 500:
                raise TokenRefused("the provider did not take its own code back") from None
            raise self._gone(f"it answers {refused.code}") from refused
        except (OSError, ValueError, ssl.SSLError) as failed:
            raise self._gone(type(failed).__name__) from failed
        if not isinstance(found, dict):
            raise self._gone("it answers something else than an object")
        return found

    def _gone(self, why: str) -> ProviderGone:
        return ProviderGone(
            f"{self.settings.issuer} cannot be asked: {why}",
            remedy="Try again in a minute, or sign in with a token.",
        )

    def _sealed(self, said: Mapping[str, Any]) -> str:
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self.secret).encrypt(nonce, json.dumps(said).encode(), b"oidc")
        return base64.urlsafe_b64encode(sealed).decode()

    def _opened(self, cookie: str) -> dict[str, Any]:
        try:
            raw = base64.urlsafe_b64decode(cookie.encode())
            said = json.loads(AESGCM(self.secret).decrypt(raw[:12], raw[12:], b"oidc"))
        except (InvalidTag, ValueError):
            raise TokenRefused("it was not begun in this browser") from None
        return dict(said)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A provider that sends us elsewhere is not followed: its code would go along."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context()), _NoRedirects
    )
