"""Services of the stack behind TLS, as sites have them: fronts of the loopback with a certificate of their own, in a region of their own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lab.nova import Nova

REGION = "behind-tls"
_SERVICES = {"identity": "keystone", "compute": "nova", "image": "glance", "network": "neutron"}


@contextlib.contextmanager
def fronts(nova: Nova, directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield Keystone's https address and the authority's file, while the catalog's region REGION has all services there."""
    certificate, key = write_certificate(directory)
    with contextlib.ExitStack() as stack:
        urls = {kind: stack.enter_context(front(nova.place.url(service), certificate, key)) for kind, service in _SERVICES.items()}
        stack.enter_context(_in_catalog(nova, urls))
        yield urls["identity"], certificate


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that is its own authority, and its key; return their files."""
    certificate, key = directory / "front.pem", directory / "front.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=front of the tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60)
    return certificate, key


@contextlib.contextmanager
def front(url: str, certificate: Path, key: Path) -> Iterator[str]:
    """Yield an https address that passes everything on to an http one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    behind = urlsplit(url)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(lambda *ends: _pass_on(behind.port, *ends), "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}{behind.path}"
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


async def _pass_on(port: int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    further_reader, further_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_copy(reader, further_writer), _copy(further_reader, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
    target.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextlib.contextmanager
def _in_catalog(nova: Nova, urls: Mapping[str, str]) -> Iterator[None]:
    session, base = nova.admin.client.session, nova.auth_url
    session.put(f"{base}/regions/{REGION}", json={"region": {}})
    services = {one["type"]: one["id"] for one in session.get(f"{base}/services").json()["services"]}
    made = []
    for kind, url in urls.items():
        endpoint = {"service_id": services[kind], "interface": "public", "region_id": REGION, "url": url}
        made.append(session.post(f"{base}/endpoints", json={"endpoint": endpoint}).json()["endpoint"]["id"])
    try:
        yield
    finally:
        for endpoint_id in made:
            session.delete(f"{base}/endpoints/{endpoint_id}")
        session.delete(f"{base}/regions/{REGION}")
