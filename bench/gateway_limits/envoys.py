"""The benchmark's Envoys, as a process of its own: one server on loopback, an Envoy a path.

``python -m bench.gateway_limits.envoys ENVOYS`` prints its port; a line on its input begins the next round, and it
answers with an empty one. It ends with its input.
"""

import asyncio
import sys

from bench.gateway_limits.answers import config_dump, statistics


class Envoys(asyncio.Protocol):
    """One connection; a request is one read, as loopback gives it."""

    def __init__(self, pages: dict[bytes, bytes]) -> None:
        """Answer with `pages`, by path."""
        self._pages = pages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        path = data.split(b" ", 2)[1].partition(b"?")[0]
        body = self._pages[path]
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def pages(envoys: int, round: int) -> dict[bytes, bytes]:
    """Every page of every Envoy."""
    dump = config_dump()
    found: dict[bytes, bytes] = {}
    for number in range(envoys):
        found[b"/%d/stats/prometheus" % number] = statistics(number, round)
        found[b"/%d/config_dump" % number] = dump
        found[b"/%d/runtime" % number] = b'{"entries": {}, "layers": []}'
    return found


async def main(envoys: int) -> None:
    """Serve until the input ends."""
    loop = asyncio.get_running_loop()
    found = pages(envoys, 0)
    server = await loop.create_server(lambda: Envoys(found), "127.0.0.1", 0, backlog=envoys)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    round = 0
    while await asyncio.to_thread(sys.stdin.readline):
        round += 1
        found.update(pages(envoys, round))
        sys.stdout.write("\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
