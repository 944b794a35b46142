"""The benchmark's cluster, as a process of its own: 500 kubelets and an API server, over TLS on loopback.

``python -m bench.pod_cpu.cluster FOLDER NODES`` prints a line of JSON once it serves; a line on its input begins the
next round of readings, and it answers with an empty one. It ends with its input.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import MAX_WBITS, compressobj

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.pod_cpu import texts

TOKEN = "token-of-the-benchmark"
PATHS = {"/metrics/resource": texts.resource, "/metrics/cadvisor": texts.cadvisor}
Answer = tuple[bytes, bool]
"""A body, and whether it is gzip."""


def name(number: int) -> str:
    """A node's name: eight characters, as many as are left in a pod's uid."""
    return f"{number:08x}"


def address(number: int) -> str:
    """A node's address: all of 127.0.0.0/8 is this machine."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Cluster:
    """Everything that it says, ready to be sent."""

    def __init__(self, nodes: int) -> None:
        """Say nothing until the first `turn`."""
        self.nodes = nodes
        self.round = -1
        self.said: dict[tuple[str, str], bytes] = {}

    def turn(self, pool: ProcessPoolExecutor) -> None:
        """Have every kubelet measure again."""
        self.round += 1
        for path, write in PATHS.items():
            template = write(self.round)
            arguments = [(template, name(number)) for number in range(self.nodes)]
            packed = pool.map(_packed, arguments, chunksize=8)
            self.said |= {(address(number), path): body for number, body in enumerate(packed)}

    def answer(self, host: str, target: str) -> Answer | None:
        """Answer a GET; None for a watch, which says nothing."""
        path, _, query = target.partition("?")
        if path in PATHS:
            return self.said[host, path], True
        if "watch=" in query:
            return None
        parameters = dict(pair.split("=") for pair in query.split("&"))
        return self._page(int(parameters.get("continue", 0)), int(parameters["limit"])), False

    def _page(self, start: int, limit: int) -> bytes:
        step = max(1, limit // texts.PODS_A_NODE)
        numbers = range(start, min(start + step, self.nodes))
        items = [pod for number in numbers for pod in texts.pods(name(number), address(number))]
        metadata = {"resourceVersion": "100"}
        if numbers.stop < self.nodes:
            metadata["continue"] = str(numbers.stop)
        return json.dumps({"kind": "PodList", "metadata": metadata, "items": items}).encode()


def _packed(arguments: tuple[bytes, str]) -> bytes:
    template, node = arguments
    packing = compressobj(1, wbits=MAX_WBITS | 16)
    return packing.compress(template.replace(texts.NODE, node.encode())) + packing.flush()


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[..., Answer | None]
) -> None:
    host = writer.get_extra_info("sockname")[0]
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            found = answer(host, head.split(b" ", 2)[1].decode())
            if found is None:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
                await reader.read()
                break
            body, packed = found
            encoding = b"content-encoding: gzip\r\n" if packed else b""
            writer.write(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n" % (encoding, len(body)) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    file = folder / "server.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem) + private)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    return tls


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(folder: Path, nodes: int) -> None:
    """Serve until the input ends."""
    cluster = Cluster(nodes)
    with ProcessPoolExecutor(2) as pool:
        cluster.turn(pool)
        tls = _certificate(folder)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _serve(reader, writer, cluster.answer)

        api = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        first = await asyncio.start_server(serve, address(0), 0, ssl=tls)
        port = first.sockets[0].getsockname()[1]
        for number in range(1, nodes):
            await asyncio.start_server(serve, address(number), port, ssl=tls)
        _tell(json.dumps({"api": api.sockets[0].getsockname()[1], "kubelets": port}))
        while await asyncio.to_thread(sys.stdin.readline):
            await asyncio.to_thread(cluster.turn, pool)
            _tell("")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
