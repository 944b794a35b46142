"""A stand-in for a Kubernetes cluster: its API server and its kubelets, over TLS and on loopback.

It is as strict as the documents are: no answer without the token, no parameter that the API does not know, no watch
without a version, no second use of a page.

API: https://kubernetes.io/docs/reference/using-api/api-concepts/; kubelet's texts:
https://kubernetes.io/docs/reference/instrumentation/node-metrics/ and what the kubelet of Kubernetes 1.34 with
containerd writes (pkg/kubelet/metrics/collectors/resource_metrics.go, cAdvisor's metrics/prometheus.go).
"""

import asyncio
import copy
import gzip
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporters.pod_cpu.config import Kubernetes
from exporters.pod_cpu.sources.kubernetes.source import KubernetesSource

TOKEN = "a-token-of-the-test"
HOST = "127.0.0.1"
LIST = {"limit", "continue"}
WATCH = {"watch", "allowWatchBookmarks", "timeoutSeconds", "resourceVersion"}


@dataclass(frozen=True)
class Certificates:
    """An authority and one certificate of its, for every address of the cluster."""

    authority: str
    server: Path

    def tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


def certificates(folder: Path, addresses: Iterable[str]) -> Certificates:
    def made(name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None) -> tuple[Any, Any]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        by, signing = issuer or (subject, key)
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )
        if issuer:
            names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(signing, hashes.SHA256()), key

    root, root_key = made("cluster", None)
    server, key = made("server", (root.subject, root_key))
    pem = serialization.Encoding.PEM
    file = folder / "server.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(server.public_bytes(pem) + private)
    return Certificates(root.public_bytes(pem).decode(), file)


@dataclass
class Kubelet:
    """A node: what its kubelet says, and whether it says it."""

    address: str
    resource: Callable[[], str] = str
    cadvisor: Callable[[], str] = str
    status: int = 200
    hangs: bool = False
    asked: int = 0
    body: Callable[[bytes], bytes] = bytes
    """What becomes of the text on its way."""

    async def answer(self, request: web.Request) -> web.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401, text="Unauthorized")
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.status != 200:
            return web.Response(
                status=self.status, text=f"Forbidden (user=exporter, resource=nodes, path={request.path})"
            )
        text = {"/metrics/resource": self.resource, "/metrics/cadvisor": self.cadvisor}[request.path]()
        if "gzip" not in request.headers["accept-encoding"]:
            return web.Response(text=text)
        packed = self.body(gzip.compress(text.encode(), 1))
        return web.Response(body=packed, headers={"content-encoding": "gzip", "content-type": "text/plain"})


@dataclass
class Cluster:
    """The cluster as a test sees it."""

    certificates: Certificates
    kubelets_tls: ssl.SSLContext
    """Of all kubelets; another certificate can be loaded into it."""
    made: Callable[[Path, Iterable[str]], Certificates]
    """Makes certificates of an authority of their own."""
    port: int = 0
    kubelet_port: int = 0
    nodes: dict[str, Kubelet] = field(default_factory=dict)
    metrics: list[Any] | None = None
    """PodMetrics objects; None when metrics-server is not installed."""
    metrics_hang: bool = False
    down: int | None = None
    """The status that the API server answers everything with."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Parameters of each list and watch."""
    version: int = 1000
    told: int = 0
    """The version of the last event that was sent."""
    oldest: int = 1000
    """The oldest version from which it can still tell what changed."""
    _pods: dict[tuple[str, str], Any] = field(default_factory=dict)
    _events: list[tuple[int, Any]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _pages: dict[str, list[Any]] = field(default_factory=dict)
    _ended: int = 0

    async def apply(self, *pods: Any) -> None:
        """Make pods, or change them."""
        for pod in pods:
            key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            kind = "MODIFIED" if key in self._pods else "ADDED"
            self._pods[key] = self._event(kind, pod)
        await self._tell()

    async def delete(self, namespace: str, name: str) -> None:
        """Remove a pod."""
        self._event("DELETED", self._pods.pop((namespace, name)))
        await self._tell()

    async def bookmark(self) -> None:
        """Tell a version at which nothing has changed."""
        self._event("BOOKMARK", {"kind": "Pod", "metadata": {"creationTimestamp": None}, "spec": {"containers": []}})
        await self._tell()

    async def end_watches(self) -> None:
        """As a load balancer does, or a server that is restarted."""
        self._ended += 1
        await self._tell()

    async def forget(self) -> None:
        """Lose what changed so far, as etcd does after five minutes."""
        self.oldest = self.version = self.version + 1
        self._events.clear()
        self._pages.clear()
        await self.end_watches()

    async def watched(self, count: int = 1) -> None:
        """Wait until so many watches were opened."""
        async with asyncio.timeout(10):
            while sum("watch" in parameters for parameters in self.asked) < count:
                await asyncio.sleep(0.005)

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig with a token."""
        (folder / "ca.crt").write_text(self.certificates.authority)
        (folder / "token").write_text(TOKEN + "\n")
        file = folder / "kubeconfig"
        cluster = {"server": f"https://{HOST}:{self.port}/", "certificate-authority": "ca.crt"}
        file.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "contexts": [{"name": "test", "context": {"cluster": "here", "user": "exporter"}}],
                    "clusters": [{"name": "here", "cluster": cluster}],
                    "users": [{"name": "exporter", "user": {"tokenFile": "token"}}],
                }
            )
        )
        return file

    def _event(self, kind: str, item: Any) -> Any:
        self.version += 1
        item = copy.deepcopy(item)
        item["metadata"]["resourceVersion"] = str(self.version)
        self._events.append((self.version, {"type": kind, "object": item}))
        return item

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def pods(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.asked.append(query)
        unknown = set(query) - (WATCH if "watch" in query else LIST)
        if unknown:
            return _status(400, f"unknown parameters {unknown}")
        return await self._watch(request, query) if "watch" in query else self._list(query)

    def _list(self, query: dict[str, str]) -> web.Response:
        if "continue" in query:
            left = self._pages.pop(query["continue"], None)
            if left is None:
                return _status(410, "The provided continue parameter is too old", "Expired")
        else:
            left = list(self._pods.values())
        page, left = left[: int(query["limit"])], left[int(query["limit"]) :]
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        if left:
            token = metadata["continue"] = f"page-{len(self._pages)}-{self.version}-{len(left)}"
            metadata["remainingItemCount"] = len(left)
            self._pages[token] = left
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": page})

    async def _watch(self, request: web.Request, query: dict[str, str]) -> web.StreamResponse:
        version, ended = int(query["resourceVersion"]), self._ended
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        if version < self.oldest:
            status = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}
            await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
            return response
        while self._ended == ended and self.down is None:
            for at, event in self._events:
                if at > version:
                    text = json.dumps(event).encode() + b"\n"
                    # a line may come in two parts
                    await response.write(text[:20])
                    await response.write(text[20:])
                    self.told = version = at
            async with self._changed:
                if self.version <= version and self._ended == ended:
                    await self._changed.wait()
        return response

    async def measured(self, request: web.Request) -> web.Response:
        if self.metrics_hang:
            await asyncio.sleep(3600)
        if self.metrics is None:
            return web.Response(status=404, text="404 page not found\n")
        items = {
            "kind": "PodMetricsList",
            "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {},
            "items": self.metrics,
        }
        return web.json_response(items)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.down is not None:
            return _status(self.down, "etcdserver: request timed out")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        answered: web.StreamResponse = await handler(request)
        return answered


def _status(code: int, message: str, reason: str = "") -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return web.json_response(status, status=code)


Start = Callable[[web.Application, str, int], Any]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster of two nodes, without a pod."""
    addresses = {"node-a": "127.0.1.1", "node-b": "127.0.1.2"}
    issued = certificates(tmp_path, [HOST, *addresses.values()])
    made = Cluster(issued, issued.tls(), certificates)
    made.nodes = {name: Kubelet(address) for name, address in addresses.items()}
    runners = []

    async def start(application: web.Application, host: str, port: int, tls: ssl.SSLContext) -> int:
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        return int(runner.addresses[0][1])

    api = web.Application(middlewares=[made._guard])
    api.router.add_get("/api/v1/pods", made.pods)
    api.router.add_get("/apis/metrics.k8s.io/v1beta1/pods", made.measured)
    made.port = await start(api, HOST, 0, issued.tls())
    for kubelet in made.nodes.values():
        application = web.Application()
        application.router.add_get("/metrics/resource", kubelet.answer)
        application.router.add_get("/metrics/cadvisor", kubelet.answer)
        made.kubelet_port = await start(application, kubelet.address, made.kubelet_port, made.kubelets_tls)
    yield made
    await made.end_watches()
    for runner in runners:
        await runner.cleanup()


Source = Callable[..., KubernetesSource]


@pytest.fixture
async def source(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Source]:
    """``source(timeout=1.0, shard="0/2", …)`` watches the cluster, and is closed after the test."""
    made = []

    def make(timeout: float = 10.0, detailed: bool = False, now: Any = None, clock: Any = None, **settings: Any) -> Any:
        clocks = {name: value for name, value in (("now", now), ("clock", clock)) if value}
        defaults = {"kubeconfig": cluster.kubeconfig(tmp_path), "kubelet_port": cluster.kubelet_port}
        made.append(KubernetesSource(Kubernetes(kind="kubernetes", **defaults | settings), timeout, detailed, **clocks))
        return made[-1]

    yield make
    for each in made:
        await each.close()
