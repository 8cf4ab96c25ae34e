"""Sums, vouchers and limits of a cart. Amounts are in cents."""

import pytest


@pytest.mark.parametrize(
    ("quantities", "goods", "shipping"),
    [
        ({"mug": 1}, 1150, 490),
        ({"mug": 4}, 4600, 490),
        ({"mug": 5}, 5750, 0),
        ({"teapot": 1, "cup": 1}, 5650, 0),
    ],
)
def test_sums(guest, quantities, goods, shipping):
    cart = guest.put_in_cart(**quantities)
    assert (cart["goodsCents"], cart["shippingCents"], cart["totalCents"]) == (goods, shipping, goods + shipping)


def test_a_voucher_counts_before_shipping(guest):
    guest.put_in_cart(mug=5)
    cart = guest.put("/cart/voucher", {"code": " welcome10 "}).body
    assert (cart["discountCents"], cart["totalCents"]) == (575, 5175)
    cart = guest.put("/cart/items/mug", {"quantity": 4}).body
    assert (cart["discountCents"], cart["shippingCents"]) == (460, 490)


@pytest.mark.parametrize("quantity", [-1, 21, 1.5, "two", None])
def test_a_quantity_that_is_none_is_refused(guest, quantity):
    assert guest.put("/cart/items/mug", {"quantity": quantity}).status == 422


def test_more_than_there_is_is_refused(guest):
    reply = guest.put("/cart/items/kettle", {"quantity": 6})
    assert (reply.status, reply.error) == (409, "out_of_stock")


def test_carts_are_apart(guest, customer):
    guest.put_in_cart(tin=1)
    assert customer.get("/cart").body["count"] == 0
