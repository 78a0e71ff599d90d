"""Prints the description of the API, for docs/openapi.json."""

import json
import sys

from exporter.report.api.openapi import description

sys.stdout.write(json.dumps(description(), indent=1) + "\n")
