"""Rules of the schema itself."""

import pytest
from pydantic import ValidationError

from exporter.config.cross import CROSS_CHECKS
from exporter.config.schema import Config
from exporter.config.settings import POLICY, Setting, sections, settings

SETTINGS = list(settings())


def test_defaults_are_those_of_the_design() -> None:
    """Nothing has to be configured, and what is then done is known."""
    config = Config()

    assert (15.0, 1.0, 2000, 1, 3, 10.0) == (
        config.probe.interval,
        config.probe.timeout,
        config.probe.packets_per_second,
        config.probe.packets,
        config.probe.confirm_packets,
        config.probe.grace_period,
    )
    assert ["127.0.0.1:10042"] == [str(item) for item in config.web.listen_addresses]
    assert "/metrics" == config.web.telemetry_path
    assert not config.web.enable_lifecycle


def test_defaults_agree_with_each_other() -> None:
    """No check of several settings refuses the defaults."""
    assert [] == [check.paths for check in CROSS_CHECKS if check.problem(Config())]


def test_settings_cannot_be_changed() -> None:
    """A configuration is replaced as a whole, never edited."""
    with pytest.raises(ValidationError):
        Config().probe.interval = 1.0


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.path)
def test_every_setting_is_documented(setting: Setting) -> None:
    """Each setting says what it is, how it is written, and its unit and bounds."""
    assert setting.description.endswith(".")
    assert setting.about.form
    if setting.kind in (int, float):
        assert setting.about.unit
        assert isinstance(setting.default, (int, float))
        assert setting.least is not None
        assert setting.most is not None
        assert setting.least <= setting.default <= setting.most


def test_every_section_is_listed() -> None:
    """No section hides from the documentation; the policy is a list of its own."""
    named = set(Config.model_fields) - {POLICY}

    assert named == {name for name, _ in sections()}
    assert named == {setting.section for setting in SETTINGS}
