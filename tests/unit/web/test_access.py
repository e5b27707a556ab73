"""Who may do what: nobody, a reader, an operator, wrong and expired tokens, foreign pages, over every call there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltext.dynamiccluster.web.access import Doors, Identity
from saltext.dynamiccluster.web.calls import CALLS, Call
from saltext.dynamiccluster.web.sessions import Sessions, Throttle

from .house import EXPIRED, NOBODY, OPERATOR, READER, House
from .test_shapes import BODIES, path_of

# events never ends: it has tests of its own
MATRIX = [call for call in CALLS if call.does != "events"]
NAMES = [f"{call.method} {call.path}" for call in MATRIX]
WRONG = "f" * 64


def ask(house: House, call: Call, **more: str) -> int:
    """Ask without effect: what changes something is only tried."""
    path = path_of(call, house)
    path += ("&" if "?" in path else "?") + "test=true" if call.changes else ""
    return house.ask(call.method, path, BODIES.get(call.path), **more).status


@pytest.mark.parametrize("call", MATRIX, ids=NAMES)
class TestMatrix:
    def test_nobody(self, shown: House, call: Call) -> None:
        assert ask(shown, call, token="") == (401 if call.right else 200)

    def test_a_token_that_is_none(self, shown: House, call: Call) -> None:
        for token in (WRONG, EXPIRED, "../../etc/passwd", "a b"):
            assert ask(shown, call, token=token) == (401 if call.right else 200), token

    def test_somebody_without_rights(self, shown: House, call: Call) -> None:
        assert ask(shown, call, token=NOBODY) == (403 if call.right else 200)

    def test_a_reader(self, shown: House, call: Call) -> None:
        assert ask(shown, call, token=READER) == (403 if call.changes else 200)

    def test_an_operator(self, shown: House, call: Call) -> None:
        assert ask(shown, call) in (200, 400)
        bearer = ask(shown, call, token="", Authorization=f"Bearer {OPERATOR}")
        assert bearer == ask(shown, call)

    def test_a_foreign_page(self, shown: House, call: Call) -> None:
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "file://", "http://["):
            assert ask(shown, call, Origin=origin) == 403, origin

    def test_our_own_page(self, shown: House, call: Call) -> None:
        assert ask(shown, call, Origin=f"http://127.0.0.1:{shown.port}") in (200, 400)

    def test_a_foreign_host(self, shown: House, call: Call) -> None:
        for host in ("evil.example", "evil.example:8001", "127.0.0.1.evil.example", "", "[::1"):
            assert ask(shown, call, host=host) == 421, host

    @pytest.mark.thorough
    def test_one_right_is_not_another(self, shown: House, call: Call) -> None:
        if not call.right:
            return
        token = "one-right-" + call.right.ljust(16, "x")
        shown.register.tokens[token] = Identity("olga", frozenset({call.right}))
        for other in MATRIX:
            expected = (200, 400) if other.right in ("", call.right) else (403,)
            assert ask(shown, other, token=token) in expected, other


def test_anonymous_reading(tmp_path: Path) -> None:
    with House(tmp_path, anonymous_read=True) as house:
        house.grow(1)
        for call in MATRIX:
            status = ask(house, call, token="")
            assert status == (401 if call.changes else 200), call
            assert ask(house, call, token=WRONG) == (401 if call.right else 200), call


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8001", "127.0.0.1", "[::1]:8001", "10.1.2.3:80", "head.example.org", "head.example.org.:1"])
def test_hosts_that_are_ours(host: str) -> None:
    assert Doors(("head.example.org",)).knows_host(host)


def test_an_origin_behind_a_proxy_that_does_tls() -> None:
    assert Doors.is_own_origin("https://head.example.org", "head.example.org")
    assert Doors.is_own_origin("https://head.example.org:443", "head.example.org")
    assert not Doors.is_own_origin("https://head.example.org:444", "head.example.org")
    assert not Doors.is_own_origin("ftp://head.example.org", "head.example.org")


def test_a_token_is_looked_up_once_for_many_requests(shown: House) -> None:
    shown.get("/status")
    before = shown.register.lookups
    assert [shown.get("/status").status for _ in range(20)] == [200] * 20
    assert shown.register.lookups == before


def test_a_right_that_is_taken_away_is_gone_soon(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltext.dynamiccluster.web.access._FRESH", 0.0)
    assert house.get("/status").status == 200
    del house.register.tokens[OPERATOR]
    assert house.get("/status").status == 401


def test_a_token_store_that_is_away_lets_nobody_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.register.broken = True
    answer = house.get("/status", token="some-other-token-nobody-asked-of")
    assert answer.status == 503 and "cannot be told" in answer.json["error"]
    house.register.broken = False
    assert house.get("/status").status == 200


# -- browsers -------------------------------------------------------------------------------------------------------


def log_in(house: House, **body: str) -> tuple[str, str]:
    answer = house.ask("POST", "/login", body or {"username": "bob", "password": "bobs-password"}, token="")
    assert answer.status == 200, answer
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    return cookie.partition(";")[0], answer.json["csrf"]


@pytest.mark.parametrize("body", [{}, {"token": OPERATOR}, {"username": "bob", "password": "bobs-password", "eauth": "pam"}])
def test_a_session(house: House, body: dict[str, str]) -> None:
    cookie, csrf = log_in(house, **body)
    assert house.get("/status", token="", Cookie=cookie).status == 200
    assert house.put("/server/auto", token="", Cookie=cookie).status == 403
    assert house.put("/server/auto", token="", Cookie=cookie, X_CSRF_Token="wrong").status == 403
    assert house.put("/server/auto", token="", Cookie=cookie, X_CSRF_Token=csrf).status == 200
    session = house.get("/session", token="", Cookie=cookie).json
    assert session["authenticated"] and session["csrf"] == csrf and session["eauth"] == ["pam"]
    assert house.ask("POST", "/logout", token="", Cookie=cookie).status == 403
    assert house.ask("POST", "/logout", token="", Cookie=cookie, X_CSRF_Token=csrf).json == {"success": True}
    assert house.get("/status", token="", Cookie=cookie).status == 401
    assert not house.get("/session", token="", Cookie=cookie).json["authenticated"]
    assert (OPERATOR in house.register.tokens) and not any(token.startswith("token-of-bob") for token in house.register.tokens)


def test_a_session_survives_a_restart_of_the_engine(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        cookie, csrf = log_in(house, token=OPERATOR)
    kept = tmp_path / "sessions.json"
    assert kept.stat().st_mode & 0o777 == 0o600 and cookie.partition("=")[2] not in kept.read_text()
    with House(tmp_path) as house:
        assert house.put("/server/auto", token="", Cookie=cookie, X_CSRF_Token=csrf).status == 200


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": {"token": 1}}'])
def test_damaged_sessions_mean_logging_in_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.json").write_text(content)
    assert Sessions(tmp_path / "s.json").find("a") is None


def test_logging_in_is_limited(house: House) -> None:
    tries = [house.ask("POST", "/login", {"username": "bob", "password": f"guess{number}"}, token="") for number in range(6)]
    assert [answer.status for answer in tries] == [401] * 5 + [429] and int(tries[-1].headers["Retry-After"]) > 0
    assert house.ask("POST", "/login", {"username": "bob", "password": "bobs-password"}, token="").status == 429
    assert house.ask("POST", "/login", {"token": OPERATOR}, token="").status == 200
    house.pass_time(61)
    assert house.ask("POST", "/login", {"username": "bob", "password": "bobs-password"}, token="").status == 200


def test_the_limit_passes() -> None:
    now = [0.0]
    throttle = Throttle({"user": 2}, lambda: now[0])
    keys = [("user", "bob")]
    for at in (0.0, 1.0):
        now[0] = at
        throttle.failed(keys)
    assert throttle.wait(keys) == 59.0 and throttle.wait([("user", "eve")]) == 0.0
    now[0] = 60.5
    assert throttle.wait(keys) == 0.0


@pytest.mark.parametrize(
    "body, kind, status",
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 10_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"username": "bob"}', "application/json", 400),
        (b'{"username": "bob", "password": 1}', "application/json", 400),
        (b'{"username": "bob", "password": ""}', "application/json", 400),
        (b'{"username": "bob", "password": "x", "more": "y"}', "application/json", 400),
        (b'{"username": "bob", "password": "x", "eauth": "nosuch"}', "application/json", 400),
        (b'{"username": "bob\\u0000", "password": "x"}', "application/json", 400),
        (b'{"token": "\\ud800"}', "application/json", 400),
        (b'{"token": "x", "username": "bob"}', "application/json", 400),
        (b'{"token": "x"}', "application/json", 401),
        (b'{"token": "../../../etc/passwd"}', "application/json", 401),
        (b"username=bob&password=bobs-password", "application/x-www-form-urlencoded", 415),
        (b'{"username": "bob", "password": "bobs-password"}', "text/plain", 415),
        (b'{"token": "' + b"x" * 20_000 + b'"}', "application/json", 413),
    ],
)
def test_what_is_no_login(shown: House, body: bytes, kind: str, status: int) -> None:
    answer = shown.ask("POST", "/login", body, token="", Content_Type=kind)
    assert (answer.status, answer.json["status"]) == (status, status) and "Set-Cookie" not in answer.headers


def test_a_cookie_of_somebody_else_is_nobody(shown: House) -> None:
    assert shown.get("/status", token="", Cookie="dynamiccluster_session=guessed").status == 401
