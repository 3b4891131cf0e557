"""Pictures of routes are whole SVG documents that name reactions, blocks and prices."""

from xml.etree import ElementTree

from tests.chemistry.reactions.test_route import ACID, AMIDE, AMINE, ROUTE

from molgfn.chemistry.reactions.picture import route_svg
from molgfn.chemistry.reactions.route import Route
from molgfn.chemistry.reactions.step import Step

SVG = "{http://www.w3.org/2000/svg}"


def words(svg):
    root = ElementTree.fromstring(svg)
    return [text.text for text in root.findall(f"{SVG}text")], len(root.findall(f"{SVG}svg"))


def test_a_route_of_two_steps(small):
    texts, molecules = words(route_svg(ROUTE, small))
    assert molecules == 6
    assert texts == [
        "bromobenzoic, 2.5 USD per gram",
        "+",
        "ethanolamine, 0.5 USD per gram",
        "amide coupling, primary",
        "amine",
        "step 1",
        "from step 1",
        "+",
        "boronic, 3 USD per gram",
        "Suzuki coupling",
        "product",
    ]


def test_a_block_alone_and_what_is_not_in_stock(small):
    assert words(route_svg(Route(AMINE), small)) == (["ethanolamine, 0.5 USD per gram"], 1)
    foreign = Route(ACID, (Step(0, (ACID, "CCN"), AMIDE),))
    assert "not in stock" in words(route_svg(foreign, small))[0]
    unknown = Route("CCN", (Step(0, (ACID, "CCN"), AMIDE),))
    assert words(route_svg(unknown, small, begins="made before"))[0][2] == "made before"


def test_names_are_text_not_markup(small):
    from dataclasses import replace

    from molgfn.chemistry.reactions.library import ReactionLibrary

    blocks = [replace(block, id="<b>&") if block.smiles == AMINE else block for block in small.blocks]
    assert words(route_svg(Route(AMINE), ReactionLibrary(blocks, small.reactions, small.about)))[0] == [
        "<b>&, 0.5 USD per gram"
    ]
