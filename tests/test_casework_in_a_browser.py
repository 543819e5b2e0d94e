"""Casework in a real Chromium: by keyboard, without JavaScript, and when a session ends midway.

Checks 1, 2, 4, 8, 13, 15 to 19 of the pages' standard, for the pages of casework.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from pages_world import NAME, PURPOSE, World, world
from test_pages_in_a_browser import (
    AXE,
    LIST,
    LOOK,
    SPACING,
    WCAG,
    WIDTHS,
    chromium,
    person,
    site,
    visit,
)

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


def addresses(page: Any) -> list[str]:
    """An address of each page of casework."""
    first = person(page)
    page.goto(first)
    dispute = str(page.get_by_role("link", name="Report as wrong").first.get_attribute("href"))
    return [
        *(f"{first}/decision", f"{first}/selection", dispute, f"{first}/dispute"),
        *("/selections", "/scores", f"{first}?saved=decision", f"{LIST}?strand=stalking"),
    ]


def decide(page: Any, reason: str = REASON) -> None:
    """Fill a decision in and send it."""
    page.get_by_label("Keep under review").check()
    page.get_by_label("High", exact=True).check()
    page.get_by_label("Something else").check()
    page.fill("#reason", reason)
    page.get_by_role("button", name="Save decision").click()


def look_over(page: Any, axe: str, place: str) -> None:
    page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
    broken = [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    assert broken == [], place
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_of_casework_breaks_wcag(visit: Callable[..., Any], width: int) -> None:
    """Checks 1 and 15: every page, with its mistakes shown too."""
    axe = gzip.decompress(AXE.read_bytes()).decode()
    page = visit(width)
    for address in addresses(page):
        assert page.goto(address).status == 200, address
        look_over(page, axe, address)
        assert page.wrong == [], address
        button = page.locator("main button[type=submit].govuk-button").first
        form = page.locator("main form[method=post]")
        if form.count():
            button.click()
            look_over(page, axe, f"{address} with mistakes")
            if "/scores" not in address:
                assert page.title().startswith("Error: "), address
            focused = page.evaluate("document.activeElement.className")
            assert focused.startswith("govuk-error-summary"), address
            for link in page.locator(".govuk-error-summary a").all():
                link.click()
                where = str(link.get_attribute("href")).removeprefix("#")
                assert page.evaluate("document.activeElement.id") == where, address
            page.wrong.clear()


def test_small_windows_and_wide_spacing_lose_nothing_of_casework(
    visit: Callable[..., Any],
) -> None:
    """Check 8."""
    page = visit(320)
    for address in [LIST, person(page), *addresses(page)]:
        page.goto(address)
        page.evaluate(
            "text => {const sheet = new CSSStyleSheet(); sheet.replaceSync(text);"
            "document.adoptedStyleSheets = [sheet]}",
            SPACING,
        )
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, address


def test_the_keyboard_alone_leads_from_the_list_to_a_saved_decision(
    visit: Callable[..., Any],
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
    page.wait_for_url("**saved=decision")
    assert page.evaluate("document.activeElement.className").startswith("govuk-notification")
    assert REASON in page.locator(".decided").first.inner_text()


def test_a_phone_without_javascript_saves_a_decision_once(visit: Callable[..., Any]) -> None:
    """Checks 4, 16 and 19."""
    page = visit(390, java_script_enabled=False)
    page.select_option("#filter-band", "Very high")
    page.get_by_role("button", name="Apply filters").click()
    at = other_person(page, 3)
    page.goto(f"{at}/decision")
    decide(page, "without a script")
    assert page.url.endswith(f"{at}?saved=decision")
    page.reload()
    page.go_back()
    page.go_back()
    assert "band=Very+high" in page.url
    assert page.locator("#filter-band").input_value() == "Very high"
    page.goto(at)
    assert page.locator(".decided", has_text="without a script").count() == 1


def test_text_outlives_a_session_for_its_writer(world: World, visit: Callable[..., Any]) -> None:
    """Checks 17 and 18."""
    page = visit()
    at = other_person(page, 4)
    page.goto(f"{at}/decision")
    cookie = next(one for one in page.context.cookies() if one["name"] == SESSION)
    world.access.sign_out(cookie["value"])
    decide(page, "half a thought")
    page.wait_for_url("**/sign-in?**kept=1")
    assert page.get_by_text("What you wrote has been kept").is_visible()
    page.fill("#token", world.access.issue_token("a.nalyst", "analyst", 1))
    page.fill("#purpose", PURPOSE)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{at}/decision")
    assert page.locator("#reason").input_value() == "half a thought"
    assert page.get_by_label("Keep under review").is_checked()
    page.get_by_role("button", name="Save decision").click()
    page.wait_for_url("**saved=decision")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?out=1")
    page.go_back()
    page.wait_for_load_state()
    assert "half a thought" not in page.content()


def test_a_session_warns_before_its_end_and_is_extended_where_one_is(
    visit: Callable[..., Any],
) -> None:
    """Check 17: what is written stays where it is."""
    page = visit()
    page.clock.install()
    page.goto(f"{other_person(page, 5)}/decision")
    page.fill("#reason", "still writing")
    warning = page.locator("#session-end")
    assert not warning.is_visible()
    page.clock.fast_forward("07:51:00")
    assert warning.is_visible()
    assert "is kept until you have signed in again" in warning.inner_text()
    with page.expect_response("**/session") as answered:
        warning.get_by_role("button", name="Stay signed in").click()
    assert answered.value.status == 204
    assert not warning.is_visible()
    assert page.locator("#reason").input_value() == "still writing"
    assert page.url.endswith("/decision")


def test_each_chart_of_a_person_has_a_name_words_and_a_table(visit: Callable[..., Any]) -> None:
    """Check 13."""
    page = visit()
    page.goto(person(page))
    pictures = page.get_by_role("img")
    assert pictures.count() == 3  # the scale, scores over time, history
    for table in ("The scale as a table", "The scores over time as a table"):
        page.get_by_text(table).click()
    assert page.locator("table", has_text="As known on").is_visible()
    rows = page.locator("table", has_text="As known on").locator("tbody tr")
    assert rows.count() == 2
    assert NAME in page.url
