"""The ways to run with compose and swarm: what docker-compose makes of each file."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.deploy.files import DEPLOY, REPOSITORY, loaded
from tests.lab import composing, newer
from tests.lab.fixtures import require
from tests.lab.socket_proxy import allowed, passes
from tests.lab.topology import DEMO

STACK = DEPLOY / "swarm" / "stack.yaml"
FILES = {
    "compose": DEPLOY / "compose.yaml",
    "demo": DEPLOY / "demo" / "compose.yaml",
    "swarm": STACK,
}
EXPORTER, PROXY = "dockernet-exporter", "socket-proxy"
RIGHTS = ["SYS_ADMIN", "NET_RAW", "NET_ADMIN", "SETUID", "SETGID"]
ID = "0a" * 32
ASKED = (
    *("/version", "/v1.51/info", "/v1.51/networks", f"/v1.51/networks/{ID}"),
    *("/v1.51/containers/json", f"/v1.41/containers/{ID}/json", "/v1.51/events"),
)
"""What the exporter asks an engine; tests/engine holds that it asks nothing else."""
REFUSED = (
    f"/v1.51/containers/{ID}/archive",
    f"/v1.51/containers/{ID}/logs",
    f"/v1.51/containers/{ID}/json/../logs",
    "/v1.51/containers/../secrets",
    "/v1.51/images/json",
    "/v1.51/secrets",
    "/v1.51/configs",
    "/v1.51/volumes",
    "/",
)

Service = Mapping[str, Any]


@cache
def services(name: str) -> Mapping[str, Service]:
    """Return the services of a file, as docker-compose reads it without variables."""
    require(composing.missing())
    printed = composing.compose(f"--file={FILES[name]}", "config")
    found: Mapping[str, Service] = YAML(typ="safe").load(printed)["services"]
    return found


def mounts(service: Service) -> dict[str, tuple[str, str]]:
    """Return source and options of each mount of a service, by its target."""
    found = {}
    for mount in service.get("volumes", ()):
        if isinstance(mount, str):
            source, target, *options = mount.split(":")
            found[target] = (source, *(options or [""]))
        else:
            options = ["ro"] if mount.get("read_only") else []
            options += [mount.get("bind", {}).get("propagation", "")]
            found[mount["target"]] = (mount.get("source", ""), ",".join(options))
    return {target: (source, options) for target, (source, options) in found.items()}


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_read(name: str) -> None:
    """By Debian's docker-compose; every service has an image."""
    found = services(name)

    assert found
    assert all(service["image"] for service in found.values())


@pytest.mark.parametrize("name", ["compose", "swarm"])
class TestRights:
    """What the services may do."""

    def test_nobody_has_more_than_documented(self, name: str) -> None:
        """Capabilities for the exporter alone, those of docs/permissions.md."""
        added = {key: s.get("cap_add", []) for key, s in services(name).items()}

        assert added.pop(EXPORTER) == RIGHTS
        assert not any(added.values())
        assert {("ALL",)} == {tuple(s["cap_drop"]) for s in services(name).values()}
        assert not [s for s in services(name).values() if s.get("privileged")]
        assert not [s for s in services(name).values() if "pid" in s]
        page = (REPOSITORY / "docs" / "permissions.md").read_text()
        assert [right for right in RIGHTS if f"CAP_{right}" not in page] == []

    def test_only_the_proxy_has_the_engines_socket(self, name: str) -> None:
        """All others get the filtered one."""
        holders = {
            key
            for key, service in services(name).items()
            if any("docker.sock" in source for source, _ in mounts(service).values())
        }

        assert holders == {PROXY}
        environment = services(name)[EXPORTER]["environment"]
        assert environment["DOCKER_HOST"] == "unix:///run/proxy/docker.sock"

    def test_the_namespace_files_are_at_their_own_path(self, name: str) -> None:
        """Read-only, and a slave, so that later ones arrive."""
        found = mounts(services(name)[EXPORTER])

        assert found["/var/run/docker/netns"] == ("/var/run/docker/netns", "ro,rslave")

    def test_the_proxy_lets_the_exporter_ask_and_no_more(self, name: str) -> None:
        """GET for what it asks; no writing method, no file, log or secret."""
        rules = allowed(services(name)[PROXY]["command"])

        def asks(method: str, path: str) -> bool:
            return passes(f"{method} {path} HTTP/1.1\r\n\r\n".encode(), rules)

        assert set(rules) <= {"GET", "HEAD"}
        assert [path for path in ASKED if not asks("GET", path)] == []
        assert [path for path in REFUSED if asks("GET", path)] == []
        assert not any(asks("POST", path) for path in ASKED)

    def test_what_is_mounted_exists(self, name: str) -> None:
        """Files of this repository; docker would make an empty folder of a typo."""
        own = [
            Path(source)
            for service in services(name).values()
            for source, _ in mounts(service).values()
            if source.startswith(str(REPOSITORY))
        ]

        assert [file for file in own if not file.exists()] == []


class TestCompose:
    """deploy/compose.yaml."""

    def test_nothing_listens_beyond_loopback(self) -> None:
        """All share the host's network, or have none; none publishes a port."""
        found = services("compose")
        web = {
            "prometheus": "--web.listen-address=127.0.0.1:9090",
            "alertmanager": "--web.listen-address=127.0.0.1:9093",
        }

        assert {key for key, s in found.items() if s["network_mode"] != "host"} == {
            PROXY
        }
        assert found[PROXY]["network_mode"] == "none"
        assert not [s for s in found.values() if "ports" in s]
        assert [
            key for key, flag in web.items() if flag not in found[key]["command"]
        ] == []
        assert "--cluster.listen-address=" in found["alertmanager"]["command"]
        assert found["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
        assert "command" not in found[EXPORTER], "its own default is loopback"

    def test_everything_is_contained(self) -> None:
        """No new privileges; read-only, but for Grafana, which was not tried."""
        found = services("compose")

        assert {("no-new-privileges:true",)} == {
            tuple(service["security_opt"]) for service in found.values()
        }
        assert {key for key, s in found.items() if not s.get("read_only")} == {
            "grafana"
        }

    def test_the_addresses_are_those_of_the_configurations(self) -> None:
        """Where Prometheus scrapes and sends is where the services listen."""
        configured = loaded(DEPLOY / "prometheus" / "prometheus.yml")
        (scraped,) = configured["scrape_configs"]
        (told,) = configured["alerting"]["alertmanagers"]

        assert scraped["static_configs"] == [{"targets": ["127.0.0.1:10042"]}]
        assert told["static_configs"] == [{"targets": ["127.0.0.1:9093"]}]

    def test_grafana_is_provisioned(self) -> None:
        """From the two folders of grafana/."""
        assert mounts(services("compose")["grafana"]) == {
            "/etc/grafana/provisioning": (
                str(REPOSITORY / "grafana" / "provisioning"),
                "ro",
            ),
            "/var/lib/grafana/dashboards": (
                str(REPOSITORY / "grafana" / "dashboards"),
                "ro",
            ),
            "/var/lib/grafana": ("grafana", "rw"),
        }


class TestStack:
    """deploy/swarm/stack.yaml."""

    def test_one_exporter_a_node(self) -> None:
        """And what it needs beside it on the same node."""
        deployed = {key: s["deploy"] for key, s in services("swarm").items()}

        assert {
            key for key, how in deployed.items() if how.get("mode") == "global"
        } == {*(EXPORTER, PROXY, "host-namespace")}
        assert deployed["prometheus"]["placement"]["constraints"] == [
            "node.role == manager"
        ]

    def test_no_port_is_published(self) -> None:
        """The topology is nobody else's business."""
        assert not [s for s in services("swarm").values() if "ports" in s]

    def test_the_configuration_is_valid(self, promtool: str, tmp_path: Path) -> None:
        """For this machine's Prometheus and a later one, with the rules."""
        file = tmp_path / "prometheus.yml"
        shutil.copy(STACK.with_name("prometheus.yml"), file)
        shutil.copytree(DEPLOY / "prometheus" / "rules", tmp_path / "rules")
        require(newer.missing())
        for tool in (promtool, newer.tool("promtool")):
            done = subprocess.run(
                [tool, "check", "config", file],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def test_it_finds_the_exporters_as_the_rules_know_them(self) -> None:
        """Job and port; the instance is the node, which outlives its tasks."""
        (job,) = loaded(STACK.with_name("prometheus.yml"))["scrape_configs"]
        (one_host,) = loaded(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
        (found,) = job["dockerswarm_sd_configs"]
        renamed = [rule for rule in job["relabel_configs"] if "target_label" in rule]

        assert job["job_name"] == one_host["job_name"]
        assert (found["role"], found["port"]) == ("tasks", 10042)
        assert found["host"] == "unix:///run/proxy/docker.sock"
        assert renamed == [
            {
                "source_labels": ["__meta_dockerswarm_node_hostname"],
                "target_label": "instance",
            }
        ]

    def test_its_proxy_lets_prometheus_find_them(self) -> None:
        """Tasks, with the services, nodes and networks that they are labelled by."""
        rules = allowed(services("swarm")[PROXY]["command"])
        asked = [
            f"GET /v1.51/{kind} HTTP/1.1" for kind in ("tasks", "services", "nodes")
        ]

        assert [head for head in asked if not passes(head.encode(), rules)] == []


def test_the_demo_is_the_one_of_the_tests() -> None:
    """The same containers on the same networks."""
    found = {
        key: tuple(service.get("networks", ())) or service["network_mode"]
        for key, service in services("demo").items()
    }

    assert found == {
        spec.name: spec.networks or spec.mode or "bridge" for spec in DEMO.containers
    }


def test_no_file_names_a_registry() -> None:
    """Only images by the names that everybody knows, with a version."""
    images = {
        service["image"]
        for name in FILES
        for service in services(name).values()
        if service["image"] != "dockernet-exporter:latest"
    }

    assert [i for i in images if not re.fullmatch(r"([a-z]+/)?[a-z-]+:[\w.]+", i)] == []
    assert [i for i in images if i.endswith(":latest")] == []
