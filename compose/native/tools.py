"""Programs that pip can't bring: found on this machine, or installed from Debian's packages and Maven's artifacts.

Nothing here starts a system daemon: Prometheus and Alertmanager are unpacked into the cache folder, not installed.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compose.addresses import PROJECT

CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = CACHES / "bongsu"
"""Downloads outlive the clone that asked for them."""

UNPACKED = CACHE / "debian"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PLAYWRIGHT_BROWSERS = CACHES / "ms-playwright"
"""https://playwright.dev/python/docs/browsers#managing-browser-binaries"""

CHROMIUM_FLAGS = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # no request of its own leaves the machine
    "--disable-component-update",
    "--disable-sync",
)
"""How tests and screenshots start the headless browser."""

POSTGRESQL = Path("/usr/lib/postgresql")
POSTGRESQL_CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
"""What Debian's package reads before it makes a cluster and serves it."""

BUSYBOX = UNPACKED / "bin/busybox"
"""A static shell, of which the tests make an image: there may be no registry to ask for one."""

DOCKER = ("dockerd", "containerd", "runc")
"""What a Docker Engine is made of."""

ALERTMANAGER_TEMPLATES = tuple(
    Path("/usr/share/prometheus/alertmanager") / name for name in ("default.tmpl", "email.tmpl")
)
"""Debian's Alertmanager reads its own templates from there and does not start without them."""

LIBRARIES = UNPACKED / "usr/lib" / f"{platform.machine()}-linux-gnu"
"""Shared libraries of the unpacked programs, for LD_LIBRARY_PATH."""

JAVA_NEEDED = 17
"""Apache Kafka 4's brokers need Java 17 (https://kafka.apache.org/documentation/#java)."""

PROMETHEUS_NEEDED = (2, 42)
"""The rules use keep_firing_for, new in Prometheus 2.42."""


class ToolMissing(Exception):
    """A program is missing and can't be installed from here; the message says what a person can do."""


class NeedsRoot(ToolMissing):
    """Only root can bring it; `command` is what root has to run."""

    def __init__(self, command: str) -> None:
        """Keep the command."""
        self.command = command
        super().__init__(f"not root; run: sudo {command}")


@dataclass(frozen=True)
class Tool:
    """One thing to have: `present` looks for it, `install` brings it."""

    name: str
    origin: str
    present: Callable[[], bool]
    install: Callable[[], None]


def program(*names: str) -> str:
    """Path of the first of `names` on PATH, beside this Python, or unpacked in the cache.

    Raises ToolMissing.
    """
    unpacked = (str(UNPACKED / folder) for folder in ("usr/bin", "usr/sbin"))
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""), *unpacked))
    for name in names:
        if found := shutil.which(name, path=places):
            return found
    raise ToolMissing(f"{names[0]} is not installed: run `make setup`")


def prometheus() -> str:
    """Path of Prometheus' server."""
    return program("prometheus")


def alertmanager() -> str:
    """Path of Alertmanager, which Debian calls prometheus-alertmanager."""
    return program("alertmanager", "prometheus-alertmanager")


def chromium() -> str:
    """Path of a Chromium: the system's, else the one that Playwright has brought."""
    brought = sorted(PLAYWRIGHT_BROWSERS.glob("chromium-*/chrome-linux*/chrome"))
    return str(brought[-1]) if brought and not _has(*CHROMIUM) else program(*CHROMIUM)


def postgresql() -> Path:
    """Folder of PostgreSQL's server programs, which Debian keeps off PATH; the newest version of them."""
    found = sorted(POSTGRESQL.glob("*/bin/initdb"), key=lambda program: float(program.parts[-3]))
    if not found:
        raise ToolMissing("PostgreSQL is not installed: run `make setup-test`")
    return found[-1].parent


def _has(*names: str) -> bool:
    try:
        program(*names)
    except ToolMissing:
        return False
    return True


def _has_java() -> bool:
    if not _has("java"):
        return False
    text = subprocess.run([program("java"), "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', text)
    return match is not None and int(match[1]) >= JAVA_NEEDED


def _has_prometheus() -> bool:
    if not (_has("prometheus") and _has("promtool")):
        return False
    run = subprocess.run([prometheus(), "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"version (\d+)\.(\d+)", run.stdout + run.stderr)
    return match is not None and (int(match[1]), int(match[2])) >= PROMETHEUS_NEEDED


def _has_alertmanager() -> bool:
    debian = _has("prometheus-alertmanager") and all(template.exists() for template in ALERTMANAGER_TEMPLATES)
    return (_has("alertmanager") or debian) and _has("amtool")


def _has_postgresql() -> bool:
    return any(POSTGRESQL.glob("*/bin/initdb"))


def _run(*command: str, folder: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-8:])
        raise ToolMissing(f"`{' '.join(command)}` failed with exit code {result.returncode}:\n{tail}")


def _refresh_package_lists() -> None:
    if os.geteuid() == 0:
        _run("apt-get", "update", "-qq")


def _install_debian(*packages: str) -> Callable[[], None]:
    def install() -> None:
        if not _has("apt-get"):
            raise ToolMissing(f"this machine has no apt-get; install what Debian calls {' '.join(packages)} yourself")
        if os.geteuid() != 0:
            raise NeedsRoot(f"apt-get install -y --no-install-recommends {' '.join(packages)}")
        _refresh_package_lists()
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)

    return install


def _unpack_debian(*packages: str, libraries: bool = False) -> Callable[[], None]:
    """Unpack packages below the cache: no root, no service that starts by itself now or at the next boot.

    With `libraries` also the packages that they depend on and that this machine lacks.
    """
    lacking = ("install", "-y", "--download-only", "--no-install-recommends", "-o", "Debug::NoLocking=1")
    download = lacking if libraries else ("download",)

    def install() -> None:
        if not (_has("apt-get") and _has("dpkg")):
            raise ToolMissing(f"this machine has no apt-get; put what Debian calls {' and '.join(packages)} on PATH")
        _refresh_package_lists()
        downloads = CACHE / "downloads"
        shutil.rmtree(downloads, ignore_errors=True)
        (downloads / "partial").mkdir(parents=True)
        # as root apt hands downloads to the user _apt, who may not write here; it then says so and goes on
        try:
            place = ("-o", f"Dir::Cache::archives={downloads}")
            _run("apt-get", *download, "-qq", *place, *packages, folder=downloads)
        except ToolMissing as error:
            raise ToolMissing(
                f"{error}\nOn a new machine the lists of packages come first: sudo apt-get update"
            ) from error
        for package in sorted(downloads.glob("*.deb")):
            _run("dpkg", "-x", str(package), str(UNPACKED))
        shutil.rmtree(downloads)

    return install


def _install_alertmanager() -> None:
    """Unpack it like Prometheus; the files whose place is compiled in go there."""
    if not _has("prometheus-alertmanager"):
        _unpack_debian("prometheus-alertmanager")()
    if _has_alertmanager():
        return
    unpacked = [f"{UNPACKED}{template}" for template in ALERTMANAGER_TEMPLATES]
    command = ("install", "-D", "-m", "644", "-t", str(ALERTMANAGER_TEMPLATES[0].parent), *unpacked)
    if os.geteuid() != 0:
        raise NeedsRoot(" ".join(command))
    _run(*command)


def _has_chromium() -> bool:
    try:
        chromium()
    except ToolMissing:
        return False
    return True


def _install_chromium() -> None:
    """Debian has a package; Ubuntu's is a snap, which needs a daemon, so there Playwright brings its own."""
    if "ID=ubuntu" not in Path("/etc/os-release").read_text(encoding="utf-8").split():
        _install_debian("chromium", "fonts-noto-cjk", "fonts-noto-color-emoji")()
        return
    command = (sys.executable, "-m", "playwright", "install", "--with-deps", "chromium")
    if os.geteuid() != 0:
        raise NeedsRoot(f"HOME={Path.home()} {' '.join(command)}")
    _run(*command)


def _install_postgresql() -> None:
    """Install the programs alone: no cluster, hence no service."""
    if os.geteuid() == 0 and not POSTGRESQL_CLUSTERS.exists():
        POSTGRESQL_CLUSTERS.parent.mkdir(exist_ok=True)
        POSTGRESQL_CLUSTERS.write_text("create_main_cluster = false\n", encoding="utf-8")
    _install_debian("postgresql")()


@dataclass(frozen=True)
class Jars:
    """Java libraries that a pom asks for, in a folder of the cache; name and version are the pom's own."""

    pom: Path

    @property
    def version(self) -> str:
        """Version that the pom gives itself."""
        return self._own("version")

    @property
    def folder(self) -> Path:
        """Where the libraries are."""
        return CACHE / f"{self._own('artifactId')}-{self.version}"

    def present(self) -> bool:
        """Whether all of them were downloaded."""
        return (self.folder / "complete").exists()

    def install(self) -> None:
        """Have Maven resolve the pom; it is installed where it is missing. Raises ToolMissing."""
        if not _has("mvn"):
            _install_debian("maven")()
        # no template expansion of plugins' own output folders: the class path is what the pom resolves to, nothing else
        _run(
            program("mvn"),
            "-B",
            "-q",
            f"-Dmaven.repo.local={CACHE / 'maven'}",  # what it downloads goes with the rest
            "-f",
            str(self.pom),
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={self.folder}",
        )
        (self.folder / "complete").touch()

    def tool(self, name: str) -> Tool:
        """Describe them as a tool to have."""
        return Tool(f"{name} {self.version}", "Maven", self.present, self.install)

    def _own(self, element: str) -> str:
        match = re.search(f"<{element}>([^<]+)</{element}>", self.pom.read_text(encoding="utf-8"))
        if match is None:
            raise ToolMissing(f"{self.pom} names no {element}")
        return match[1]


KAFKA = Jars(PROJECT / "compose" / "kafka" / "pom.xml")
KAFKA_ZOOKEEPER = Jars(PROJECT / "compose" / "kafka" / "pom-zookeeper.xml")
SPRING_CLOUD_GATEWAY = Jars(PROJECT / "tests" / "integration" / "spring_cloud_gateway" / "pom.xml")
"""Its own class, ``Gateway``, is compiled into the folder of its libraries."""


def _has_gateway_class() -> bool:
    compiled, source = SPRING_CLOUD_GATEWAY.folder / "Gateway.class", SPRING_CLOUD_GATEWAY.pom.parent / "Gateway.java"
    return compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime


def _compile_gateway_class() -> None:
    folder = SPRING_CLOUD_GATEWAY.folder
    compiler = ("org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-nowarn")
    class_path = os.pathsep.join(str(path) for path in sorted(folder.glob("*.jar")))
    source = str(SPRING_CLOUD_GATEWAY.pom.parent / "Gateway.java")
    _run(program("java"), "-cp", f"{folder}/*", *compiler, "-cp", class_path, "-d", str(folder), source)


RUN = (
    Tool("Prometheus", "Debian", _has_prometheus, _unpack_debian("prometheus")),
    Tool("Alertmanager", "Debian", _has_alertmanager, _install_alertmanager),
    Tool("Java", "Debian", _has_java, _install_debian("default-jre-headless")),
    KAFKA.tool("Apache Kafka"),
)
"""What the native stack runs on, in the order to install."""


def for_tests() -> tuple[Tool, ...]:
    """Name what the test suite needs beside that; an image, which has no tests, can't say what they need."""
    return (
        *RUN,
        KAFKA_ZOOKEEPER.tool("Apache Kafka with ZooKeeper"),
        Tool("Chromium", "Debian", _has_chromium, _install_chromium),
        Tool("PostgreSQL", "Debian", _has_postgresql, _install_postgresql),
        # gateways whose rate limits the exporter is tried on; unpacked, so that no service of theirs starts
        Tool("NGINX", "Debian", lambda: _has("nginx"), _unpack_debian("nginx")),
        Tool("HAProxy", "Debian", lambda: _has("haproxy"), _unpack_debian("haproxy", libraries=True)),
        Tool("Redis", "Debian", lambda: _has("redis-server"), _unpack_debian("redis-server", libraries=True)),
        SPRING_CLOUD_GATEWAY.tool("Spring Cloud Gateway"),
        Tool("the gateway of the tests", "Maven", _has_gateway_class, _compile_gateway_class),
        Tool(
            "Docker Engine",
            "Debian",
            lambda: all(map(_has, DOCKER)) and BUSYBOX.exists(),
            _unpack_debian("docker.io", "containerd", "runc", "libdevmapper1.02.1", "busybox-static"),
        ),
    )


def install(tools: Iterable[Tool]) -> Iterator[Tool]:
    """Bring each of `tools` that this machine lacks; gives each before it is brought, and again once it is there.

    Raises ToolMissing; what only root can bring is told in one line, after all else that can be brought was.
    """
    for_root: list[str] = []
    for tool in tools:
        if tool.present():
            continue
        yield tool
        try:
            tool.install()
        except NeedsRoot as need:
            for_root.append(need.command)
            continue
        except ToolMissing:
            # it may have needed what root has yet to bring
            if for_root:
                continue
            raise
        if not tool.present():
            raise ToolMissing(f"{tool.name} was installed and still can't be found; look at what PATH finds instead")
        yield tool
    if for_root:
        commands = " && ".join(dict.fromkeys(["apt-get update", *for_root]))
        raise ToolMissing(f"some of it only root can install. Run this, then the same again:\nsudo sh -c '{commands}'")
