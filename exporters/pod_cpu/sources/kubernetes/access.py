"""Who the exporter is to a cluster: the service account of its pod, or a kubeconfig.

https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ and
https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import asyncio
import base64
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from exporters.errors import Reason, SourceError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the cluster's certificate."""

READ_AGAIN = 60.0
"""Seconds for which a file with a token is trusted: the kubelet writes a new one well before the old one ends."""

EARLY = 10.0
"""Seconds before the end of what a plug-in gave at which it is asked again."""

EXEC_API = "client.authentication.k8s.io/v1"


@dataclass(frozen=True)
class Access:
    """How to reach an API server. `tls` is also good for kubelets: they are certified by the cluster."""

    server: str
    tls: ssl.SSLContext
    token: str | None = None
    until: float | None = None
    """Unix time at which to ask again; None when there is no end to it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What each request carries."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


async def in_cluster(now: float, folder: Path = SERVICE_ACCOUNT) -> Access:
    """Be the service account of the pod that this runs in; raises SourceError when it runs in none."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not (host and port):
        raise SourceError(
            Reason.REFUSED, "no kubeconfig is named, and KUBERNETES_SERVICE_HOST says that this runs in no pod"
        )
    address = f"[{host}]" if ":" in host else host
    tls = tls_context(_read(folder / "ca.crt"), None, None, insecure=False)
    return Access(f"https://{address}:{port}", tls, _read(folder / "token").strip(), now + READ_AGAIN)


async def from_kubeconfig(path: Path, context: str | None, now: float) -> Access:
    """Be who the file says in `context`, or in its current one; raises SourceError when it can't be used."""
    try:
        cluster, user = _chosen(yaml.safe_load(_read(path)), context)
        server = str(cluster["server"]).rstrip("/")
        credentials = _credentials(user, path.parent, now)
        if "exec" in user:
            credentials = await _run(user["exec"])
        certificate = cluster.get("certificate-authority-data")
        authority = _decoded(certificate) if certificate else _referred(cluster, "certificate-authority", path.parent)
        insecure = bool(cluster.get("insecure-skip-tls-verify"))
        tls = tls_context(authority, credentials.certificate, credentials.key, insecure)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, ssl.SSLError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(Reason.REFUSED, f"{path}: not a kubeconfig to use: {text}") from error
    return Access(server, tls, credentials.token, credentials.until)


@lru_cache(maxsize=8)
def tls_context(authority: str | None, certificate: str | None, key: str | None, insecure: bool) -> ssl.SSLContext:
    """Make TLS settings of PEM texts; the same texts give the same object, so that connections live on."""
    tls = ssl.create_default_context(cadata=authority or None)
    if insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if certificate and key:
        # OpenSSL's binding reads it from a file only; the file is ours alone and gone at once
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(f"{certificate}\n{key}\n")
            file.flush()
            tls.load_cert_chain(file.name)
    return tls


@dataclass(frozen=True)
class _Credentials:
    token: str | None = None
    certificate: str | None = None
    key: str | None = None
    until: float | None = None


def _chosen(config: Any, wanted: str | None) -> tuple[Any, Any]:
    name = wanted or config.get("current-context")
    if not name:
        raise ValueError("it has no current-context, and none is named")
    context = _named(config, "contexts", name)["context"]
    user = _named(config, "users", context["user"])["user"] if context.get("user") else {}
    return _named(config, "clusters", context["cluster"])["cluster"], user or {}


def _named(config: Any, kind: str, name: str) -> Any:
    for entry in config.get(kind) or ():
        if entry["name"] == name:
            return entry
    raise ValueError(f"{kind} has no {name!r}")


def _credentials(user: Any, folder: Path, now: float) -> _Credentials:
    file = user.get("tokenFile")
    token = _read(folder / file).strip() if file else user.get("token")
    certificate, key = user.get("client-certificate-data"), user.get("client-key-data")
    return _Credentials(
        token,
        _decoded(certificate) if certificate else _referred(user, "client-certificate", folder),
        _decoded(key) if key else _referred(user, "client-key", folder),
        now + READ_AGAIN if file else None,
    )


async def _run(plugin: Any) -> _Credentials:
    """Ask a credential plug-in: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/."""
    command = [plugin["command"], *(plugin.get("args") or ())]
    told = {"apiVersion": plugin.get("apiVersion", EXEC_API), "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {**os.environ, "KUBERNETES_EXEC_INFO": json.dumps(told)}
    environment |= {entry["name"]: entry["value"] for entry in plugin.get("env") or ()}
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise SourceError(Reason.REFUSED, f"credential plug-in {command[0]}: {error.strerror}") from error
    try:
        answer, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise SourceError(Reason.REFUSED, f"credential plug-in {command[0]}: ended with {process.returncode}")
    status = json.loads(answer)["status"]
    until = status.get("expirationTimestamp")
    return _Credentials(
        status.get("token"),
        status.get("clientCertificateData"),
        status.get("clientKeyData"),
        datetime.fromisoformat(until).timestamp() - EARLY if until else None,
    )


def _referred(section: Any, name: str, folder: Path) -> str | None:
    file = section.get(name)
    return _read(folder / file) if file else None


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(Reason.REFUSED, f"{path}: can't be read: {error.strerror}") from error
