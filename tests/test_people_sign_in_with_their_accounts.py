"""OpenID Connect against a provider that runs beside: code flow, PKCE, and every wrong answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml
from house import ROOT
from starlette.testclient import TestClient

from features.errors import UsageError
from serving import oidc
from serving.access import Access
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.stock import Stock

KEYCLOAK = {"preferred_username": "a.nalyst", "realm_access": {"roles": ["iom", "offline"]}}
ENTRA = {"preferred_username": "a@force.example", "oid": "0f-1", "roles": ["iom"]}
BACK = "http://localhost/sign-in/callback"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = tmp_path_factory.mktemp("provider") / "port"
    script = str(ROOT / "tests" / "oidc_provider.py")
    with subprocess.Popen([sys.executable, script, str(port)]) as process:
        while not port.exists() or not port.read_text():
            assert process.poll() is None
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.read_text()}"
        process.terminate()


@dataclass
class Sites:
    """The provider, the pages, and a browser between them."""

    issuer: str
    client: TestClient
    ledger: Ledger

    def provider(self, **said: Any) -> None:
        data = json.dumps({"account": KEYCLOAK} | said).encode()
        urllib.request.urlopen(f"{self.issuer}/misbehave", data, timeout=5).close()

    def begin(self, **fields: str) -> str:
        form = {"purpose": "weekly review", "next": "/lists", "token": ""} | fields
        answer = self.client.post("/sign-in/account", data=form)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text.split('href="')[1].split('"')[0])

    def back(self, where: str) -> str:
        answer = httpx.get(where, follow_redirects=False, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"].removeprefix("http://localhost")

    def sign_in(self, **fields: str) -> httpx.Response:
        return self.client.get(self.back(self.begin(**fields)))

    def signed_in(self) -> bool:
        return "/sign-in?" not in self.client.get("/how-scores-are-made").headers.get(
            "location", ""
        )


def written(folder: Path, at: str, **changes: Any) -> Path:
    said = {"profile": "keycloak", "issuer": at, "client_id": "precursor"}
    said |= {"redirect_uri": BACK, "roles": {"iom": "analyst", "ethics": "reviewer"}}
    file = folder / "oidc.yaml"
    file.write_text(yaml.safe_dump(said | changes))
    return file


@pytest.fixture
def sites(
    issuer: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sites]:
    changes = getattr(request, "param", {})
    monkeypatch.setenv("PRECURSOR_OIDC", str(written(tmp_path, issuer, **changes)))
    with Ledger.open() as ledger:
        pages = create_pages(Stock(ledger), ledger, Access(ledger))
        with TestClient(pages, base_url="http://localhost", follow_redirects=False) as client:
            found = Sites(issuer, client, ledger)
            found.provider()
            yield found


def test_somebody_signs_in_and_it_is_on_the_ledger(sites: Sites) -> None:
    assert "Sign in with your account" in sites.client.get("/sign-in").text
    answer = sites.sign_in()
    assert answer.status_code == 200, answer.text
    assert 'url=/lists"' in answer.text
    assert sites.signed_in()
    entry = sites.ledger.entries(limit=1)[0]
    assert (entry.action, entry.role, entry.purpose) == ("sign_in", "analyst", "sign-in by account")
    assert entry.actor == "a.nalyst (u-1)"
    cookies = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    session = next(c for c in cookies if c.startswith("precursor_session="))
    assert "HttpOnly" in session
    assert "SameSite=strict" in session


def test_what_is_asked_of_the_provider_is_bound_to_this_sign_in(sites: Sites) -> None:
    first, second = (parse_qs(urlsplit(sites.begin()).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"]
    assert first["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name][0]) >= 43


@pytest.mark.parametrize("sites", [{"profile": "entra"}], indirect=True)
def test_entra_keeps_roles_and_names_elsewhere(sites: Sites) -> None:
    sites.provider(account=ENTRA)
    assert sites.sign_in().status_code == 200
    assert sites.ledger.entries(limit=1)[0].actor == "a@force.example (0f-1)"
    sites.client.cookies.clear()
    sites.provider(account=KEYCLOAK)
    assert sites.sign_in().status_code == 403


WRONG = {
    "another nonce": {"claims": {"nonce": "x"}},
    "no nonce": {"without": ["nonce"]},
    "expired": {"claims": {"exp": 1_000_000_000}},
    "no expiry": {"without": ["exp"]},
    "not valid yet": {"claims": {"nbf": 9_000_000_000}},
    "issued tomorrow": {"claims": {"iat": 9_000_000_000}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "another application": {"claims": {"aud": "other"}},
    "several applications": {"claims": {"aud": ["precursor", "other"]}},
    "nobody": {"without": ["sub"]},
    "no signature": {"alg": "none"},
    "signed with the public key": {"alg": "HS256"},
    "a broken signature": {"signature": True},
    "no token": {"token": ""},
    "nonsense": {"token": "a.b.c"},
    "brackets without end": {"token": "W1tb" * 5_000 + ".W10.W10"},
    "an expiry that never comes": {"claims": {"exp": float("inf")}},
    "a number for a name": {"claims": {"sub": 7}},
    "an empty name": {"claims": {"sub": ""}},
    "a long token": {"token": "a" * 40_000},
    "another state": {"back": {"state": "x"}},
    "refused by the provider": {"back": {"error": "access_denied"}},
    "another code": {"back": {"code": "x"}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_lets_nobody_in(sites: Sites, what: str) -> None:
    sites.provider(wrong=WRONG[what])
    answer = sites.sign_in()
    assert answer.status_code == 401, answer.text
    assert not sites.signed_in()
    assert "sign_in" not in {entry.action for entry in sites.ledger.entries()}


def test_a_rotated_key_is_read_anew_and_an_unknown_one_is_refused(sites: Sites) -> None:
    assert sites.sign_in().status_code == 200
    for kind in ("RS256", "ES256"):
        sites.provider(rotate={"kind": kind})
        assert sites.sign_in().status_code == 200, kind
    sites.client.cookies.clear()
    sites.provider(rotate={"show": False})
    assert sites.sign_in().status_code == 401
    assert not sites.signed_in()
    sites.provider(rotate={})


def test_a_code_works_once_and_in_the_browser_that_asked(sites: Sites) -> None:
    back = sites.back(sites.begin())
    cookies = httpx.Cookies(sites.client.cookies)
    sites.client.cookies.clear()
    assert sites.client.get(back).status_code == 401, "stolen: the cookie is elsewhere"
    sites.client.cookies.update(cookies)
    assert sites.client.get(back).status_code == 200
    assert sites.client.get(back).status_code == 401
    sites.begin()
    assert sites.client.get(back).status_code == 401, "it belongs to the sign-in before"


@pytest.mark.parametrize(
    ("groups", "role", "status", "code"),
    [
        (["iom", "ethics"], "", 403, "several roles"),
        (["iom", "ethics"], "reviewer", 200, ""),
        (["iom"], "reviewer", 403, "no such role"),
        (["strangers"], "", 403, "no such role"),
        ([], "", 403, "no such role"),
        ("iom", "", 403, "no such role"),
    ],
)
def test_a_role_comes_from_the_groups_of_the_account(
    sites: Sites, groups: Any, role: str, status: int, code: str
) -> None:
    sites.provider(account=KEYCLOAK | {"realm_access": {"roles": groups}})
    answer = sites.sign_in(role=role)
    assert answer.status_code == status, answer.text
    assert code in answer.text


@pytest.mark.parametrize(
    "name", ["x" * 194 + " (u-9)", "x" * 500, "head.of.unit (u-9)", "x\n (u-9)", " "]
)
def test_no_name_of_an_account_takes_the_place_of_its_id(sites: Sites, name: str) -> None:
    sites.provider(account=KEYCLOAK | {"preferred_username": name, "oid": "u-9"})
    assert sites.sign_in().status_code == 200
    actor = sites.ledger.entries(limit=1)[0].actor
    assert re.fullmatch(r"(.+ \()?u-1\)?", actor), actor
    assert len(actor) <= 200


def test_who_fails_too_often_is_locked_out_and_it_is_on_the_ledger(sites: Sites) -> None:
    back = sites.back(sites.begin())
    state = parse_qs(urlsplit(back).query)["state"][0]
    for _ in range(10):
        answer = sites.client.get(f"/sign-in/callback?state={state}&code=y")
        assert answer.status_code == 401
    answer = sites.client.get(back)
    assert answer.status_code == 429, "the right code comes too late"
    assert "15 minutes" in answer.text
    form = {"token": "nonsense", "purpose": "p"}
    assert sites.client.post("/sign-in", data=form).status_code == 429
    entry = sites.ledger.entries(action="refusal", limit=1)[0]
    assert entry.body["code"] == "locked_out"


@pytest.mark.parametrize("what", ["no cookie", "nonsense", "another state", "no state"])
def test_another_site_locks_nobody_out(sites: Sites, what: str) -> None:
    """Ten pictures on any page make a reader's browser come here; it has begun nothing."""
    back = sites.back(sites.begin())
    own = dict(sites.client.cookies)
    sites.client.cookies.clear()
    cookies = {"no cookie": {}, "nonsense": {"precursor_oidc": "x" * 80}}.get(what, own)
    query = "?code=y" if what == "no state" else "?state=x&code=y"
    other = TestClient(sites.client.app, base_url="http://localhost", cookies=cookies)
    for _ in range(12):
        answer = other.get(f"/sign-in/callback{query}", headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 401
    assert "refusal" not in {entry.action for entry in sites.ledger.entries()}
    sites.client.cookies.update(own)
    assert sites.client.get(back).status_code == 200
    assert sites.signed_in()


def test_an_account_without_a_role_counts_as_a_failure(sites: Sites) -> None:
    sites.provider(account=KEYCLOAK | {"realm_access": {"roles": []}})
    assert [sites.sign_in().status_code for _ in range(11)] == [403] * 10 + [429]


def test_a_provider_that_does_not_answer_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECURSOR_OIDC", str(written(tmp_path, "http://127.0.0.1:9")))
    with Ledger.open() as ledger:
        pages = create_pages(Stock(ledger), ledger, Access(ledger))
        with TestClient(pages) as client:
            answer = client.post("/sign-in/account", data={"purpose": "p"})
    assert answer.status_code == 503
    assert "sign in with a token" in answer.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": "http://id.force.example"}, "https"),
        ({"redirect_uri": "http://precursor.force.example/x"}, "https"),
        ({"profile": "okta"}, "profile"),
        ({"roles": {}}, "roles"),
        ({"roles": {"a": "operator"}}, "operator"),
        ({"roles": {"a": "service"}}, "service"),
        ({"client_secret": "x"}, "client_secret"),
    ],
)
def test_settings_that_are_wrong_are_refused_with_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict, says: str
) -> None:
    file = written(tmp_path, "https://id.force.example", **changes)
    monkeypatch.setenv("PRECURSOR_OIDC", str(file))
    with pytest.raises(UsageError, match=says):
        oidc.settings()
    monkeypatch.setenv("PRECURSOR_OIDC", str(tmp_path / "missing.yaml"))
    with pytest.raises(UsageError, match="missing"):
        oidc.settings()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("roles: {iom: reviewer, iom: supervisor}", "iom: there twice"),
        ("roles: {iom: !!bool maybe}", "not YAML"),
    ],
)
def test_a_role_that_is_given_twice_or_is_no_role_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, says: str
) -> None:
    whole = written(tmp_path, "https://id.force.example").read_text()
    kept = {name: said for name, said in yaml.safe_load(whole).items() if name != "roles"}
    file = tmp_path / "roles.yaml"
    file.write_text(yaml.safe_dump(kept) + line + "\n")
    monkeypatch.setenv("PRECURSOR_OIDC", str(file))
    with pytest.raises(UsageError, match=says) as refused:
        oidc.settings()
    assert refused.value.message.startswith(f"PRECURSOR_OIDC: {file}: ")
    assert "docs/access.md" in str(refused.value.remedy)


def test_a_program_that_asks_too_often_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.limits import Rate, TooOften

    now = [0.0]
    rate = Rate(2.0, clock=lambda: now[0])
    for _ in range(10):
        rate.admit("app")
    with pytest.raises(TooOften):
        rate.admit("app")
    rate.admit("another")
    now[0] = 0.5
    rate.admit("app")
    with pytest.raises(TooOften):
        rate.admit("app")
    for wrong in ("0", "many", "nan"):
        monkeypatch.setenv("PRECURSOR_RATE", wrong)
        with pytest.raises(UsageError, match="PRECURSOR_RATE"):
            Rate()


def test_nothing_listens_beyond_this_machine_unencrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.server import _encryption

    for name in ("PRECURSOR_TLS_CERT", "PRECURSOR_TLS_KEY", "PRECURSOR_BEHIND_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert _encryption("127.0.0.1") == []
    with pytest.raises(UsageError, match="unencrypted"):
        _encryption("0.0.0.0")
    monkeypatch.setenv("PRECURSOR_BEHIND_PROXY", "1")
    assert _encryption("0.0.0.0") == []
    monkeypatch.setenv("PRECURSOR_TLS_CERT", str(tmp_path / "cert.pem"))
    with pytest.raises(UsageError, match="PRECURSOR_TLS_KEY"):
        _encryption("0.0.0.0")
    for name in ("cert", "key"):
        (tmp_path / f"{name}.pem").write_text("x")
        monkeypatch.setenv(f"PRECURSOR_TLS_{name.upper()}", str(tmp_path / f"{name}.pem"))
    assert _encryption("0.0.0.0")[0] == "--ssl-certfile"
