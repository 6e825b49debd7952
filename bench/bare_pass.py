"""The reference: a minimal Playwright script with the same requests and the same browser.

Usage: bare_pass.py EXECUTABLE URL CONCURRENCY KEY…
"""

import asyncio
import json
import os
import sys

from playwright.async_api import Browser, async_playwright

FETCH = "async path => await (await fetch(path, {credentials: 'include'})).text()"


async def main(executable: str, url: str, concurrency: int, keys: list[str]) -> None:
    """Read every account."""
    semaphore = asyncio.Semaphore(concurrency)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, chromium_sandbox=os.geteuid() != 0
        )

        async def bounded(key: str) -> None:
            async with semaphore:
                await read(browser, url, key)

        await asyncio.gather(*map(bounded, keys))
        await browser.close()


async def read(browser: Browser, url: str, key: str) -> None:
    """Read one account's organizations and usage in its own browser context."""
    context = await browser.new_context()
    await context.add_cookies([{"name": "sessionKey", "value": key, "url": url}])
    page = await context.new_page()
    response = await page.goto(url + "/api/organizations", wait_until="commit")
    uuid = json.loads(await response.text())[0]["uuid"] if response else ""
    usage = json.loads(await page.evaluate(FETCH, f"/api/organizations/{uuid}/usage"))
    print(key[-4:], usage["five_hour"]["utilization"])
    await context.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
