"""Whoever asks is known: tokens, one-use links, sessions, roles; each on the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import ROOT
from hypothesis import given
from hypothesis import strategies as st
from ledgers import address  # noqa: F401 - fixture
from sqlalchemy.engine import Connection

from features.errors import NotFound, PrecursorError, UsageError
from serving.access import (
    GIVEN,
    PERMISSIONS,
    Access,
    Forbidden,
    Permission,
    Principal,
    Role,
    Unauthorised,
    allows,
    operator,
    require,
)
from serving.chain import Action
from serving.credentials import check_csrf
from serving.drafts import who_it_was
from serving.ledger import Ledger
from serving.sessions import extend


class Clock:
    """A clock that a test can put forward."""

    def __init__(self) -> None:
        self.time = datetime(2026, 2, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(clock=clock) as opened:
        yield opened


@pytest.fixture
def access(ledger: Ledger) -> Access:
    return Access(ledger)


def actions(ledger: Ledger) -> list[str]:
    return [entry.action for entry in reversed(ledger.entries(limit=None))]


@pytest.mark.parametrize("role", GIVEN)
def test_a_token_says_who_asks(access: Access, ledger: Ledger, role: Role) -> None:
    token = access.issue_token("case-system", role, 30)
    expected = Principal("case-system", role)
    assert access.authenticate(token) == expected
    assert access.authenticate(f"Bearer {token}") == expected
    assert access.authenticate(f"bearer  {token} ") == expected
    (entry,) = ledger.entries()
    assert entry.action == "token_issued"
    assert entry.actor == operator().actor
    assert entry.body["actor"] == "case-system"
    assert entry.body["role"] == role.value
    assert entry.body["expires_at"] == "2026-03-03T09:00:00.000000Z"


def test_tokens_have_256_bits_and_are_kept_hashed(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        tokens = {Access(opened).issue_token("app", "service") for _ in range(5)}
        held = b"".join(file.read_bytes() for file in precursor_home.rglob("*") if file.is_file())
    assert len(tokens) == 5
    for token in tokens:
        secret = token.removeprefix("precursor_")
        assert len(secret) == 43
        assert secret.encode() not in held


@pytest.mark.parametrize(
    "bearer",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "precursor_",
        "nonsense",
        "\ud800",
        "é" * 9,
        "a\0",
    ],
)
def test_no_token_is_nobody(access: Access, bearer: str | None) -> None:
    access.issue_token("app", "service")
    with pytest.raises(Unauthorised) as refused:
        access.authenticate(bearer)
    assert refused.value.status == 401
    assert refused.value.as_json()["error"]["code"] == "unauthorised"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """Return access that many examples may ask, none of which changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(tmp_path_factory.mktemp("shared")))
        opened = Ledger.open()
    with opened:
        given_out = Access(opened)
        given_out.issue_token("app", "service")
        yield given_out


@given(text=st.text())
def test_no_text_is_taken_for_a_token(shared: Access, text: str) -> None:
    with pytest.raises(Unauthorised):
        shared.authenticate(text)
    with pytest.raises(Unauthorised):
        shared.session(text)


def test_a_token_expires(access: Access, clock: Clock) -> None:
    token = access.issue_token("app", "service", 1)
    clock.forward(hours=23, minutes=59)
    assert access.authenticate(token).actor == "app"
    clock.forward(minutes=1)
    with pytest.raises(Unauthorised):
        access.authenticate(token)


def test_a_token_can_be_revoked(access: Access, ledger: Ledger) -> None:
    first, second = (access.issue_token(actor, "service") for actor in ("first", "second"))
    listed = {token.actor: token for token in access.tokens()}
    assert first not in str(access.tokens())
    access.revoke(listed["first"].token_id, purpose="left the project")
    with pytest.raises(Unauthorised):
        access.authenticate(first)
    assert access.authenticate(second).actor == "second"
    assert [bool(t.revoked_at) for t in sorted(access.tokens(), key=lambda t: t.actor)] == [
        True,
        False,
    ]
    entry = ledger.entries()[0]
    assert (entry.action, entry.purpose) == ("token_revoked", "left the project")
    for token_id in (listed["first"].token_id, "nobody"):
        with pytest.raises(NotFound):
            access.revoke(token_id, purpose="again")
    with pytest.raises(UsageError, match="purpose"):
        access.revoke(listed["second"].token_id, purpose=" ")
    assert access.authenticate(second).actor == "second", "what is not recorded does not happen"


@pytest.mark.parametrize("role", ["analyst", "data_scientist", "service"])
def test_the_ledger_calls_no_token_a_programs(access: Access, ledger: Ledger, role: str) -> None:
    access.issue_token("first", role)
    (entry,) = ledger.entries()
    assert entry.purpose == f"access as {role.replace('_', ' ')}"
    assert "program" not in entry.purpose + Action(entry.action).words


@pytest.mark.parametrize(
    ("actor", "role", "days", "says"),
    [
        ("app", "operator", 1, "operator"),
        ("app", "admin", 1, "admin"),
        ("app", "service", 0, "0 days"),
        ("app", "service", 400, "400 days"),
        (" ", "service", 1, "actor"),
    ],
)
def test_what_cannot_be_given_is_refused(
    access: Access, ledger: Ledger, actor: str, role: str, days: int, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        access.issue_token(actor, role, days)
    if days == 1:
        with pytest.raises(UsageError, match=says):
            access.issue_link(actor, role)
    assert access.tokens() == []
    assert ledger.entries() == []


def test_a_link_works_once_for_a_session_of_eight_hours(
    access: Access, ledger: Ledger, clock: Clock
) -> None:
    link = access.issue_link("a.nalyst", "analyst")
    cookie = access.sign_in(link, "127.0.0.1")
    session = access.session(cookie)
    assert session.principal == Principal("a.nalyst", Role.ANALYST)
    with pytest.raises(Unauthorised, match="not any more"):
        access.sign_in(link, "127.0.0.1")
    assert actions(ledger) == ["link_issued", "sign_in", "refusal"]
    assert ledger.entries()[1].actor == "a.nalyst"
    clock.forward(hours=7, minutes=59)
    assert access.session(cookie) == session
    clock.forward(minutes=1)
    with pytest.raises(Unauthorised) as refused:
        access.session(cookie)
    assert refused.value.code == "signed_out"


def test_a_link_is_good_for_fifteen_minutes(access: Access, clock: Clock) -> None:
    link = access.issue_link("a.nalyst", "analyst")
    clock.forward(minutes=15)
    with pytest.raises(Unauthorised):
        access.sign_in(link, "::1")


@pytest.mark.parametrize("host", [None, "", "10.0.0.1", "192.168.1.7", "localhost.evil", "0.0.0.0"])
def test_a_link_works_only_on_the_machine_itself(access: Access, host: str | None) -> None:
    link = access.issue_link("a.nalyst", "analyst")
    with pytest.raises(Forbidden):
        access.sign_in(link, host)
    assert access.sign_in(link, "127.0.0.1"), "a refused try does not use it up"


def test_a_link_used_by_many_at_once_lets_one_in(access: Access, ledger: Ledger) -> None:
    link = access.issue_link("a.nalyst", "analyst")
    outcomes: list[bool] = []

    def use() -> None:
        try:
            outcomes.append(bool(access.sign_in(link, "127.0.0.1")))
        except Unauthorised:
            outcomes.append(False)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]
    assert actions(ledger).count("sign_in") == 1


def test_access_is_given_and_ended_on_either_database(address: str) -> None:  # noqa: F811
    with Ledger.open(address) as opened:
        access = Access(opened)
        token = access.issue_token("app", "service")
        assert access.authenticate(token) == Principal("app", Role.SERVICE)
        session = access.sign_in_with_token(access.issue_token("r.eviewer", "reviewer"))
        access.revoke(access.tokens()[0].token_id, purpose="left the project")
        with pytest.raises(Unauthorised):
            access.session(session)
        assert access.authenticate(token)
        cookie = access.sign_in(access.issue_link("a.nalyst", "analyst"), "::1")
        assert access.session(cookie).principal == Principal("a.nalyst", Role.ANALYST)
        access.sign_out(cookie)
        with pytest.raises(Unauthorised):
            access.session(cookie)
        assert actions(opened) == [
            "token_issued",
            "token_issued",
            "sign_in",
            "token_revoked",
            "link_issued",
            "sign_in",
            "sign_out",
        ]
        assert opened.verify().ok


def test_secrets_of_one_kind_are_none_of_another(access: Access) -> None:
    token = access.issue_token("app", "service")
    link = access.issue_link("a.nalyst", "analyst")
    cookie = access.sign_in(access.issue_link("a.nalyst", "analyst"), "127.0.0.1")
    for wrong in (link, cookie):
        with pytest.raises(Unauthorised):
            access.authenticate(wrong)
    for wrong in (token, link):
        with pytest.raises(Unauthorised):
            access.session(wrong)
    for wrong in (token, cookie):
        with pytest.raises(Unauthorised):
            access.sign_in(wrong, "127.0.0.1")


def test_signing_out_ends_the_session(access: Access, ledger: Ledger) -> None:
    cookie = access.sign_in(access.issue_link("a.nalyst", "analyst"), "127.0.0.1")
    access.sign_out(cookie)
    with pytest.raises(Unauthorised):
        access.session(cookie)
    access.sign_out(cookie)
    access.sign_out("nobody's")
    assert actions(ledger) == ["link_issued", "sign_in", "sign_out"]


def test_a_person_can_sign_in_with_a_token_and_a_program_cannot(
    access: Access, ledger: Ledger, clock: Clock
) -> None:
    token = access.issue_token("r.eviewer", "reviewer", 1)
    clock.forward(hours=20)
    cookie = access.sign_in_with_token(token)
    assert access.session(cookie).principal == Principal("r.eviewer", Role.REVIEWER)
    assert ledger.entries()[0].action == "sign_in"
    clock.forward(hours=4)
    for outlived in (lambda: access.session(cookie), lambda: access.sign_in_with_token(token)):
        with pytest.raises(Unauthorised):
            outlived()
    with pytest.raises(Forbidden, match="program"):
        access.sign_in_with_token(access.issue_token("app", "service"))
    with pytest.raises(Unauthorised):
        access.sign_in_with_token("nonsense")


@pytest.mark.parametrize(("spent", "lasts"), [(13, 11), (15, 9), (17, 7), (0, 12)])
def test_a_session_is_not_extended_past_its_tokens_end(
    access: Access, ledger: Ledger, clock: Clock, spent: int, lasts: int
) -> None:
    token = access.issue_token("a.nalyst", "analyst", 1)
    clock.forward(hours=spent)
    cookie = access.sign_in_with_token(token)
    ends = datetime.fromisoformat(access.session(cookie).expires_at)
    assert ends - clock() == timedelta(hours=min(lasts, 8))
    if lasts > 8:
        assert extend(access, ledger, cookie) - clock() == timedelta(hours=lasts)
    with pytest.raises(Forbidden, match="cannot be extended"):
        extend(access, ledger, cookie)
    clock.forward(hours=lasts, minutes=-1)
    assert access.session(cookie)
    clock.forward(minutes=1)
    with pytest.raises(Unauthorised):
        access.session(cookie)
    assert ledger.verify().ok


def test_a_token_that_is_revoked_while_somebody_signs_in_opens_nothing(
    access: Access, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, proven = access.issue_token("a.nalyst", "analyst"), access.authenticate

    def meanwhile(secret: str | None) -> Principal:
        who = proven(secret)
        access.revoke(access.tokens()[0].token_id, purpose="left")
        return who

    monkeypatch.setattr(access, "authenticate", meanwhile)
    with pytest.raises(Unauthorised):
        access.sign_in_with_token(token)
    assert actions(ledger) == ["token_issued", "token_revoked"]


def test_a_session_that_is_ended_meanwhile_is_not_extended(
    access: Access, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = access.sign_in(access.issue_link("a.nalyst", "analyst"), "127.0.0.1")
    opened = ledger.transaction

    def meanwhile() -> AbstractContextManager[Connection]:
        monkeypatch.setattr(ledger, "transaction", opened)
        access.sign_out(cookie)
        return opened()

    monkeypatch.setattr(ledger, "transaction", meanwhile)
    with pytest.raises(Unauthorised):
        extend(access, ledger, cookie)
    assert actions(ledger)[-1] == "sign_out"


def test_revoking_a_token_ends_its_actors_sessions_in_its_role_and_no_others(
    access: Access, ledger: Ledger
) -> None:
    tokens = {
        (actor, role): access.issue_token(actor, role)
        for actor, role in (("first", "analyst"), ("first", "reviewer"), ("second", "analyst"))
    }
    cookies = {who: access.sign_in_with_token(token) for who, token in tokens.items()}
    by_link = {
        role: access.sign_in(access.issue_link("first", role), "127.0.0.1")
        for role in ("analyst", "reviewer")
    }
    listed = {(token.actor, token.role.value): token.token_id for token in access.tokens()}
    access.revoke(listed["first", "analyst"], purpose="changed duties")
    with pytest.raises(Unauthorised):
        access.session(cookies["first", "analyst"])
    assert access.session(cookies["first", "reviewer"])
    assert access.session(cookies["second", "analyst"])
    with pytest.raises(Unauthorised):
        access.session(by_link["analyst"])
    assert access.session(by_link["reviewer"])
    assert ledger.entries()[0].body["sessions_ended"] == 2


def test_a_form_belongs_to_its_session(access: Access, ledger: Ledger) -> None:
    cookies = [
        access.sign_in(access.issue_link("a.nalyst", "analyst"), "127.0.0.1") for _ in range(2)
    ]
    own, other = (access.session(cookie).csrf for cookie in cookies)
    check_csrf(cookies[0], own)
    for wrong in (other, "", None, own[:-1], cookies[0], "é", "\ud800"):
        with pytest.raises(Forbidden) as refused:
            check_csrf(cookies[0], wrong)
        assert refused.value.code == "csrf"
        assert who_it_was(ledger, cookies[0], wrong or "") is None
    assert who_it_was(ledger, cookies[0], own) == Principal("a.nalyst", Role.ANALYST)


def test_nothing_is_given_that_cannot_be_recorded(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = access.issue_link("a.nalyst", "analyst")

    def broken(*_: object, **__: object) -> None:
        raise PrecursorError("the ledger is gone", remedy="Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append_within", broken)
        for attempt in (
            lambda: access.issue_token("app", "service"),
            lambda: access.issue_link("a.nalyst", "analyst"),
            lambda: access.sign_in(link, "127.0.0.1"),
        ):
            with pytest.raises(PrecursorError, match="gone"):
                attempt()
    assert access.tokens() == []
    assert access.sign_in(link, "127.0.0.1"), "the link was not used up either"


def test_every_permission_has_roles_and_a_reason() -> None:
    assert set(PERMISSIONS) == set(Permission)
    for permission, rule in PERMISSIONS.items():
        assert rule.roles, permission
        assert set(rule.roles) <= set(GIVEN)
        assert rule.reason.endswith(".")


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_its_rule_says(role: Role, permission: Permission) -> None:
    principal = Principal("somebody", role)
    if role is Role.OPERATOR or role in PERMISSIONS[permission].roles:
        assert allows(role, permission)
        require(principal, permission)
    else:
        with pytest.raises(Forbidden) as refused:
            require(principal, permission)
        assert refused.value.status == 403
        assert PERMISSIONS[permission].reason in refused.value.remedy


def test_what_the_house_promises_about_roles() -> None:
    assert not allows(Role.SERVICE, "decision"), "people decide"
    assert not allows(Role.SERVICE, "challenge")
    personal = ("score", "view", "list", "export", "decision", "challenge", "replay", "audit")
    assert not any(allows(Role.DATA_SCIENTIST, each) for each in personal)
    assert not allows(Role.REVIEWER, "decision"), "nobody reviews their own decisions"
    assert not allows(Role.ANALYST, "audit")
    for each in ("promotion", "publish", "tea"):  # a command's, so an operator's, or nobody's
        with pytest.raises(ValueError, match=each):
            allows(Role.ANALYST, each)


def test_every_rule_of_the_table_is_asked_somewhere() -> None:
    table = ROOT / "serving" / "permissions.py"
    asking = [path.read_text() for path in (ROOT / "serving").rglob("*.py") if path != table]
    told = "\n".join(asking)
    assert [one for one in Permission if f"Permission.{one.name}" not in told] == []
