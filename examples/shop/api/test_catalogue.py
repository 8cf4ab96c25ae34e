"""What guests can see and search."""

import pytest


def names(reply):
    return [product["name"] for product in reply.body["products"]]


def test_lists_every_product_by_name(guest):
    reply = guest.get("/products")
    assert reply.status == 200
    assert len(names(reply)) == 12
    assert names(reply) == sorted(names(reply))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=mug", ["Speckled Mug"]),
        ("category=pots", ["Gooseneck Kettle", "Stoneware Teapot"]),
        ("category=cups&sort=price-down", ["Double-wall Cup", "Speckled Mug"]),
        ("q=nothing+like+this", []),
    ],
)
def test_search(guest, query, expected):
    assert names(guest.get(f"/products?{query}")) == expected


def test_an_unknown_order_is_refused(guest):
    reply = guest.get("/products?sort=colour")
    assert (reply.status, reply.error) == (422, "invalid")


def test_one_product(guest):
    assert guest.get("/products/teapot").body["priceCents"] == 4200
    assert guest.get("/products/samovar").status == 404
