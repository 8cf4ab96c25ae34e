"""Signing in, registering, and what a session may do."""

import pytest

NEWCOMER = {"name": "New Customer", "email": "newcomer@shop.example", "password": "a-long-one"}


def test_a_guest_has_no_account(guest):
    assert guest.get("/session").body == {"account": None, "cartCount": 0}
    assert guest.get("/account").error == "sign_in_first"


def test_signing_in_and_out(customer):
    assert customer.get("/account").body["role"] == "customer"
    assert customer.delete("/session").status == 204
    assert customer.get("/account").status == 401


def test_a_wrong_password_is_refused(guest):
    reply = guest.post("/session", {"email": "customer@shop.example", "password": "guess"})
    assert (reply.status, reply.error) == (401, "wrong_credentials")


def test_registering(guest):
    reply = guest.post("/accounts", NEWCOMER)
    assert reply.status == 201
    assert reply.body["account"] == {"email": NEWCOMER["email"], "name": NEWCOMER["name"], "role": "customer", "address": ""}
    assert guest.post("/accounts", NEWCOMER).error == "email_taken"


@pytest.mark.parametrize("bad", [{"email": "nobody"}, {"name": " "}, {"password": "short"}])
def test_registering_needs_good_details(guest, bad):
    assert guest.post("/accounts", NEWCOMER | bad).status == 422


def test_the_guests_cart_comes_along(guest):
    guest.put_in_cart(mug=2)
    guest.sign_in("customer@shop.example", "customer-demo")
    assert guest.get("/cart").body["count"] == 2
