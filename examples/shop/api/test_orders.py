"""Placing orders and following them. Slow on purpose: the shop takes its time to pack."""

import pytest


def test_an_order_goes_its_way(customer, admin, wait_for):
    order = customer.place_order(mug=2)
    number = order["number"]
    assert order["state"] == "received"
    wait_for(lambda: customer.get(f"/orders/{number}").body["state"], "packed")
    assert admin.post(f"/admin/orders/{number}/shipment").body["state"] == "shipped"
    assert customer.post(f"/orders/{number}/cancellation").error == "already_shipped"


@pytest.mark.shop(processing_ms=600_000)
def test_an_order_is_not_shipped_before_it_is_packed(customer, admin):
    number = customer.place_order(mug=2)["number"]
    assert admin.post(f"/admin/orders/{number}/shipment").error == "not_packed"


def test_a_cancelled_order_gives_its_goods_back(customer, guest):
    order = customer.place_order(kettle=5)
    assert guest.get("/products/kettle").body["stock"] == 0
    assert customer.post(f"/orders/{order['number']}/cancellation").body["state"] == "cancelled"
    assert guest.get("/products/kettle").body["stock"] == 5


def test_the_order_of_somebody_else_is_not_there(customer, admin):
    number = customer.place_order(tin=1)["number"]
    assert admin.get(f"/orders/{number}").status == 404


@pytest.mark.parametrize(
    ("details", "status", "code"),
    [
        ({"address": "1 Test Lane", "card": "4000000000000002"}, 402, "card_declined"),
        ({"address": "1 Test Lane", "card": "1234"}, 422, "invalid"),
        ({"address": " ", "card": "4242424242424242"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_paid_or_sent_is_refused(customer, details, status, code):
    customer.put_in_cart(mug=1)
    reply = customer.post("/orders", details)
    assert (reply.status, reply.error) == (status, code)
    assert customer.get("/cart").body["count"] == 1


def test_an_empty_cart_cannot_be_ordered(customer):
    assert customer.post("/orders", {"address": "1 Test Lane", "card": "4242424242424242"}).error == "empty_cart"
