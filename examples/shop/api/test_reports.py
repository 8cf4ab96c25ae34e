"""Reports. Slow on purpose: the first test waits for a report as long as the shop takes for it."""

import pytest


def state_of(admin, report):
    return lambda: admin.get(f"/admin/reports/{report['id']}").body["state"]


def test_a_sales_report_adds_up(customer, admin, wait_for):
    customer.place_order(mug=2, kettle=1)
    report = admin.post("/admin/reports", {"kind": "sales"}).body
    assert report["state"] == "running"
    wait_for(state_of(admin, report), "done")
    assert admin.get(f"/admin/reports/{report['id']}").body["rows"] == [
        {"product": "Gooseneck Kettle", "pieces": 1, "sumCents": 6900},
        {"product": "Speckled Mug", "pieces": 2, "sumCents": 2300},
    ]


@pytest.mark.shop(report_ms=100)
def test_a_report_can_be_had_as_csv(admin, wait_for):
    report = admin.post("/admin/reports", {"kind": "stock"}).body
    wait_for(state_of(admin, report), "done")
    lines = admin.get(f"/admin/reports/{report['id']}.csv").body.splitlines()
    assert lines[:2] == ["product,pieces,sumCents", "Pocket Scale,0,0"]
    assert len(lines) == 13


def test_an_unknown_report_is_refused(admin):
    assert admin.post("/admin/reports", {"kind": "weather"}).status == 422
    assert admin.get("/admin/reports/99").status == 404
