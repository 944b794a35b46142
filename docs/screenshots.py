"""The README's pictures, taken from the running stack: the console, and one Slack message while it burns and after.

Run `make screenshots`; it starts the stack when none runs, plays the slow consumer, and takes about three minutes.
"""

import asyncio
import time
from pathlib import Path

from playwright.async_api import Page, async_playwright
from rich.console import Console

from compose.addresses import DEFAULT_PORT_BASE, PROJECT
from compose.drills.breaking import all_of
from compose.drills.table import DRILLS
from compose.native import stack as native_stack
from compose.native import tools

IMAGES = Path(__file__).parent / "images"
DRILL = DRILLS["lag"]
MESSAGE = "article.message"
console = Console()


async def take(stack: native_stack.Stack) -> None:
    """Play the drill's scenario and photograph what a person sees."""
    slack = f"{stack.book['slack_url']}/channels/{DRILL.expects.channel}?embed=1"
    async with async_playwright() as playwright:
        program = tools.chromium()
        browser = await playwright.chromium.launch(executable_path=program, args=tools.CHROMIUM_FLAGS)
        channel = await browser.new_page(viewport={"width": 760, "height": 900}, device_scale_factor=2)
        await channel.goto(slack)
        known = await channel.locator(MESSAGE).count()
        with all_of(DRILL.breaks, stack):
            console.print(f"waiting for {DRILL.expects.alert} …")
            message = channel.locator(MESSAGE).nth(known)
            await message.get_by_text("Firing").first.wait_for(timeout=240_000)
            await message.screenshot(path=IMAGES / "slack-firing.png")
            page = await browser.new_page(viewport={"width": 1440, "height": 1000})
            await photograph(page, stack.book["console_url"])
        console.print("waiting until it is over …")
        await message.get_by_text("Resolved").first.wait_for(timeout=300_000)
        # what has just changed is shown on yellow for a moment
        await message.screenshot(path=IMAGES / "slack-resolved.png", animations="disabled")
        await browser.close()


async def photograph(page: Page, url: str) -> None:
    """Take the console's first page once its charts have drawn."""
    await page.goto(url)
    await page.locator("canvas").first.wait_for()
    await page.wait_for_timeout(6000)
    await page.screenshot(path=IMAGES / "console.png")


def main() -> None:
    """Use the stack that runs, or one of its own."""
    stack = native_stack.at(PROJECT / ".bongsu", None, DEFAULT_PORT_BASE)
    ours = not stack.running()
    try:
        if ours:
            stack.start()
            for _ in stack.wait():
                pass
            console.print("letting steady traffic draw some lines …")
            time.sleep(120)
        asyncio.run(take(stack))
    finally:
        if ours:
            stack.stop()
    console.print(f"pictures are in {IMAGES.relative_to(PROJECT)}/")


if __name__ == "__main__":
    main()
