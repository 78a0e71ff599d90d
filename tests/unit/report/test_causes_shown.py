"""The causes of a broken promise, wherever it is shown."""

from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from exporter.board import Change
from exporter.journal import report_changes
from exporter.model.cause import Cause, CauseId, cause
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.snapshot import Snapshot
from exporter.report.api.ids import pair_id
from exporter.report.explain import explain_text
from exporter.report.findings import findings
from exporter.report.junit import junit
from exporter.report.names import destination_of, source_of
from exporter.report.page import Page
from exporter.report.paint import painted
from exporter.report.pairs import pair_document
from exporter.web.view import view_of
from tests.fakes.report_samples import STARTED, leaking, only, snapshot
from tests.fakes.topologies import demo

RULE = "host, table filter, chain DOCKER-USER: -A DOCKER-USER -j ACCEPT"
ACCEPTS = cause(CauseId.DOCKER_USER_ACCEPTS, RULE, certain=True)
NO_DROP = cause(CauseId.RAW_DROP_MISSING, "no drop of 172.18.0.2", certain=False)
PAGE = Page(width=100)


def explained(*causes: Cause) -> Snapshot:
    """Return the demo with one leak that has these causes."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        state = leaking(pair, decision)
        return None if state is None else replace(state, causes=causes)

    return snapshot(demo(), only("bridge1", "mybridge1", change))


def test_the_json_has_every_cause_with_its_evidence() -> None:
    """In the order of likelihood; no key where nothing is broken."""
    found = explained(ACCEPTS, NO_DROP)
    documents = [pair_document(found, state) for state in found.pairs]

    assert [
        [
            {
                "cause": "docker-user-accepts",
                "certain": True,
                "sentence": ACCEPTS.sentence,
                "evidence": [RULE],
            },
            {
                "cause": "raw-drop-missing",
                "certain": False,
                "sentence": NO_DROP.sentence,
                "evidence": ["no drop of 172.18.0.2"],
            },
        ]
    ] == [document["causes"] for document in documents if "causes" in document]


def test_findings_name_cause_and_evidence() -> None:
    """What is not proven is called likely."""
    said = "\n".join(painted(findings(explained(ACCEPTS, NO_DROP), PAGE), colour=False))

    assert f"cause     {ACCEPTS.sentence[:40]}" in said
    assert RULE in said
    assert "cause     likely: " in said


def test_findings_say_which_evidence_is_not_everybodys() -> None:
    """One heading for all pairs, so the evidence of one stands for the others."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        state = leaking(pair, decision)
        its = cause(
            CauseId.RAW_DROP_MISSING, f"no drop of {pair.address}", certain=True
        )
        return None if state is None else replace(state, causes=(ACCEPTS, its))

    said = "\n".join(painted(findings(snapshot(demo(), change), PAGE), colour=False))

    assert "no drop of 172.18.0.2 (and so on; explain shows each)" in said
    assert 2 == said.count(RULE)


def test_explain_shows_every_line_of_evidence() -> None:
    """That is what it is for."""
    more = cause(
        CauseId.LINK_DOWN, "eth0 is down", "veth1 has no carrier", certain=True
    )
    found = explained(more)
    ends = source_of(found, "bridge1"), destination_of(found, "mybridge1")
    states = tuple(state for state in found.pairs if state.causes)

    said = "\n".join(painted(explain_text(found, *ends, states, PAGE), colour=False))

    assert "An interface is down or without carrier. (link-down)" in said
    assert "eth0 is down\n" in said
    assert "veth1 has no carrier\n" in said


def test_junit_carries_causes() -> None:
    """A pipeline's page shows them with the failure."""
    said = "".join(junit(explained(ACCEPTS)))

    assert "(docker-user-accepts)" in said
    assert RULE in said


def test_nothing_found_is_said_plainly() -> None:
    """It is neither likely nor certain."""
    nothing = cause(CauseId.UNKNOWN, "everything could be read", certain=False)

    said = "\n".join(painted(findings(explained(nothing), PAGE), colour=False))

    assert "cause     Nothing that was looked at explains it. (unknown)" in said


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        pytest.param((), (None, None), id="not diagnosed"),
        pytest.param(
            (ACCEPTS, NO_DROP), ("docker-user-accepts", RULE), id="the first of two"
        ),
    ],
)
def test_the_log_line_has_the_likeliest(
    causes: tuple[Cause, ...], expected: tuple[str | None, str | None]
) -> None:
    """In short: its id and one line of evidence."""
    found = explained(*causes)
    state = found.violations[0]

    with capture_logs() as lines:
        changes = [Change(before=None, after=state)]
        report_changes(structlog.get_logger(), found, changes)

    assert expected == (lines[0].get("cause"), lines[0].get("evidence"))


def test_the_page_shows_the_likeliest() -> None:
    """Why stands beside who and since when."""
    found = explained(ACCEPTS)
    view = view_of(
        found, STARTED, version="1", telemetry_path="/metrics", pair_id=pair_id
    )

    breach = view.breaches[0]
    assert (ACCEPTS.sentence, (RULE,)) == (breach.cause, breach.evidence)
