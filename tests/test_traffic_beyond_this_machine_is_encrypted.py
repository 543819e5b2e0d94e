"""A server with a certificate answers over TLS alone; without one it stays on this machine."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import ipaddress
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from house import ROOT
from served import NAME
from started import free_port, started

from features.errors import UsageError
from serving.server import serve


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for loopback that nobody else has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "precursor.force.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def test_scores_travel_encrypted_and_in_no_other_way(
    certificate: tuple[Path, Path],
    precursor_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cert, key = certificate
    monkeypatch.setenv("PRECURSOR_TLS_CERT", str(cert))
    monkeypatch.setenv("PRECURSOR_TLS_KEY", str(key))
    trusting = ssl.create_default_context(cafile=str(cert))
    with started(precursor_home, tmp_path, tls=trusting) as server:
        asked = {
            "question": NAME,
            "nominal_ids": ["N0001"],
            "purpose": "weekly review",
            "on_behalf_of": "PC 1234",
        }
        headers = {
            "Authorization": f"Bearer {server.token}",
            "Content-Type": "application/json",
        }
        status, body = server.ask("POST", "/v1/scores", json.dumps(asked).encode(), **headers)
        assert status == 200, body
        assert len(json.loads(body)["scores"] + json.loads(body)["rejected"]) == 1

        plain = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        with contextlib.closing(plain):
            plain.request("GET", "/livez")
            with pytest.raises((http.client.HTTPException, OSError)):
                plain.getresponse()

        doubting = ssl.create_default_context()  # does not know who signed it
        strange = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=20, context=doubting
        )
        with contextlib.closing(strange), pytest.raises(ssl.SSLCertVerificationError):
            strange.request("GET", "/livez")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_nothing_is_started_beyond_loopback_without_encryption(
    host: str, precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PRECURSOR_TLS_CERT", "PRECURSOR_TLS_KEY", "PRECURSOR_BEHIND_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=r"unencrypted.*PRECURSOR_TLS_CERT"):
        serve(host, free_port())
    ran = subprocess.run(
        [sys.executable, "precursor.py", "serve", "--host", host, "--port", str(free_port())],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "unencrypted" in ran.stderr
