"""What `--help` says of each command, as text of its own.

Docstrings are not there under `python -OO`, by which the image saves memory.
"""

from typing import Final

ALL: Final = """Who reaches whom on a Docker host, against what Docker promises.

The engine is DOCKER_HOST, else the default socket.

Exit status: 0 nothing is wrong, 1 a promise is broken, 2 bad usage or configuration,
3 it could not be measured.
"""
RUN: Final = "Probe all the time and serve metrics."
CHECK: Final = """Probe once, now, and show who reaches whom.

Exit status: 0 nothing is wrong, 1 a promise is broken, 2 bad usage or configuration,
3 nothing found broken but something could not be measured.
"""
EXPLAIN: Final = """Show everything known of the pairs from SOURCE to DESTINATION.

Both are names of containers, or beginnings of their ids. SOURCE may be `host`,
DESTINATION may be `gateway`.
"""
TOPOLOGY: Final = "Show networks, subnets, containers, addresses; probe nothing."
HEALTHCHECK: Final = """\
Ask the `run` of this container whether it is well, whatever it serves.

Exit status: 0 it is, 1 it is not, or there is none.
"""
CONFIG: Final = "Work on configuration files."
CONFIG_CHECK: Final = """Report every problem of a configuration file.

Exit status: 0 none, 2 otherwise.
"""
POLICY: Final = "Work on the policy of a configuration file."
POLICY_TEST: Final = """Show which pairs of the running engine each entry decides.

Nothing is probed. An entry that decides none says why.

Exit status: 0 shown, 2 the file has a problem, 3 no engine answers.
"""
