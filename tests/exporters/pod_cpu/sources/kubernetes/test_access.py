"""Who the exporter is: a service account, a kubeconfig with a token, a certificate or a plug-in."""

import base64
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.sources.kubernetes.access import READ_AGAIN, from_kubeconfig, in_cluster

NOW = 1_795_000_000.0


def kubeconfig(folder: Path, user: dict[str, Any], **cluster: Any) -> Path:
    file = folder / "kubeconfig"
    config = {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "here", "user": "me"}},
            {"name": "two", "context": {"cluster": "there", "user": "me"}},
            {"name": "bare", "context": {"cluster": "here"}},
        ],
        "clusters": [
            {"name": "here", "cluster": {"server": "https://here:6443/"} | cluster},
            {"name": "there", "cluster": {"server": "https://there"}},
        ],
        "users": [{"name": "me", "user": user}],
    }
    file.write_text(yaml.safe_dump(config))
    return file


async def test_a_service_account(cluster: Any, tmp_path: Path) -> None:
    """Its token is read again every minute: the kubelet replaces it."""
    (tmp_path / "ca.crt").write_text(cluster.certificates.authority)
    (tmp_path / "token").write_text("first\n")
    os.environ.update({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    found = await in_cluster(NOW, tmp_path)
    assert (found.server, found.token, found.until) == ("https://[fd00::1]:443", "first", NOW + READ_AGAIN)
    (tmp_path / "token").write_text("second\n")
    again = await in_cluster(NOW + READ_AGAIN, tmp_path)
    assert again.token == "second"
    assert again.tls is found.tls  # connections live on


async def test_outside_a_pod_without_a_kubeconfig(tmp_path: Path) -> None:
    """It is said what is missing."""
    os.environ.pop("KUBERNETES_SERVICE_HOST", None)
    with pytest.raises(SourceError, match="no kubeconfig is named") as caught:
        await in_cluster(NOW, tmp_path)
    assert caught.value.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        ({"token": "abc"}, {"authorization": "Bearer abc"}),
        ({"tokenFile": "token"}, {"authorization": "Bearer from-the-file"}),
        ({}, {}),
    ],
)
async def test_a_token(tmp_path: Path, user: dict[str, Any], headers: dict[str, str]) -> None:
    """In the file, or in a file beside it."""
    (tmp_path / "token").write_text("from-the-file\n")
    found = await from_kubeconfig(kubeconfig(tmp_path, user), None, NOW)
    assert (found.server, found.headers) == ("https://here:6443", headers)


async def test_another_context(tmp_path: Path) -> None:
    """Named, it wins over the current one; one without a user is nobody."""
    file = kubeconfig(tmp_path, {"token": "abc"})
    assert (await from_kubeconfig(file, "two", NOW)).server == "https://there"
    assert (await from_kubeconfig(file, "bare", NOW)).headers == {}


async def test_a_client_certificate(cluster: Any, tmp_path: Path) -> None:
    """Beside the file, or in it; no file with a key is left behind."""
    pem = cluster.certificates.server.read_text()
    (tmp_path / "me.pem").write_text(pem)
    encoded = base64.b64encode(pem.encode()).decode()
    authority = base64.b64encode(cluster.certificates.authority.encode()).decode()
    for user in (
        {"client-certificate": "me.pem", "client-key": "me.pem"},
        {"client-certificate-data": encoded, "client-key-data": encoded},
    ):
        file = kubeconfig(tmp_path, user, **{"certificate-authority-data": authority})
        found = await from_kubeconfig(file, None, NOW)
        assert found.headers == {}
        assert len(found.tls.get_ca_certs()) == 1


def plugin(folder: Path, answer: Any, code: int = 0) -> dict[str, Any]:
    """A credential plug-in that says what it was told, and `answer`."""
    program = folder / "plugin"
    told = folder / "told"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"open({str(told)!r}, 'w').write(os.environ['KUBERNETES_EXEC_INFO'] + os.environ['REGION'] + sys.argv[1])\n"
        f"print({json.dumps(answer)!r})\nsys.exit({code})\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = [{"name": "REGION", "value": "seoul"}]
    return {
        "command": str(program),
        "args": ["token"],
        "env": environment,
        "apiVersion": "client.authentication.k8s.io/v1",
    }


async def test_a_plugin(tmp_path: Path) -> None:
    """It is run as kubectl runs it, and again just before what it gave expires."""
    status = {"token": "abc", "expirationTimestamp": "2026-11-25T00:00:00Z"}
    user = {"exec": plugin(tmp_path, {"kind": "ExecCredential", "status": status})}
    found = await from_kubeconfig(kubeconfig(tmp_path, user), None, NOW)
    assert (found.token, found.until) == ("abc", 1795564790.0)
    told = (tmp_path / "told").read_text()
    assert told.endswith("seoultoken")
    assert json.loads(told.removesuffix("seoultoken"))["kind"] == "ExecCredential"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.pop("current-context"), "it has no current-context, and none is named"),
        (lambda config: config["clusters"].pop(0), "clusters has no 'here'"),
        (lambda config: config["users"].pop(0), "users has no 'me'"),
        (lambda config: config["clusters"][0]["cluster"].pop("server"), "'server'"),
        (
            lambda config: config["clusters"][0]["cluster"].update({"certificate-authority": "no.crt"}),
            "no.crt: can't be",
        ),
        (
            lambda config: config["users"][0]["user"].update({"exec": {"command": "/no/plugin"}}),
            "plug-in /no/plugin: No",
        ),
    ],
)
async def test_a_kubeconfig_that_cant_be_used(tmp_path: Path, change: Any, message: str) -> None:
    """One sentence, with what is wrong and where."""
    file = kubeconfig(tmp_path, {"token": "secret-of-mine"})
    config = yaml.safe_load(file.read_text())
    change(config)
    file.write_text(yaml.safe_dump(config))
    with pytest.raises(SourceError) as caught:
        await from_kubeconfig(file, None, NOW)
    assert message in caught.value.message
    assert "secret-of-mine" not in caught.value.message
    assert caught.value.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [({}, 0, "not a kubeconfig to use"), ({"status": {"token": "abc"}}, 3, "ended with 3")],
)
async def test_a_plugin_that_fails(tmp_path: Path, answer: Any, code: int, message: str) -> None:
    """Its own words go to the log, as kubectl's plug-ins expect."""
    with pytest.raises(SourceError, match=message):
        await from_kubeconfig(kubeconfig(tmp_path, {"exec": plugin(tmp_path, answer, code)}), None, NOW)


async def test_an_unknown_authority_is_not_trusted(cluster: Any, source: Any, tmp_path: Path) -> None:
    """No token is sent to whom nobody vouches for."""
    config = yaml.safe_load(cluster.kubeconfig(tmp_path).read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    file = tmp_path / "without-authority"
    file.write_text(yaml.safe_dump(config))
    with pytest.raises(SourceError, match="certificate verify failed") as caught:
        await source(kubeconfig=file).read()
    assert caught.value.reason is Reason.REFUSED
    assert cluster.asked == []


async def test_a_kubelet_with_a_certificate_of_its_own_is_trusted_when_told_so(
    cluster: Any, source: Any, tmp_path: Path
) -> None:
    """As metrics-server's --kubelet-insecure-tls does; until then, it is not asked with our token."""
    await cluster.apply(
        {
            "metadata": {"name": "web-1", "namespace": "shop", "uid": "1"},
            "spec": {"nodeName": "node-a", "containers": [{"name": "app"}]},
            "status": {"phase": "Running", "hostIP": "127.0.1.1"},
        }
    )
    kubelet = cluster.nodes["node-a"]
    kubelet.resource = kubelet.cadvisor = lambda: "node_cpu_usage_seconds_total 1\nmachine_cpu_cores 1\n"
    (tmp_path / "other").mkdir()
    strange = cluster.made(tmp_path / "other", ["127.0.1.1"])
    cluster.kubelets_tls.load_cert_chain(strange.server)
    with pytest.raises(SourceError, match="certificate verify failed"):
        await source().read()
    assert kubelet.asked == 0
    assert (await source(kubelet_insecure_tls=True).read()).problems == ()
    assert kubelet.asked == 2
