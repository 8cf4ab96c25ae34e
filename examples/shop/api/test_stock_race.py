"""Two customers want the last pieces: exactly one gets them."""

from concurrent.futures import ThreadPoolExecutor

ORDER = {"address": "1 Test Lane", "card": "4242424242424242"}


def test_the_last_pieces_are_sold_once(customer, admin):
    customer.put_in_cart(kettle=3)
    admin.put_in_cart(kettle=3)
    with ThreadPoolExecutor() as pool:
        replies = list(pool.map(lambda client: client.post("/orders", ORDER), [customer, admin]))
    assert sorted(reply.status for reply in replies) == [201, 409]
    assert customer.get("/products/kettle").body["stock"] == 2
