import asyncio

from watchword.app import App

asyncio.run(App().run())
