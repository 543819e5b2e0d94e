"""A provider of accounts for the tests: OpenID Connect on loopback, as a process of its own.

It runs as ``python oidc_provider.py PORT_FILE`` and keeps to the standard (one-use codes, PKCE,
a key set), but for what ``POST /misbehave`` tells it to do wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

CLIENT = "precursor"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def whole(number: int, length: int = 0) -> str:
    return b64(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))


class Keys:
    """Signing keys: the current one, and what the key set shows."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.rotate()

    def rotate(self, *, show: bool = True, kind: str = "RS256") -> None:
        """Sign with a new key from now on; the old one leaves the key set."""
        self.kind, self.kid = kind, secrets.token_hex(4)
        if kind == "RS256":
            self.key: Any = rsa.generate_private_key(65537, 2048)
            numbers = self.key.public_key().public_numbers()
            jwk = {"kty": "RSA", "n": whole(numbers.n), "e": whole(numbers.e)}
        else:
            self.key = ec.generate_private_key(ec.SECP256R1())
            numbers = self.key.public_key().public_numbers()
            jwk = {"kty": "EC", "crv": "P-256"}
            jwk |= {"x": whole(numbers.x, 32), "y": whole(numbers.y, 32)}
        if show:
            self.shown = [{**jwk, "kid": self.kid, "use": "sig"}]

    def sign(self, said: dict[str, Any], alg: str | None = None) -> str:
        header = {"alg": alg or self.kind, "kid": self.kid, "typ": "JWT"}
        text = ".".join(b64(json.dumps(part).encode()) for part in (header, said))
        if alg == "none":
            return text + "."
        if alg == "HS256":  # signed with what everybody knows: the public key
            known = json.dumps(self.shown).encode()
            return f"{text}.{b64(hmac.digest(known, text.encode(), 'sha256'))}"
        if self.kind == "RS256":
            return f"{text}.{b64(self.key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(SHA256())))
        return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Provider(ThreadingHTTPServer):
    """The provider's state: who signs in next, what is issued, what goes wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.keys = Keys()
        self.codes: dict[str, dict[str, Any]] = {}
        self.wrong: dict[str, Any] = {}
        self.account: dict[str, Any] = {}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "sub": "u-1", "nonce": nonce}
        said |= {"iat": now, "exp": now + 300, **self.account, **self.wrong.get("claims", {})}
        for name in self.wrong.get("without", ()):
            said.pop(name, None)
        token = self.keys.sign(said, self.wrong.get("alg"))
        if self.wrong.get("signature"):
            head, body, mark = token.split(".")
            token = f"{head}.{body}.{('A' if mark[0] != 'A' else 'B') + mark[1:]}"
        return str(self.wrong.get("token", token))


class Handler(BaseHTTPRequestHandler):
    """The endpoints."""

    server: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        server = self.server
        if parts.path == "/.well-known/openid-configuration":
            at = server.issuer
            said = {"issuer": server.wrong.get("issuer", at), "jwks_uri": f"{at}/keys"}
            said |= {"authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token"}
            self.answer(said)
        elif parts.path == "/keys":
            self.answer({"keys": server.keys.shown})
        elif parts.path == "/authorize":
            good = asked.get("client_id") == CLIENT and asked.get("response_type") == "code"
            if not good or asked.get("code_challenge_method") != "S256":
                return self.answer({"error": "invalid_request"}, 400)
            code = secrets.token_urlsafe(16)
            server.codes[code] = asked
            back = {"code": code, "state": asked["state"], **server.wrong.get("back", {})}
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
            self.end_headers()
        else:
            self.answer({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path == "/misbehave":
            said = json.loads(body)
            server.account, server.wrong = said.get("account", {}), said.get("wrong", {})
            if "rotate" in said:
                server.keys.rotate(**said["rotate"])
            return self.answer({})
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        begun = server.codes.pop(form.get("code", ""), None)  # once
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            begun is None
            or begun["code_challenge"] != challenge
            or begun["redirect_uri"] != form.get("redirect_uri")
        ):
            return self.answer({"error": "invalid_grant"}, 400)
        self.answer({"id_token": server.id_token(begun["nonce"]), "token_type": "Bearer"})

    def answer(self, said: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    provider = Provider()
    Path(sys.argv[1]).write_text(str(provider.server_port))
    provider.serve_forever()
