"""The cart: test classes inside a class, a fixture, and a file that can be emptied."""

import os

import pytest


@pytest.fixture
def cart():
    return []


if not os.environ.get("SUITE_EMPTY"):

    class TestCart:
        def test_starts_empty(self, cart):
            assert cart == []

        class TestWithGoods:
            def test_größe_wächst(self, cart):
                cart.append("apple")
                assert len(cart) == 1

            def test_same_name(self, cart):
                assert not cart

    def test_same_name(cart):
        assert not cart
