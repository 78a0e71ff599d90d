"""The provisioning files: what Grafana needs, and in step with the other files."""

import re

from tests.deploy.files import DEPLOY, REPOSITORY, loaded
from tests.lab.dashboards import FOLDER

PROVISIONING = REPOSITORY / "grafana" / "provisioning"
SOURCES = loaded(PROVISIONING / "datasources" / "prometheus.yml")
PROVIDERS = loaded(PROVISIONING / "dashboards" / "dockernet.yml")


def test_only_known_folders() -> None:
    """Grafana reads folders of these names."""
    folders = {path.name for path in PROVISIONING.iterdir()}

    assert folders <= {"datasources", "dashboards", "alerting", "plugins"}
    assert {path.suffix for path in PROVISIONING.rglob("*") if path.is_file()} == {
        ".yml"
    }


def test_the_data_source_is_prometheus() -> None:
    """With a uid that stays, and the scrape interval of the shipped configuration.

    Grafana makes $__rate_interval of it, so rates would be wrong or empty otherwise.
    """
    prometheus = loaded(DEPLOY / "prometheus" / "prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    (source,) = SOURCES["datasources"]

    assert (SOURCES["apiVersion"], source["type"]) == (1, "prometheus")
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", source["uid"])
    assert source["jsonData"]["timeInterval"] == job["scrape_interval"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", source["url"])


def test_the_dashboards_are_read_and_not_edited() -> None:
    """A change by hand would be lost at the next start."""
    (provider,) = PROVIDERS["providers"]

    assert (PROVIDERS["apiVersion"], provider["type"]) == (1, "file")
    assert not provider["allowUiUpdates"]
    assert provider["disableDeletion"]
    assert provider["options"]["path"].endswith(f"/{FOLDER.name}")
