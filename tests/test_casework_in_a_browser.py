"""Casework in a real Chromium: by keyboard, without JavaScript, and when a session ends midway.

The numbers of checks are those of `docs/pages.md`.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from browser import LOOK, PAGES, Opened, chromium, look_at, look_over, opened_routes
from desk import hidden, send
from pages_world import NAME, PURPOSE, World, world
from playwright.sync_api import expect
from test_pages_in_a_browser import LIST, person, site, visit

from serving.pages.door import SESSION

pytestmark = pytest.mark.browser
assert world  # fixtures
assert chromium
assert site
assert visit

REASON = "Partner agency reports escalation."


def other_person(page: Any, place: int) -> str:
    """Address of somebody further down the list, for a test of their own."""
    links = page.locator("table.list th a")
    return str(links.nth(place).get_attribute("href"))


def addresses(page: Any, world: World) -> list[str]:
    """An address of each page of casework, with a dispute and scores that were asked for."""
    first = person(page)
    page.goto(f"{LIST}/not-scored")
    unscored = person(page)
    page.goto(first)
    dispute = str(page.get_by_role("link", name="Report as wrong").first.get_attribute("href"))
    client = world.client(actor="a.nalyst")
    brought = send(client, dispute, reason="it was his brother").headers["location"]
    wanted = {"question": NAME, "nominal_ids": "N0007\nnobody", "purpose": "new referral"}
    check = client.post("/scores", data=hidden(client.get("/scores").text) | wanted)
    answered = client.post(
        "/scores", data=hidden(check.text) | {"next_step": "ask"}, follow_redirects=False
    )
    return [
        *(LIST, f"{LIST}?status=wanted&band=Lower", f"{LIST}?strand=stalking", first),
        *(f"{LIST}/not-scored", unscored, f"{first}?saved=decision", f"{first}/decision"),
        *(f"{first}/selection", dispute, f"{first}/dispute", brought, "/selections", "/scores"),
        *(answered.headers["location"], "/how-scores-are-made", "/sign-in?out=1"),
        *("/sign-in?link=x", "/nowhere", "/audit"),
    ]


def decide(page: Any, reason: str = REASON) -> None:
    """Fill a decision in and send it."""
    page.get_by_label("Keep under review").check()
    page.get_by_label("High", exact=True).check()
    page.get_by_label("Something else").check()
    page.fill("#reason", reason)
    page.get_by_role("button", name="Save decision").click()


@pytest.mark.timeout(1200)
def test_every_page_of_casework_keeps_what_every_page_promises(visit: Opened, world: World) -> None:
    """Checks 1, 3 and 5 to 15, wide, on a phone, and on paper; with mistakes in each form."""
    page, broken = visit(), []
    for address in addresses(page, world):
        broken += look_at(page, address)
        if page.locator("main form[method=post]").count():
            page.locator("main button[type=submit].govuk-button").first.click()
            broken += look_over(page, f"{address} with mistakes")
    assert not broken, "\n".join(broken)
    seen = opened_routes(world, page.seen)
    assert PAGES["casework"] <= seen, PAGES["casework"] - seen


def test_mistakes_are_told_where_they_are(visit: Opened) -> None:
    """Check 15: an empty form."""
    page = visit()
    first = person(page)
    for address in (f"{first}/decision", f"{first}/selection", "/scores", "/sign-in"):
        page.goto(address)
        page.locator("main button[type=submit].govuk-button").first.click()
        page.locator(".govuk-error-summary:focus").wait_for()
        assert page.title().startswith("Error: "), address
        for link in page.locator(".govuk-error-summary a").all():
            link.click()
            where = str(link.get_attribute("href")).removeprefix("#")
            assert page.evaluate("document.activeElement.id") == where, address


def test_the_keyboard_alone_leads_from_the_list_to_a_saved_decision(
    visit: Opened,
) -> None:
    """Check 2: focus is always seen."""
    page = visit()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    wanted = page.get_by_role("link", name=re.compile("^Decide about")).first

    def tab_to(found: Any, most: int = 60) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            assert page.evaluate(LOOK)
            if found.evaluate("it => it === document.activeElement"):
                return
        raise AssertionError(f"{found} was not reached")

    tab_to(wanted)
    page.keyboard.press("Enter")
    page.wait_for_url("**/decision")
    tab_to(page.locator("#step"))
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    tab_to(page.locator("#judged_band"))
    page.keyboard.press("Space")
    tab_to(page.locator("#reason"))
    page.keyboard.type(REASON)
    tab_to(page.get_by_role("button", name="Save decision"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("saved=decision$"))
    page.locator(".govuk-notification-banner:focus").wait_for()
    assert REASON in page.locator(".decided").first.inner_text()


def test_a_phone_without_javascript_saves_a_decision_once(visit: Opened) -> None:
    """Checks 4, 16 and 19."""
    page = visit(390, java_script_enabled=False)
    page.select_option("#filter-band", "Very high")
    page.get_by_role("button", name="Apply filters").click()
    at = other_person(page, 3)
    page.goto(f"{at}/decision")
    decide(page, "without a script")
    assert page.url.endswith(f"{at}?saved=decision")
    page.wait_for_load_state()
    page.reload()
    page.go_back()
    page.go_back()
    assert "band=Very+high" in page.url
    assert page.locator("#filter-band").input_value() == "Very high"
    page.goto(at)
    assert page.locator(".decided", has_text="without a script").count() == 1


def test_text_outlives_a_session_for_its_writer(world: World, visit: Opened) -> None:
    """Checks 17 and 18."""
    page = visit()
    at = other_person(page, 4)
    page.goto(f"{at}/decision")
    cookie = next(one for one in page.context.cookies() if one["name"] == SESSION)
    world.access.sign_out(cookie["value"])
    decide(page, "half a thought")
    page.wait_for_url("**/sign-in?**kept=1")
    expect(page.get_by_text("What you wrote has been kept")).to_be_visible()
    page.fill("#token", world.access.issue_token("a.nalyst", "analyst", 1))
    page.fill("#purpose", PURPOSE)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{at}/decision")
    assert page.locator("#reason").input_value() == "half a thought"
    assert page.get_by_label("Keep under review").is_checked()
    page.get_by_role("button", name="Save decision").click()
    page.wait_for_url(re.compile("saved=decision$"))
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?out=1")
    page.go_back()
    page.wait_for_load_state()
    assert "half a thought" not in page.content()


def test_a_session_warns_before_its_end_and_is_extended_where_one_is(
    visit: Opened,
) -> None:
    """Check 17: what is written stays where it is."""
    page = visit()
    page.clock.install()
    page.goto(f"{other_person(page, 5)}/decision")
    page.fill("#reason", "still writing")
    warning = page.locator("#session-end")
    expect(warning).to_be_hidden()
    page.clock.fast_forward("07:51:00")
    warning.wait_for(state="visible")
    assert "is kept until you have signed in again" in warning.inner_text()
    with page.expect_response("**/session") as answered:
        warning.get_by_role("button", name="Stay signed in").click()
    assert answered.value.status == 204
    warning.wait_for(state="hidden")
    assert page.locator("#reason").input_value() == "still writing"
    assert page.url.endswith("/decision")


def test_each_chart_of_a_person_has_a_name_words_and_a_table(visit: Opened) -> None:
    """Check 13."""
    page = visit()
    page.goto(person(page))
    pictures = page.get_by_role("img")
    assert pictures.count() == 3  # the scale, scores over time, history
    for table in ("The scale as a table", "The scores over time as a table"):
        page.get_by_text(table).click()
    expect(page.locator("table", has_text="As known on")).to_be_visible()
    rows = page.locator("table", has_text="As known on").locator("tbody tr")
    assert rows.count() == 2
    assert NAME in page.url
