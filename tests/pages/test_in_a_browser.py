"""The pages in a real browser: what people see and can do, under our own content security policy."""

import shlex

import httpx
from playwright.async_api import Browser, Page, expect

from staysync.admin import add_administrator
from staysync.demo import SIGN_INS
from staysync.pages.routes import pages_of
from staysync.problems import PROBLEMS
from tests.clients import PASSWORD, stay
from tests.identity.people import mailed_token
from tests.pages.conftest import Site

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


async def opened(browser: Browser, site: Site, path: str, **options: object) -> Page:
    context = await browser.new_context(**{"viewport": DESK, **options})  # type: ignore[arg-type] # a dict of options
    page = site.watch(await context.new_page())
    await page.goto(site.origin + path)
    return page


def assert_clean(site: Site) -> None:
    assert site.outside == []
    assert site.complaints == []


async def test_the_front_page_shows_the_calendar_and_never_scrolls_sideways(browser: Browser, site: Site) -> None:
    for viewport, scheme in ((DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")):
        page = await opened(browser, site, "/", viewport=viewport, color_scheme=scheme)
        await expect(page.locator("#calendar tbody tr")).to_have_count(1)
        await expect(page.locator("#calendar tbody td")).to_have_count(14)
        await expect(page.locator("#calendar tbody td b").first).to_have_text("3")
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        # Readable in both schemes: text and paper differ clearly.
        style = "getComputedStyle(document.body)"
        ink, paper = [
            sum(int(part) for part in (await page.evaluate(f"{style}.{name}")).strip("rgb()").split(","))
            for name in ("color", "backgroundColor")
        ]
        assert abs(ink - paper) > 400
        assert (ink > paper) == (scheme == "dark")
    assert_clean(site)


async def test_sign_ins_break_where_words_end(browser: Browser, site: Site) -> None:
    settings = site.service.settings
    for each in SIGN_INS:
        await add_administrator(settings, email=each.email, password=each.password, full_name="Demo")
    site.service.app.state.pages = pages_of(settings, SIGN_INS)
    lines = "[...code.getClientRects()].map(part => Math.round(part.top))"
    told_of = f"each => each.map(code => [code.textContent, new Set({lines}).size])"
    for viewport in (DESK, {"width": 1024, "height": 800}, PHONE):
        page = await opened(browser, site, "/", viewport=viewport)
        told = await page.locator("#sign-ins td code").evaluate_all(told_of)
        assert [text for text, _ in told] == [part for each in SIGN_INS for part in (each.email, each.password)]
        assert all(count <= (2 if "@" in text else 1) for text, count in told), told
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_a_booking_shows_in_the_open_calendar(browser: Browser, site: Site) -> None:
    page = await opened(browser, site, "/")
    first = page.locator("#calendar tbody td b").nth(3)
    await expect(first).to_have_text("3")
    body = stay(nights=1, begins_in=0)
    async with httpx.AsyncClient(base_url=site.origin) as guest:
        calendar = (await guest.get(f"/v1/hotels/{site.hotel_id}/calendar")).json()
        nights = calendar["room_types"][0]["nights"]
        body |= {"arrival": nights[3]["date"], "departure": nights[4]["date"]}
        booked = await guest.post(f"/v1/hotels/{site.hotel_id}/bookings", json=body)
        assert booked.status_code == 201, booked.text
    await expect(first).to_have_text("2", timeout=15_000)
    assert_clean(site)


async def test_the_calendar_is_leafed_through(browser: Browser, site: Site) -> None:
    page = await opened(browser, site, "/")
    range_shown = page.locator("#range")
    await expect(range_shown).not_to_be_empty()
    before = await range_shown.text_content()
    await page.click("#later")
    await expect(range_shown).not_to_have_text(before or "")
    await page.click("#earlier")
    await expect(range_shown).to_have_text(before or "")
    assert_clean(site)


async def test_the_commands_to_copy_work_as_they_stand(browser: Browser, site: Site) -> None:
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = site.watch(await context.new_page())
    await page.goto(site.origin)
    for number in (1, 2, 3):
        button = page.locator(f'[data-copy="command-{number}"]')
        await button.click()
        await expect(button).to_have_text("Copied")
        command = await page.evaluate("navigator.clipboard.readText()")
        answer = await as_curl(command)
        assert answer.status_code == (201 if number == 3 else 200), answer.text
        assert answer.json()
    assert_clean(site)


async def as_curl(command: str) -> httpx.Response:
    """What curl does with a command of the page."""
    words = shlex.split(command.replace("\\\n", ""))
    assert words.pop(0) == "curl"
    method, headers, body, url = "GET", {}, None, ""
    while words:
        word = words.pop(0)
        match word:
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                body = words.pop(0)
            case _:
                url = word
    async with httpx.AsyncClient() as client:
        return await client.request(method, url, headers=headers, content=body)


async def test_demo_sign_ins_are_shown_and_let_in(browser: Browser, site: Site) -> None:
    page = await opened(browser, site, "/")
    cells = page.locator("#sign-ins td code")
    email, password = await cells.nth(0).text_content(), await cells.nth(1).text_content()
    async with httpx.AsyncClient(base_url=site.origin) as client:
        signed_in = await client.post("/v1/auth/login", json={"email": email, "password": password})
    assert signed_in.status_code == 200
    assert_clean(site)


async def test_a_room_is_booked_from_the_documentation(browser: Browser, site: Site) -> None:
    page = await opened(browser, site, "/docs")
    operation = page.locator("#operations-bookings-book_v1_hotels__hotel_id__bookings_post")
    await operation.locator(".opblock-summary-control").click()
    await operation.locator("button.execute").click()
    status = operation.locator(".live-responses-table .response .response-col_status")
    await expect(status).to_contain_text("201")
    await expect(operation.locator(".live-responses-table")).to_contain_text("reference")
    assert_clean(site)


async def test_signing_in_there_stays_and_writes_pass_the_csrf_wall(browser: Browser, site: Site) -> None:
    page = await opened(browser, site, "/docs")
    login = page.locator("#operations-accounts-login_v1_auth_login_post")
    await login.locator(".opblock-summary-control").click()
    await login.locator("button.execute").click()
    await expect(login.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    prices = page.locator("#operations-hotels-set_prices_v1_hotels__hotel_id__room_types__code__prices_put")
    await prices.locator(".opblock-summary-control").click()
    await prices.locator('tr[data-param-name="code"] input').fill("DBL")
    dates = stay()
    await prices.locator("textarea.body-param__text").fill(
        f'{{"from": "{dates["arrival"]}", "to": "{dates["departure"]}", "price": "77.00"}}'
    )
    await prices.locator("button.execute").click()
    await expect(prices.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    assert_clean(site)


async def test_a_refusal_leads_to_its_explanation(browser: Browser, site: Site) -> None:
    page = await opened(browser, site, "/problems")
    await page.click('a[href="/problems/sold_out"]')
    await expect(page.locator("h1")).to_have_text(PROBLEMS["sold_out"].title)
    assert_clean(site)


async def test_the_policy_does_stop_what_isnt_ours(browser: Browser, site: Site) -> None:
    """The watch of the other tests is worth something: a page that breaks the policy is noticed."""
    page = await opened(browser, site, "/")
    await page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.broken = true';
        document.body.append(script);
        document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.2:9/x.png'}));
    }""")
    await page.wait_for_timeout(300)
    assert await page.evaluate("window.broken") is None
    assert any("Content Security Policy" in complaint for complaint in site.complaints)


async def test_the_link_of_a_mail_verifies_an_address_and_leaves_no_token_behind(browser: Browser, site: Site) -> None:
    person = {"email": "zoe@example.org", "password": PASSWORD, "full_name": "Zoë"}
    async with httpx.AsyncClient(base_url=site.origin) as client:
        assert (await client.post("/v1/auth/register", json=person)).status_code == 202
    token = await mailed_token(site.service, "verify_email", person["email"])
    page = await opened(browser, site, f"/account#verify_email={token}")
    assert page.url == f"{site.origin}/account"
    await expect(page.locator("#reset")).to_be_hidden()
    await page.fill("#verify [name=email]", person["email"])
    await page.fill("#verify [name=password]", PASSWORD)
    await page.click("#verify button")
    await expect(page.locator("#verify [role=status]")).to_have_text("Your e-mail address is verified.")
    assert_clean(site)


async def test_the_link_of_a_mail_chooses_another_password_and_says_what_is_wrong_with_one(
    browser: Browser, site: Site
) -> None:
    async with httpx.AsyncClient(base_url=site.origin) as client:
        await client.post("/v1/auth/forgot-password", json={"email": site.sign_in.email})
    token = await mailed_token(site.service, "reset_password", site.sign_in.email)
    page = await opened(browser, site, f"/account#reset_password={token}")
    said = page.locator("#reset [role=status]")
    await page.fill("#reset [name=password]", "password1234")
    await page.click("#reset button")
    await expect(said).not_to_be_empty()
    site.complaints.clear()  # the browser notes each answer that is a refusal
    await page.fill("#reset [name=password]", "quite another phrase 8")
    await page.click("#reset button")
    await expect(said).to_contain_text("Your password is changed.")
    assert_clean(site)
