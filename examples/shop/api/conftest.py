"""Every test gets a shop of its own on a port of its own, and visitors of three kinds."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from client import Client

MAIN = Path(__file__).parent.parent / "server" / "main.js"
STOP_SECONDS = 10


@pytest.fixture
def shop_options(request):
    """Command-line options of the shop, from ``@pytest.mark.shop(report_ms=100)``."""
    marker = request.node.get_closest_marker("shop")
    return marker.kwargs if marker else {}


@pytest.fixture
def shop(shop_options):
    """The address of a fresh shop, which ends with the test (or with this process, whatever happens to it)."""
    node = shutil.which("node")
    assert node, "the shop needs Node.js on the PATH"
    flags = [word for name, value in shop_options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [node, str(MAIN), "--port", "0", "--exit-with-stdin", *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().removeprefix("shop listening on ").strip()
        process.stdin.close()
        process.wait(timeout=STOP_SECONDS)


@pytest.fixture
def guest(shop):
    return Client(shop)


@pytest.fixture
def customer(shop):
    return Client(shop).sign_in("customer@shop.example", "customer-demo")


@pytest.fixture
def admin(shop):
    return Client(shop).sign_in("admin@shop.example", "admin-demo")


@pytest.fixture
def wait_for():
    """Asks until the answer is the wanted one, with a bound: ``wait_for(lambda: order()["state"], "packed")``."""

    def wait(ask, wanted, seconds=15, every=0.1):
        end = time.monotonic() + seconds
        while (answer := ask()) != wanted:
            assert time.monotonic() < end, f"still {answer!r} and not {wanted!r} after {seconds} s"
            time.sleep(every)
        return answer

    return wait
