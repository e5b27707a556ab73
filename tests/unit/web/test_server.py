"""Where and how the server listens: loopback or TLS or an explicit word; what goes wrong is a problem to tell, never the engine's end."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from saltext.dynamiccluster.settings import load

from .house import House, free_port, pillar


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def change(house: House, **server: object) -> None:
    """Have other settings of the server come into force."""
    core = house.world.core
    core.parts = type(core.parts)(**{**{name: getattr(core.parts, name) for name in core.parts.__dataclass_fields__}, "settings": load(pillar(**server))})  # type: ignore[arg-type]
    house.publish()


def test_a_port_that_is_taken_is_a_problem_until_it_is_free(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        house = House(tmp_path)
        house.port = other.getsockname()[1]
        house.world.settings = load(pillar(house.port))
        house.world.core.parts = type(house.world.core.parts)(
            **{**{n: getattr(house.world.core.parts, n) for n in house.world.core.parts.__dataclass_fields__}, "settings": house.world.settings}
        )
        house.__enter__()
        try:
            (problem,) = house.server.problems()
            assert "admin-server" in problem and str(house.port) in problem and "in use" in problem
            house.grow(1)
            other.close()
            eventually(lambda: not house.server.problems())
            assert house.get("/healthz").status == 200
        finally:
            house.__exit__()


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_beyond_loopback_it_does_not_start_without_tls(tmp_path: Path, address: str) -> None:
    with House(tmp_path, address=address) as house:
        (problem,) = house.server.problems()
        assert "beyond loopback" in problem and "tls_certificate" in problem and "without_tls" in problem
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", house.port)) != 0


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "127.0.0.5"])
def test_loopback_needs_no_tls(tmp_path: Path, address: str) -> None:
    with House(tmp_path, address=address) as house:
        assert house.server.problems() == []


def make_certificate(directory: Path) -> tuple[Path, Path]:
    certificate, key = directory / "server.crt", directory / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60)
    return certificate, key


def serial(house: House) -> str:
    """Return the certificate, "" while nothing listens: between the old server and the new one."""
    try:
        return ssl.get_server_certificate(("127.0.0.1", house.port), timeout=60)
    except OSError:
        return ""


def test_tls_and_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with House(tmp_path / "a", tls_certificate=str(certificate), tls_key=str(key)) as house:
        assert house.server.problems() == []
        trusted = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(f"https://127.0.0.1:{house.port}/healthz", context=trusted, timeout=60) as answer:
            assert answer.status == 200
        assert house.server.context.cookie.startswith("__Host-")
        before = serial(house)
        certificate.write_text("half of a certificate")
        eventually(lambda: bool(house.server.problems()))
        assert "serves as before" in house.server.problems()[0] and serial(house) == before
        make_certificate(tmp_path)
        eventually(lambda: serial(house) not in ("", before))
        eventually(lambda: not house.server.problems())


@pytest.mark.parametrize("spoil", ["missing", "nonsense", "foreign key"])
def test_a_certificate_that_cannot_be_used_is_a_problem(tmp_path: Path, spoil: str) -> None:
    certificate, key = make_certificate(tmp_path)
    if spoil == "missing":
        certificate.unlink()
    elif spoil == "nonsense":
        certificate.write_text("nonsense")
    else:
        other = tmp_path / "other"
        other.mkdir()
        key = make_certificate(other)[1]
    with House(tmp_path / "a", tls_certificate=str(certificate), tls_key=str(key)) as house:
        (problem,) = house.server.problems()
        assert "admin-server" in problem and house.server._server is None


def test_other_settings_move_the_server(house: House) -> None:
    old, new = house.port, free_port()
    change(house, port=new)
    eventually(lambda: house.server._serves[1:2] == (new,))
    house.port = new
    assert house.get("/healthz").status == 200
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", old)) != 0


def test_anonymous_reading_comes_and_goes_with_the_settings(house: House) -> None:
    assert house.get("/status", token="").status == 401
    change(house, port=house.port, anonymous_read=True)
    assert house.get("/status", token="").status == 200
    change(house, port=house.port, hosts=["cluster.example.org"])
    eventually(lambda: house.get("/healthz", host="cluster.example.org").status == 200)
    assert house.get("/status", token="").status == 401


def test_before_the_first_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(House, "publish", lambda self: None)
    with House(tmp_path) as house:
        assert house.get("/workernode").status == 503 and house.get("/job/1").status == 503
        assert house.get("/healthz").json == {"status": "starting", "age": None, "acting": ""}
        assert house.get("/session").status == 200 and house.get("/metrics").status == 200
