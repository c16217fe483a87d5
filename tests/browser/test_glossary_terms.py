"""Terms of the glossary on a page: marked where they stand, opened by a click or by the keyboard; the Guide opens at a term."""

from playwright.sync_api import expect

from tests.browser.kit import ready

FIRST = """() => { const range = [...CSS.highlights.get("glossary")].find(r => /retain set/i.test(r.toString()));
    range.startContainer.parentElement.scrollIntoView({block: "center"});
    const box = range.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }"""


def test_a_click_on_a_term_opens_its_entry_and_escape_closes_it(open_page, page):
    open_page("/guide?chapter=start")
    page.wait_for_function("[...(CSS.highlights.get('glossary') ?? [])].some(range => /retain set/i.test(range.toString()))")
    page.mouse.click(*page.evaluate(FIRST))
    card = page.get_by_role("dialog", name="Glossary: Retain set")
    expect(card).to_contain_text("The training images that stay: all but the forget set.")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.locator(".forgetscope-terms summary").press("Enter")
    page.locator(".forgetscope-terms").get_by_role("button", name="Retraining variability").press("Enter")
    card = page.get_by_role("dialog", name="Glossary: Retraining variability")
    link = card.get_by_role("link", name="Open in the glossary")
    expect(link).to_be_focused()
    assert link.get_attribute("href").endswith("/guide?chapter=glossary&term=retraining-variability")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === 'dark'")
    ready(page)
    expect(page.locator(".forgetscope-terms")).to_have_count(1)
    expect(page.locator(".forgetscope-term")).to_have_count(1)


def test_the_guide_opens_at_a_term_of_the_address(open_page, page):
    open_page("/guide?chapter=glossary&term=auc")
    expect(page.get_by_role("heading", name="AUC")).to_be_visible()
    page.get_by_role("button", name="See ROC curve").click()
    ready(page)
    expect(page.get_by_role("heading", name="ROC curve")).to_be_visible()
