"""What the staff may change in the catalogue, and nobody else."""

import pytest


@pytest.mark.parametrize(("visitor", "status"), [("guest", 401), ("customer", 403), ("admin", 200)])
def test_only_the_staff_gets_in(request, visitor, status):
    assert request.getfixturevalue(visitor).get("/admin/products").status == status


def test_a_new_product_can_be_bought(admin, guest):
    made = admin.post("/admin/products", {"name": "Bamboo Whisk", "priceCents": 1800}).body
    assert admin.post(f"/admin/products/{made['id']}/stock", {"delta": 3, "reason": "delivery"}).body["stock"] == 3
    assert guest.put("/cart/items/bamboo-whisk", {"quantity": 3}).body["goodsCents"] == 5400


def test_a_hidden_product_is_not_found(admin, guest):
    assert admin.patch("/admin/products/tin", {"listed": False}).status == 200
    assert guest.get("/products/tin").status == 404


@pytest.mark.parametrize(
    "change", [{"priceCents": 0}, {"priceCents": "free"}, {"name": ""}, {"colour": "red"}, {"constructor": True}]
)
def test_a_bad_change_is_refused(admin, change):
    assert admin.patch("/admin/products/tin", change).status == 422


def test_stock_never_falls_below_zero(admin):
    assert admin.post("/admin/products/kettle/stock", {"delta": -6}).error == "out_of_stock"
    assert admin.get("/admin/stock").body["movements"] == []
