"""Signing in with OpenID Connect in two browsers at once: who sees what, roles, links, and the way out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from fairdash import people, shares
from fairdash.data import synthetic
from fairdash.entries import put_dataset
from fairdash.jobs import kinds, runner
from fairdash.ui.back import COOKIE
from fairdash.workspace import Workspace, write_json
from tests.e2e import steps
from tests.e2e.conftest import Server
from tests.e2e.provider import Provider, served

pytestmark = pytest.mark.timeout(steps.TEST_SECONDS)
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "a secret of the tests, and of nothing else"
client_id = "fairdash"
client_secret = "for tests"
server_metadata_url = "{provider}/.well-known/openid-configuration"

[roles]
claim = "groups"
"""


class House:
    """A server where people sign in, its provider, and browsers of people."""

    def __init__(self, server: Server, provider: Provider, browser: Browser) -> None:
        self.server, self.provider, self.browser = server, provider, browser
        self.contexts: list[BrowserContext] = []

    def tab(self, path: str = "") -> Page:
        """A tab of a browser that nobody used before."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(steps.HANG_MS)
        steps.visit(page, f"{self.server.url}/{path}")
        return page

    def signed_in(self, name: str, role: str) -> Page:
        """A tab of somebody who signed in."""
        page = self.tab()
        self.sign_in(page, name, role)
        return page

    def sign_in(self, page: Page, name: str, role: str) -> None:
        """Sign in on a tab, at the provider, and come back."""
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Groups").fill(role)
        page.get_by_role("button", name="Go on").click()
        page.get_by_test_id("stMain").wait_for()
        expect(page.get_by_test_id("stSidebar")).to_contain_text(f"Signed in as {name.title()}, {role}")
        steps.rest(page)

    def of(self, name: str) -> Workspace:
        """Somebody's workspace."""
        return Workspace(self.server.home).of(people.owner(self.provider.url, name))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[House]:
    server = Server(tmp_path_factory.mktemp("house"))
    with served() as provider:
        secrets = server.home / "secrets.toml"
        secrets.write_text(SECRETS.format(url=server.url, provider=provider.url))
        server.options = ("--secrets.files", str(secrets))
        server.start()
        yield House(server, provider, browser)
        server.kill()
        server.stop_jobs()


@pytest.fixture(autouse=True)
def closed(house: House) -> Iterator[None]:
    yield
    while house.contexts:
        house.contexts.pop().close()


def told(page: Page) -> str:
    """All that stands on a page, in its fields, too."""
    text: str = page.evaluate(
        "() => document.body.innerText + [...document.querySelectorAll('input, textarea')].map(one => one.value)"
    )
    return text


def wait_for(page: Page, text: str) -> None:
    """Until a text stands anywhere on a page."""
    steps.until(lambda: text in told(page), f"{text} stands on {page.url}")


def filled(house: House, name: str, n: int) -> dict[str, str]:
    """A data set of this many people with lists and an audit, in somebody's workspace."""
    workspace = house.of(name)
    stored = put_dataset(workspace, synthetic.make(n_users=n, n_items=40)[0])
    workspace.rename("datasets", stored, f"The data of {name}")
    made = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"})
    groups = [{"attributes": ["gender"]}]
    audit = kinds.run(workspace, "audit", {"lists": made["lists"], "groups": groups})["audits"]
    return {"data": stored, "lists": made["lists"], "audit": audit}


def test_two_people_in_two_browsers_see_the_own_workspace_alone(house: House) -> None:
    hers, his = filled(house, "ada", 60), filled(house, "bob", 70)
    ada, bob = house.signed_in("ada", "auditor"), house.signed_in("bob", "auditor")
    for page, own, other in ((ada, "ada", "bob"), (bob, "bob", "ada")):
        for name in ("Data", "Audit"):
            steps.go(page, name)
            wait_for(page, f"The data of {own}")
            assert f"The data of {other}" not in told(page)
    for page, theirs in ((ada, his), (bob, hers)):
        url = f"{house.server.url}/data?data={theirs['data']}&lists={theirs['lists']}&tab=view"
        steps.visit(page, url)
        assert theirs["data"] not in page.url  # it is not there for them, and they see their own
        own = "ada" if page is ada else "bob"
        wait_for(page, f"The data of {own}")
        unknown = f"{house.server.url}/data?data={'0' * 16}&lists={'0' * 16}&tab=view"
        mine = page.get_by_test_id("stMain").inner_text()
        steps.visit(page, unknown)
        assert page.get_by_test_id("stMain").inner_text() == mine
    # A tab more of the same browser is the same person; signing out there ends both.
    second = ada.context.new_page()
    second.set_default_timeout(steps.HANG_MS)
    steps.visit(second, house.server.url)
    expect(second.get_by_test_id("stSidebar")).to_contain_text("Signed in as Ada")
    second.get_by_role("button", name="Sign out").click()
    expect(second.get_by_role("button", name="Sign in")).to_be_visible()
    ada.get_by_test_id("stSidebarNav").get_by_role("link", name="Report").click()
    wait_for(ada, "You signed out")
    steps.go(bob, "Report")
    expect(bob.get_by_test_id("stSidebar")).to_contain_text("Signed in as Bob")


def test_a_page_elsewhere_neither_signs_anybody_out_nor_speaks_in_their_place(house: House) -> None:
    ada = house.signed_in("ada", "auditor")
    elsewhere = ada.context.new_page()
    elsewhere.set_default_timeout(steps.HANG_MS)
    elsewhere.goto(f"{house.provider.url}/.well-known/openid-configuration")  # another port: the cookies go along
    out, stream = f"{house.server.url}/auth/logout", f"{house.server.url.replace('http', 'ws', 1)}/_stcore/stream"
    told = elsewhere.evaluate(
        """([out, stream]) => new Promise(done => {
             const picture = new Image(), talk = new WebSocket(stream), heard = []
             const say = word => heard.push(word) === 2 && done(heard)
             picture.onload = picture.onerror = () => say('picture')
             talk.onopen = () => say('in'); talk.onerror = () => say('refused')
             picture.src = out })""",
        [out, stream],
    )
    assert sorted(told) == ["picture", "refused"]
    elsewhere.evaluate("out => { window.location.href = out }", out)
    elsewhere.wait_for_url(out)
    expect(elsewhere.locator("body")).to_contain_text("Nobody was signed out")
    assert "_streamlit_user" in {cookie["name"] for cookie in ada.context.cookies(house.server.url)}
    steps.visit(ada, house.server.url)
    expect(ada.get_by_test_id("stSidebar")).to_contain_text("Signed in as Ada")
    # Who holds the cookie and is no browser: without the page that it would come from it is not let in.
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in ada.context.cookies(house.server.url))

    def speak(origin: str | None) -> None:
        with connect(stream, origin=None if origin is None else Origin(origin), subprotocols=[Subprotocol("streamlit")],
                     additional_headers={"Cookie": cookies}, open_timeout=steps.HANG_SECONDS):  # fmt: skip
            pass

    speak(house.server.url)
    for origin in (None, house.provider.url):
        with pytest.raises(InvalidStatus, match="403"):
            speak(origin)


def test_who_came_by_a_deep_link_is_back_at_it_after_signing_in(house: House) -> None:
    made = filled(house, "ada", 60)
    filled(house, "ada", 61)  # newer, so that it would be in view without the link
    page = house.tab(f"audit?data={made['data']}&lists={made['lists']}&k=7&group=gender")
    house.sign_in(page, "ada", "viewer")
    expect(page.get_by_role("heading", level=1)).to_have_text(["Audit"])
    steps.rest(page)
    assert page.url.startswith(f"{house.server.url}/audit?")
    assert {f"lists={made['lists']}", "k=7", "group=gender"} <= {*page.url.partition("?")[2].split("&")}
    expect(page.get_by_role("spinbutton", name="K").first).to_have_value("7")
    kept = {cookie["name"] for cookie in page.context.cookies(f"{house.server.url}/oauth2callback")}
    assert "_streamlit_user" in kept
    assert COOKIE not in kept
    # One who goes astray at the provider is led nowhere else; what another site asks for is not remembered.
    other = house.tab("explore?k=3")
    other.get_by_role("button", name="Sign in").click()
    other.get_by_label("Name").wait_for()
    steps.visit(other, f"{house.server.url}/oauth2callback?error=access_denied&state=x")
    assert other.url.startswith(f"{house.server.url}/explore")
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_viewer_cannot_start_a_job_and_an_auditor_can(house: House) -> None:
    stored = put_dataset(house.of("vic"), synthetic.make(n_users=50, n_items=30)[0])
    page = house.signed_in("vic", "viewer")
    steps.visit(page, f"{house.server.url}/recommender?data={stored}&how=train&recommender=popularity")
    steps.press(page, "Train")
    expect(page.get_by_test_id("stMain")).to_contain_text("As a viewer you may look, and change nothing.")
    assert runner.table(house.of("vic")).all() == []
    again = house.signed_in("vic", "auditor")
    steps.visit(again, f"{house.server.url}/recommender?data={stored}&how=train&recommender=popularity")
    steps.start(again, "Train")
    steps.until(lambda: [job.state for job in runner.table(house.of("vic")).all()] == ["done"], "it is trained")
    assert house.of("vic").entries("runs")
    assert not Workspace(house.server.home).entries("runs")


def test_a_link_works_ends_and_is_taken_back(house: House) -> None:
    made = filled(house, "ada", 60)
    ada = house.signed_in("ada", "auditor")
    steps.visit(ada, f"{house.server.url}/report?of=audit&audit={made['audit']}")
    steps.press(ada, "Share")
    ada.get_by_role("button", name="Make a link").click()
    link = ada.locator("code").filter(has_text="share=").first
    expect(link).to_be_visible()
    address = link.inner_text().strip()
    visitor = house.tab(address.removeprefix(f"{house.server.url}/"))
    expect(visitor.get_by_test_id("stSidebar")).to_contain_text("Shared with you")
    expect(visitor.get_by_role("heading", level=1)).to_have_text(["Report"])
    steps.rest(visitor)
    expect(visitor.get_by_test_id("stSidebarNav")).to_have_count(0)
    for name in ("explore", "audit", "data", "recommender"):
        steps.visit(visitor, f"{address.replace('/report', f'/{name}')}&lists={made['lists']}&data={made['data']}")
        expect(visitor.get_by_test_id("stMain")).to_contain_text("Open what was shared with you")
        expect(visitor.get_by_role("heading", level=1)).to_have_count(0)
    steps.visit(visitor, address)
    (share,) = shares.of(house.of("ada"))
    file = house.server.home / shares.FOLDER / f"{share.id}.json"
    told = {"owner": share.owner, "kind": share.kind, "digest": share.digest, "created": share.created}
    write_json(file, {**told, "expires": time.time() - 1})  # its time is over
    steps.visit(visitor, address)
    expect(visitor.get_by_test_id("stMain")).to_contain_text("This link opens nothing.")
    write_json(file, {**told, "expires": share.expires})
    steps.visit(visitor, address)
    expect(visitor.get_by_role("heading", level=1)).to_have_text(["Report"])
    steps.visit(ada, f"{house.server.url}/report?of=audit&audit={made['audit']}")
    steps.press(ada, "Share")
    ada.get_by_role("button", name="Take back").click()
    steps.until(lambda: not file.exists(), "it is taken back")
    steps.visit(visitor, address)
    expect(visitor.get_by_test_id("stMain")).to_contain_text("This link opens nothing.")


def test_an_admin_sees_the_jobs_of_all_and_an_auditor_does_not(house: House) -> None:
    put_dataset(house.of("bob"), synthetic.make(n_users=50, n_items=30)[0])
    admin = house.signed_in("eve", "admin")
    steps.go(admin, "Oversee")
    expect(admin.get_by_test_id("stMain")).to_contain_text("No job waits or runs.")
    bob = house.signed_in("bob", "auditor")
    expect(bob.get_by_test_id("stSidebarNav").get_by_role("link", name="Oversee")).to_have_count(0)
