"""Requests that no page of the shop would make. The shop says no and lives on."""

import pytest


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"{not json", 400),
        (b"[1, 2]", 422),
        (b"null", 422),
        (b'{"quantity": 1}' + b" " * 70_000, 413),
    ],
)
def test_bad_bodies(guest, data, status):
    assert guest.send_raw("PUT", "/cart/items/mug", data).status == status
    assert guest.get("/products").status == 200


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/products/%E0%A4", 404), ("/products/..%2F..%2Fpackage.json", 404)])
def test_bad_paths(guest, path, status):
    assert guest.get(path).status == status


def test_a_wrong_method_is_told_apart_from_a_wrong_path(guest):
    assert guest.delete("/products").status == 405


def test_markup_is_data(admin, guest):
    name = '<img src=x onerror="alert(1)">'
    made = admin.post("/admin/products", {"name": name, "priceCents": 100}).body
    assert guest.get(f"/products/{made['id']}").body["name"] == name
