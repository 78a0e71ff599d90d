"""The page over TLS with a password: all of it comes through, and nothing before."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from exporter.config.webfile import load_access
from tests.fakes import sights
from tests.fakes.certificates import HASH, TLS, authority, signed
from tests.fakes.stage import staged
from tests.page.conftest import shown

USERS = f"basic_auth_users:\n  prometheus: {HASH}\n"
RIGHT = {"username": "prometheus", "password": "secret"}


def test_behind_tls_and_a_password(browser: Browser, tmp_path: Path) -> None:
    """Views, panel and news work as they do in the open, without a complaint."""
    signed(tmp_path, authority(tmp_path), "server")
    web = tmp_path / "web.yml"
    web.write_text(TLS + USERS)
    with staged(sights.seen(5, broken=True), load_access(web)) as stage:
        assert stage.url.startswith("https://")
        with browser.new_context(ignore_https_errors=True) as stranger:
            assert 401 == stranger.request.get(stage.url).status
        with browser.new_context(
            ignore_https_errors=True,
            http_credentials=RIGHT,  # type: ignore[arg-type]  # an HttpCredentials
        ) as context:
            page = context.new_page()
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(stage.url)
            shown(page)
            expect(page.locator("#live")).to_have_text("live")
            page.locator(".pair a").first.click()
            panel = page.get_by_role("dialog")
            expect(panel.locator(".state")).to_contain_text("isolation broken")

            stage.show(sights.seen(5, broken=False))

            expect(panel.locator(".state")).to_contain_text("as promised")
            expect(page.locator(".breach")).to_have_count(0)
            assert [] == complaints
