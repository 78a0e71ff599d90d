"""HTTP: metrics, health, the page. The only user of Starlette, uvicorn and Jinja.

What is served comes through callables, so nothing here knows how metrics are made,
where the configuration comes from, or that there are cycles.
"""

from exporter.web.door import Door
from exporter.web.origins import Names
from exporter.web.routes import Sources, build_app
from exporter.web.server import WebServer

__all__ = ["Door", "Names", "Sources", "WebServer", "build_app"]
