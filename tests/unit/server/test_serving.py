"""How the server listens."""

from __future__ import annotations

import asyncio
import socket

from begat.lineage.server import serving


def test_answers_are_not_held_back() -> None:
    """A connection sends what it has at once, and waits for no acknowledgement."""

    async def delayed(listening: socket.socket) -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(answer, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            nodelay = await found
            writer.close()
            await writer.wait_closed()
            return nodelay

    with serving._bound(socket.AF_INET, ("127.0.0.1", 0)) as listening:
        assert asyncio.run(delayed(listening)) != 0
