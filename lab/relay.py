"""Carries connections from the machine's own loopback into the lab, whose network has no other way in.

Run as `python -m lab.relay FD=HOST:PORT ...` in the head's network: each FD is a listening socket that was opened outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

_CHUNK = 65536


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on bytes until the sender ends or either side breaks, then end the receiver's input."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    """Connect one client to `host:port`; a target that does not answer closes the client's connection."""
    try:
        there_reader, there_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
    for one in (writer, there_writer):
        one.close()


async def _listen(descriptor: int, host: str, port: int) -> asyncio.Server:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await carry(reader, writer, host, port)

    return await asyncio.start_server(accept, sock=socket.socket(fileno=descriptor))


async def main(ways: list[str]) -> None:
    """Serve all ways until killed."""
    servers = []
    for way in ways:
        descriptor, _, target = way.partition("=")
        host, _, port = target.rpartition(":")
        servers.append(await _listen(int(descriptor), host, int(port)))
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
