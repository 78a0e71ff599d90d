"""The dashboards by uid, and their text as it stands in grafana/dashboards/."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.generate import container, overview
from grafana.generate.panels import CONTAINER_UID, OVERVIEW_UID

DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    OVERVIEW_UID: overview.made,
    CONTAINER_UID: container.made,
}


def text_of(builder: Dashboard) -> str:
    """Return a dashboard as the text of its file."""
    encoded = JSONEncoder(sort_keys=True).encode(builder.build())
    content: dict[str, Any] = json.loads(encoded)
    # The builder leaves ids out or makes them 0; links to a panel need them.
    for number, panel in enumerate(_panels(content), 1):
        panel["id"] = number
    # New in Grafana 12: hides links and annotations in a menu. We want them seen.
    for shown in (*content["links"], *content["annotations"]["list"]):
        shown.pop("placement", None)
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _panels(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in content["panels"]:
        yield panel
        yield from panel.get("panels", ())
