"""Photograph the built site in a headless Chromium, wide and narrow; try its search.

``pip install playwright`` brings no browser of its own; any Chromium will do, such as
Debian's (``apt-get install chromium``). After ``make docs`` run
``python docs/screenshots.py [folder] [path of the browser]``.
"""

import functools
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[1] / "build" / "docs"
PAGES = {
    "front": "index.html",
    "guide": "data.html",
    "theory": "network.html",
    "pictures": "pictures.html",
    "trouble": "troubleshooting.html",
    "api": "api/sklearn_snn.SNNClassifier.html",
    "api_list": "api/index.html",
    "gallery": "gallery/index.html",
    "example": "gallery/shap_values.html",
    "mlp": "from_mlp.html",
}
WIDTHS = (1280, 390)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *args):
        """Say nothing."""


def serve():
    """Address of a server of the site, on this machine only."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=SITE)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def photograph(browser, address, folder):
    """Save a picture of each page at each width; complain of those that are wider."""
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("pageerror", lambda error: print("error of a script:", error))
        for name, path in PAGES.items():
            page.goto(f"{address}/{path}")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"{name}_{width}.png")
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                print(f"{path} is {needed} pixels wide on a screen of {width}")
        page.close()


def search(browser, address, folder, word):
    """Number of results that the site's search finds for a word."""
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 900})
    page.goto(f"{address}/search.html?q={word}")
    page.wait_for_selector("#search-results li")
    page.wait_for_timeout(1_000)
    page.screenshot(path=folder / "search.png")
    return page.locator("#search-results li").count()


def main(folder="build/screenshots", executable="/usr/bin/chromium"):
    """Photograph everything."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"]
        )
        address = serve()
        photograph(browser, address, folder)
        print("results for quantile:", search(browser, address, folder, "quantile"))
        browser.close()
    print(f"pictures are in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
