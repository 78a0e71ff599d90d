"""Options that an engine lists but does not know, and so does nothing for.

20.10 and 26.1 accept any option of a network and any DriverOpts of an endpoint:
measured, a network with `gateway_mode_ipv4=isolated` is an ordinary one there. Source
for when they came: the API's version history, 1.46 (engine 27).
"""

from dataclasses import replace

from exporter.model.topology import Endpoint, EngineInfo, Network

_SINCE = 27
_GATEWAY_MODES = tuple(
    f"com.docker.network.bridge.gateway_mode_ipv{version}" for version in (4, 6)
)


def _is_old(engine: EngineInfo) -> bool:
    return engine.product == "docker" and 0 < engine.major < _SINCE


def network_as_understood(engine: EngineInfo, network: Network) -> Network:
    """Return a network without the options that its engine does not know."""
    if not _is_old(engine):
        return network
    known = {k: v for k, v in network.options.items() if k not in _GATEWAY_MODES}
    return replace(network, options=known)


def endpoint_as_understood(engine: EngineInfo, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint without the sysctls that its engine does not set."""
    return replace(endpoint, sysctls={}) if _is_old(engine) else endpoint
