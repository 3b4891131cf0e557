"""The report in a real browser: it asks nobody for anything, fits a telephone, and its table and map work.

Needs the extra ``browser`` and a Chromium or Chrome: that of the system, or ``playwright install chromium``.
"""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from tests.evaluation.test_report import make_run
from tests.evaluation.test_study_page import curves, tidy
from tests.extras import extra

from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.evaluation.report.page import write_report
from molgfn.evaluation.report.study_page import write_study_page
from molgfn.evaluation.run import evaluate_run
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.oracles.synthetic.hypergrid import HyperGrid as GridOracle
from molgfn.oracles.synthetic.string_modes import StringModes
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power

pytestmark = pytest.mark.extras

#: names of the program on the systems where it is installed by the package manager
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
VALUES = np.linspace(0.95, 0.05, 60)


@pytest.fixture(scope="module")
def browser():
    playwright = extra("browser", "playwright.sync_api")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    with playwright.sync_playwright() as driver:
        if program is None and not Path(driver.chromium.executable_path).is_file():
            pytest.skip("no Chromium here: install one, or `playwright install chromium`")
        # root, as in containers, may not have the sandbox
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = driver.chromium.launch(executable_path=program, args=options)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory, samples):
    return write_report(make_run(tmp_path_factory.mktemp("run"), samples, smiles=series(), values=VALUES.tolist()))


def series() -> list[str]:
    """Sixty different molecules: some have charges, stereo centres, or double bonds of a known or unknown side."""
    tails = ["/C=C/C", "C=CC", "C(=O)O", "C(=O)[O-]", "[C@H](C)O", "c1ccncc1"]
    return ["C" * n + tail for n in range(1, 11) for tail in tails]


@pytest.fixture
def page(browser, report, request):
    """The report at a width, with all that it asked for and complained of."""
    width, scheme = getattr(request, "param", (1280, "light"))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    yield page
    assert [url for url in asked if url != report.as_uri() and not url.startswith(("data:", "blob:"))] == []
    assert said == []
    context.close()


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Reports of objects without pictures or fingerprints, and of a study."""
    place = tmp_path_factory.mktemp("others")
    settings = EvaluationSettings(samples=64, log_pt_objects=4, log_pt_samples=2)
    grid, strings = HyperGrid(dimensions=2, side=6), Strings(alphabet="AB", length=4)
    oracles = (GridOracle(dimensions=2, side=6), StringModes(alphabet="AB", length=4))
    found = {"study": write_study_page(tidy(), place / "study.html", name="a study", curves=curves())}
    for environment, oracle in zip((grid, strings), oracles, strict=True):
        policy, folder = TabularPolicy(environment=environment), place / type(environment).__name__
        reward = Power(oracle=oracle)
        found[folder.name] = evaluate_run(
            folder, environment=environment, policy=policy, reward=reward, settings=settings
        ).report
    return found


#: elements that are wider than the screen, and in no frame that scrolls
WIDE = """() => {
    const inside = (e) => { for (let p = e.parentElement; p; p = p.parentElement)
        if (getComputedStyle(p).overflowX !== "visible") return true; return false; };
    return [...document.querySelectorAll("body *")].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width > 0 && box.right > innerWidth + 0.5 && !inside(e) && !e.closest("svg svg, svg > *");
    }).map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`);
}"""
#: pictures that a screen reader names by nothing
NAMELESS = """() => [...document.querySelectorAll("svg")].filter((e) =>
    !e.closest("[aria-hidden], [aria-label]") && !e.querySelector("title")).length"""
#: pixels across A4 between the margins that the pages ask for
PAPER = 688


def looked_at(browser, url, *, width, scheme="light", printed=False):
    """What is wrong with a page: too wide, asked for from elsewhere, or complained of; "" for nothing."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    if printed:
        page.emulate_media(media="print")
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    own = url.split("?")[0]
    found = [*page.evaluate(WIDE), *said, *(u for u in asked if not u.startswith((own, "data:", "blob:")))]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page scrolls sideways")
    if page.evaluate(NAMELESS):
        found.append("a picture without a name")
    context.close()
    return "; ".join(found)


@pytest.mark.parametrize(("width", "printed"), [(390, False), (1280, False), (PAPER, True)])
@pytest.mark.parametrize("name", ["HyperGrid", "Strings", "study"])
def test_nothing_is_wrong_with_pages_of_other_things(browser, others, name, width, printed):
    assert looked_at(browser, others[name].as_uri(), width=width, printed=printed) == ""


def test_a_printed_report_is_whole_and_says_what_it_leaves_out(browser, report):
    assert looked_at(browser, report.as_uri(), width=PAPER, printed=True) == ""
    page = browser.new_page(viewport={"width": PAPER, "height": 900})
    page.emulate_media(media="print")
    page.goto(report.as_uri())
    cut = "all => all.filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert page.locator(".scroll").evaluate_all(cut) == 0
    assert page.locator("button:visible").count() == 0
    shown = "getComputedStyle(document.querySelector('.scroll'), '::after').content"
    assert page.evaluate(shown) == '"10 of 60 rows are printed."'
    page.close()


def test_a_study_shows_means_with_intervals_and_saves_both(browser, others, tmp_path):
    page = browser.new_page()
    page.goto(others["study"].as_uri())
    row = page.locator("#rows tbody tr", has_text="grid").filter(has_text="db")
    mean, half = row.locator("td.n").first.inner_text().split(" ± ")
    (line,) = [
        line
        for line in csv.DictReader(saved(page, "#csv", tmp_path).open())
        if line["row"] == "db" and line["task"] == "grid"
    ]
    assert float(mean) == pytest.approx(float(line["exact/tv"]), abs=0.6 * 10 ** -len(mean.split(".")[1]))
    assert float(half) == pytest.approx(float(line["exact/tv ±"]), rel=0.06)
    page.close()


@pytest.mark.parametrize("name", ["HyperGrid", "Strings", "study"])
def test_pages_of_other_things_work_too(browser, others, name):
    said = []
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(others[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#rows tbody tr").count() > 1
    page.locator("#sort").select_option("0")
    numbers = page.locator("#rows tbody tr > td.n:nth-child(1 of td.n)").all_inner_texts()
    values = [float(text.split(" ±")[0].replace("−", "-")) for text in numbers if text != "–"]
    assert values == sorted(values, reverse=True)
    assert said == []
    page.close()


def first(page, column=2):
    """The first row's cell."""
    return page.locator(f"#rows tbody tr:first-child td:nth-child({column})").inner_text()


SCREENS = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]


@pytest.mark.parametrize("page", SCREENS, indirect=True)
def test_nothing_is_wider_than_the_screen(page):
    assert page.evaluate(WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dark_pages_are_dark_and_light_ones_light(browser, report):
    shades = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        shades.append(
            page.evaluate("""() => ["backgroundColor", "color"].map((what) =>
            getComputedStyle(document.body)[what].match(/[0-9]+/g).slice(0, 3).reduce((a, b) => a + +b, 0))""")
        )
        page.close()
    (ground, ink), (dark_ground, dark_ink) = shades
    assert ground > ink + 300
    assert dark_ink > dark_ground + 300


def test_a_column_has_equal_decimals_and_its_title_is_broken_between_words_only(page):
    cells = page.locator("#rows tbody tr td:nth-child(3)").all_inner_texts()
    assert len({len(cell.split(".")[1]) for cell in cells}) == 1
    titles = page.locator("#rows thead .sorter").evaluate_all("""all => all.map((e) => {
        const cell = e.closest("th");
        return cell.scrollWidth <= cell.clientWidth + 1 && getComputedStyle(cell).overflowWrap === "normal";
    })""")
    assert all(titles)


def test_the_table_sorts_both_ways_and_says_so(page):
    assert page.locator("#found").inner_text() == "60 of 60"
    header = page.locator("#rows thead th", has_text="log R(x)")
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert float(first(page, 4)) == pytest.approx(0.95)
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert float(first(page, 4)) == pytest.approx(0.05)
    page.locator("#sort").select_option("-1")
    assert page.locator("#rows [aria-sort]").count() == 0
    assert float(first(page, 3)) == pytest.approx(0.95)


def test_the_table_searches_filters_and_turns_pages(page):
    page.locator("#after").click()
    assert page.locator("#page").inner_text() == "page 2 of 6"
    page.locator("#search").fill("ccncc")
    assert page.locator("#found").inner_text() == "10 of 60"
    page.locator("#search").fill("")
    page.get_by_text("Filter by numbers").click()
    page.get_by_label("log R(x) from").fill("0.5")
    page.get_by_label("log R(x) to").fill("0.8")
    left = int(((VALUES >= 0.5) & (VALUES <= 0.8)).sum())
    assert page.locator("#found").inner_text() == f"{left} of 60"
    page.locator("#clear").click()
    assert page.locator("#found").inner_text() == "60 of 60"


def saved(page, button, folder):
    with page.expect_download() as found:
        page.locator(button).click()
    place = folder / found.value.suggested_filename
    found.value.save_as(place)
    return place


def test_what_is_left_is_saved_as_csv_and_sdf(page, tmp_path):
    page.locator("#search").fill("[O-]")
    rows = list(csv.DictReader(saved(page, "#csv", tmp_path).open()))
    assert len(rows) == 10
    assert [float(row["value"]) for row in rows] == sorted((float(row["value"]) for row in rows), reverse=True)
    page.locator("#search").fill("")
    read = list(Chem.SDMolSupplier(str(saved(page, "#sdf", tmp_path))))
    assert [Chem.MolToSmiles(mol) for mol in read] == [mol.GetProp("smiles") for mol in read]
    assert len({mol.GetProp("smiles") for mol in read}) == 60
    assert float(read[0].GetProp("value")) == pytest.approx(0.95)


def test_smiles_are_copied(browser, report):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("#rows tbody tr:first-child .copy").click()
    page.wait_for_function("document.querySelector('#rows .copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == first(page).split()[0]
    context.close()


def test_the_map_has_every_molecule_and_answers_the_keyboard(page):
    assert page.locator("#map g:not(.known) circle").count() == 60
    before = page.locator("#picked-key").inner_text()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    after = page.locator("#picked-key").inner_text()
    assert after != before
    assert page.locator("#picked-drawing svg").count() == 1
    colours = page.locator("#map g:not(.known) circle").evaluate_all("all => all.map(c => c.getAttribute('fill'))")
    page.locator("#colour").select_option(label="molecular weight (g/mol)")
    again = page.locator("#map g:not(.known) circle").evaluate_all("all => all.map(c => c.getAttribute('fill'))")
    assert again != colours
    page.locator("#picked-open").click()
    assert after in page.locator("#rows tr.here").inner_text()
