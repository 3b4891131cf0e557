"""The page in a real browser: its keys and buttons answer, and it asks nobody but its server.

Needs the extra ``browser`` and a Chromium or Chrome: that of the system, or ``playwright install chromium``.
"""

import pytest
from tests.comparing.test_server import rows, server, session  # noqa: F401
from tests.evaluation.test_report_browser import browser, looked_at  # noqa: F401

pytestmark = pytest.mark.extras


def test_a_session_by_keys(browser, server, session):  # noqa: F811
    context = browser.new_context()
    opened = context.new_page()
    asked, said = [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    own = f"http://127.0.0.1:{server.server_address[1]}/"
    opened.goto(f"{own}?token={server.token}")

    def shows(text):
        opened.get_by_text(text, exact=True).wait_for()

    shows("Pair 1")
    opened.keyboard.press("ArrowRight")
    shows("Pair 2")
    opened.keyboard.press("ArrowDown")
    shows("Pair 3")
    opened.keyboard.press("u")
    shows("Pair 2")
    opened.keyboard.press("ArrowLeft")
    shows("Pair 3")
    opened.keyboard.press("s")
    shows("All pairs are answered")
    assert [row[:3] for row in rows(session)] == [
        ["CCN", "CCO", "chosen"],
        ["c1ccccc1", "CCO", "chosen"],
        ["CCN", "c1ccccc1", "skip"],
    ]
    opened.get_by_role("button", name="Finish").click()
    shows("Done")
    assert [url for url in asked if not url.startswith((own, "data:"))] == []
    assert said == []
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "light")])
def test_nothing_is_wrong_with_the_page(browser, server, width, scheme):  # noqa: F811
    own = f"http://127.0.0.1:{server.server_address[1]}/"
    assert looked_at(browser, f"{own}?token={server.token}", width=width, scheme=scheme) == ""
