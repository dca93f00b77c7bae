"""Look at the built site in a headless Chromium, wide and narrow; try its search.

Some pages are photographed, all are looked through for what is cut off, pictures that
are missing, errors of scripts and files from elsewhere: any of these is a failure.

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


#: Elements of a page's article that reach out of it and cannot be scrolled to, and
#: pictures that are not there.
CUT_OFF = """() => {
  const article = document.querySelector("article") || document.body;
  const right = article.getBoundingClientRect().right + 2;
  const scrolls = (element) => {
    for (let e = element.parentElement; e && e !== article; e = e.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true;
    return false;
  };
  const text = (e) => (e.textContent || e.src || "").trim().slice(0, 40);
  const kinds = "table, pre, img, p, li, dt, h1, h2, code";
  const found = [...article.querySelectorAll(kinds)];
  const cut = found.filter(
    (e) => e.getBoundingClientRect().right > right && !scrolls(e)
  );
  const missing = found.filter(
    (e) => e.tagName === "IMG" && e.complete && !e.naturalWidth && e.loading !== "lazy"
  );
  return [...cut, ...missing].map((e) => `${e.tagName} ${text(e)}`);
}"""


def look_through(browser, address, width):
    """What is wrong with the pages at a width, a line each."""
    faults = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((address, "data:"))
            or faults.append(f"{page.url} asks for {request.url}")
        ),
    )
    for path in sorted(SITE.rglob("*.html")):
        name = path.relative_to(SITE).as_posix()
        if not name.startswith(("_static", "_sources")):
            page.goto(f"{address}/{name}")
            page.wait_for_load_state("load")
            cut = page.evaluate(CUT_OFF)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                cut.append("the page itself")
            faults += [f"{name}, {width} pixels, cut off: {one}" for one in cut]
    page.close()
    return faults


def photograph(browser, address, width, folder):
    """Save a picture of each of some pages at a width."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    for name, path in PAGES.items():
        page.goto(f"{address}/{path}")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}_{width}.png")
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
    """Photograph, look through, search; returns how many faults there are."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    faults = []
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"]
        )
        address = serve()
        for width in WIDTHS:
            photograph(browser, address, width, folder)
            faults += look_through(browser, address, width)
        if not search(browser, address, folder, "quantile"):
            faults.append("the search finds nothing for quantile")
        browser.close()
    print(*faults, f"{len(faults)} faults; pictures are in {folder}", sep="\n")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
